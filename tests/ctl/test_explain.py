"""What ``vcndctl explain`` and ``vcndctl path`` print, and how they exit."""

import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from tests.answering import answering
from tests.explained import POD
from tests.policy.samples import STATUS as POLICY_STATUS
from vcnd import ctl
from vcnd.ctl.exits import Exit
from vcnd.ctl.explain_text import Explained, describe
from vcnd.ctl.path_text import Asked
from vcnd.ctl.path_text import describe as describe_path
from vcnd.model.cause import Cause
from vcnd.model.family import Family
from vcnd.model.pod_explained import PodAnswer, PodExplained, Stage, Step, Verdict
from vcnd.model.pod_path import Carrier, KernelWay, PathAnswer, Way
from vcnd.model.policy_answers import PodShown, WayShown
from vcnd.model.policy_status import PolicyAsked
from vcnd.model.vcn_rules import Ruling, VcnStep
from vcnd.model.vcn_rules import Stage as VcnStage

WORKS = replace(POD, steps=(POD.steps[0], POD.steps[2]))
WAITS = replace(
    POD,
    steps=(
        Step(
            stage=Stage.ADDRESS,
            verdict=Verdict.WAITING,
            cause=Cause.PENDING,
            reason="addresses are on their way",
        ),
    ),
)
WAY = Way(
    family=Family.IPV4,
    source="10.1.0.5",
    destination="8.8.8.8",
    link="oci1",
    carrier=Carrier.VNIC,
    kernel=KernelWay(
        mark=2,
        table=102,
        route="default",
        gateway="10.1.0.1",
        out="ens5",
        mtu=9000,
        by_own_vnic=True,
    ),
    vnic_id="ocid1.vnic.a",
    subnet_id="ocid1.subnet.a",
    nsg_ids=("ocid1.nsg.a",),
    vcn=(
        VcnStep(
            stage=VcnStage.EGRESS,
            ruling=Ruling.ALLOWED,
            at="ocid1.vnic.a",
            why="NSG ocid1.nsg.a: all to 0.0.0.0/0",
        ),
    ),
    vcn_ruling=Ruling.ALLOWED,
)
REFUSED = replace(
    WAY,
    vcn=(replace(WAY.vcn[0], ruling=Ruling.DENIED, why="no rule allows it"),),
    vcn_ruling=Ruling.DENIED,
)
UNREAD = replace(WAY, vcn=(), vcn_ruling=None, vcn_unread=("OCI does not answer",))
DROPPED = replace(
    WAY,
    carrier=Carrier.DROPPED,
    cause=Cause.KERNEL_REFUSED,
    reason="a blackhole rule\x1b[2J",
    vnic_id="",
)


def run(tmp_path: Path, answer: msgspec.Struct, *words: str) -> Result:
    path, body = tmp_path / "s", msgspec.json.encode(answer)
    path.unlink(missing_ok=True)
    with answering(path, b"0 %d\n%s" % (len(body), body)):
        return CliRunner().invoke(ctl.main, ["--socket", str(path), *words])


def lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


@pytest.mark.parametrize(
    ("pods", "code"),
    [
        ((WORKS,), Exit.FINE),
        ((POD,), Exit.WRONG),
        ((WAITS,), Exit.WRONG),
        ((WORKS, POD), Exit.WRONG),
        ((), Exit.UNSURE),
    ],
    ids=["works", "failed", "waits", "one of two", "unknown"],
)
@pytest.mark.parametrize("how", [[], ["--json"]], ids=["text", "json"])
def test_explain_exits_with_what_it_found(
    tmp_path: Path, pods: tuple[PodExplained, ...], code: Exit, how: list[str]
) -> None:
    # Policies are off in each sample but one, whose socket is away.
    done = run(tmp_path, PodAnswer(pods=pods), "explain", "web", *how)
    assert done.exit_code == code, done.output
    if how:
        assert len(json.loads(done.output)["pods"]) == len(pods)


