"""A rule that is added while flows are in the express lane."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fakeoci.fabric import netns
from integration.lab import express
from integration.lab.bare import BareNode, BareStage
from integration.tests.express import BRIEF, FAMILIES, KINDS, LASTING, LASTS, two

LEGACY = "/usr/sbin/iptables-legacy"


@contextmanager
def policy(node: BareNode, rule: str) -> Iterator[None]:
    """Have one rule in a forward chain."""
    script = f"""table inet lab_policy {{ chain forward {{
    type filter hook forward priority filter;
    {rule}
  }}
}}
"""
    netns.nft(node.name, script)
    try:
        yield
    finally:
        netns.nft(node.name, "delete table inet lab_policy\n")


@LASTING
@FAMILIES
@KINDS
@pytest.mark.parametrize("at", [0, 1], ids=["sender", "receiver"])
def test_a_new_rule_counts_at_once(
    stage: BareStage, kind: express.Opening, at: int, *, six: bool
) -> None:
    """The kernel tells vcnd of it: sooner than any flow is proven anew."""
    a, b = two(stage)
    with kind(a, b, six=six) as flow:
        assert all(express.rides(node, flow.exchange) for node in stage.nodes)
        family = "ip6" if six else "ip"
        with policy(stage.nodes[at], f"{family} daddr {b.address(six=six)} drop"):
            express.until(lambda: not flow.arrives(), "the rule counts", 1.0)


@BRIEF
@pytest.mark.skipif(not Path(LEGACY).exists(), reason="no iptables-legacy here")
def test_a_rule_without_an_event_counts_soon(stage: BareStage) -> None:
    a, b = two(stage)
    with express.udp(a, b) as flow:
        assert express.rides(a.node, flow.exchange)
        command = ["/usr/bin/nsenter", f"--net={netns.DIRECTORY / a.node.name}"]
        rule = ["FORWARD", "-d", b.address(), "-j", "DROP"]
        done = subprocess.run([*command, LEGACY, "-I", *rule], check=False)
        if done.returncode:
            pytest.skip("this kernel has no legacy iptables")
        express.until(lambda: not flow.arrives(), "the rule counts", 2 * LASTS)
        subprocess.run([*command, LEGACY, "-D", *rule], check=True)


@BRIEF
def test_a_rule_counts_soon_without_the_daemon(stage: BareStage) -> None:
    a, b = two(stage)
    with express.udp(a, b) as flow:
        assert express.rides(a.node, flow.exchange)
        a.node.kill()
        flow.exchange(express.EXCHANGES)
        with policy(a.node, f"ip daddr {b.address()} drop"):
            express.until(lambda: not flow.arrives(), "the rule counts", 2 * LASTS)
        a.node.start()
