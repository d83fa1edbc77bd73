"""The express lane by the clsact qdisc, as on kernels before 6.6."""

import sys
from collections.abc import Iterator

import pytest

from fakeoci.fabric import netns
from integration.lab import express
from integration.lab.bare import BareStage, bare_stage
from integration.tests.express import FAMILIES, KINDS, two

WITHOUT_TCX = """
import runpy, sys
from vcnd.bpf import tcx
tcx.is_there = lambda: False
sys.argv = ["bare_host", sys.argv[-1]]
runpy.run_module("integration.lab.bare_host", run_name="__main__")
"""


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BareStage]:
    """Two nodes whose kernel has no tcx."""
    command = (sys.executable, "-c", WITHOUT_TCX)
    with bare_stage(tmp_path_factory.mktemp("bare"), command=command) as made:
        yield made


@FAMILIES
@KINDS
@pytest.mark.parametrize("second_on", [1, 2])
def test_flows_use_the_lane_by_clsact(
    stage: BareStage, kind: express.Opening, second_on: int, *, six: bool
) -> None:
    a, b = two(stage, second_on=second_on)
    with kind(a, b, six=six) as flow:
        assert express.rides(a.node, flow.exchange)
    assert express.programs(a.node) == {}
    assert {a.link, "eth1"} <= netns.inside(a.node.name, express.links_with_clsact)


def test_switching_it_off_removes_qdiscs_but_those_of_pods(stage: BareStage) -> None:
    """Where one goes from a link that is up, packets are lost."""
    a, b = two(stage)
    a.node.call("switch", on=False)
    assert netns.inside(a.node.name, express.links_with_clsact) == {a.link}
    with express.udp(a, b) as flow:
        flow.exchange(2)
    a.node.call("switch", on=True)
    express.until_attached(a.node)