@pytest.mark.parametrize("words", [["status"], ["explain", "web"], ["flows"]])
def test_watch_needs_a_terminal(tmp_path: Path, words: list[str]) -> None:
    command = ["--socket", str(tmp_path / "s"), *words, "--watch"]
    done = CliRunner().invoke(ctl.main, command)
    assert done.exit_code == Exit.USAGE
    assert "--watch needs a terminal" in done.output


def test_help_names_each_exit_code() -> None:
    shown = CliRunner().invoke(ctl.main, ["--help"]).output
    for code in Exit:
        assert f"\n    {code.value}  " in shown


def test_way_of_a_pod_is_told_in_order() -> None:
    assert lines(describe("web", [Explained(node=POD)])) == [
        "default/web 10.1.0.5 stands at vnic: vnic_gone",
        "✓ bound u1",
        "✗ vnic failed: vnic_gone ocid1.vnic.abcdefghijkl for 90 s, tried again in 5 s",
        "it is no longer attached; delete the pod",
        "- policy off",
        "",
        "Calls",
        "5 min ago ADD 3 times subnet_full no free VCN address",
    ]


def test_pod_that_policies_close_is_told() -> None:
    way = WayShown(isolated=False, policies=())
    shown = PodShown(
        pod="default/web",
        addresses=(),
        node="",
        held="no such pod is known",
        ingress=way,
        egress=way,
    )
    asked = PolicyAsked(status=POLICY_STATUS)
    found = Explained(node=WORKS, policy=asked, shown=shown)
    assert not found.is_well
    text = lines(describe("web", [found]))
    assert text[0].endswith("closed by network policies")
    assert "closed: no such pod is known" in text


def test_policy_process_that_is_away_is_told() -> None:
    found = Explained(node=WORKS, policy=PolicyAsked(reason="no socket"))
    assert not found.is_well
    assert "vcnd-policy does not answer: no socket" in describe("web", [found])


def test_unknown_pod_is_one_sentence() -> None:
    assert "knows no pod web" in describe("web", [])


@pytest.mark.parametrize(
    ("way", "code"),
    [
        (WAY, Exit.FINE),
        (DROPPED, Exit.WRONG),
        (REFUSED, Exit.WRONG),
        (replace(WAY, vcn_ruling=Ruling.UNKNOWN), Exit.UNSURE),
        (UNREAD, Exit.UNSURE),
    ],
    ids=["sent", "dropped", "refused", "depends", "unread"],
)
def test_path_exits_with_what_it_found(tmp_path: Path, way: Way, code: Exit) -> None:
    answer = PathAnswer(pod="default/web", ways=(way,))
    done = run(tmp_path, answer, "path", "web", "8.8.8.8")
    assert done.exit_code == code, done.output
    again = run(tmp_path, answer, "path", "web", "8.8.8.8", "--json")
    assert json.loads(again.output)["ways"][0]["way"]["carrier"] == way.carrier


def test_way_of_a_packet_is_told_in_order() -> None:
    assert lines(describe_path("default/web", [Asked(way=WAY)])) == [
        "default/web 10.1.0.5 → 8.8.8.8 leaves by the pod's VNIC",
        "link oci1",
        "mark 0x2",
        "table 102 default via 10.1.0.1 dev ens5, MTU 9000",
        "VNIC ocid1.vnic.a",
        "subnet ocid1.subnet.a",
        "NSGs ocid1.nsg.a",
        "egress allowed: NSG ocid1.nsg.a: all to 0.0.0.0/0",
    ]


def test_packet_that_the_vcn_drops_is_told() -> None:
    text = describe_path("default/web", [Asked(way=REFUSED), Asked(way=UNREAD)])
    assert "leaves by the pod's VNIC; the VCN drops it: egress" in text
    assert "denied: no rule allows it" in text
    assert "OCI does not answer" in text


def test_dropped_packet_has_its_reason_and_moves_no_cursor() -> None:
    text = describe_path("default/web", [Asked(way=DROPPED)])
    assert "dropped: kernel_refused" in text
    assert "a blackhole rule\\x1b[2J" in text
