"""Answers about policies, over a cluster and a kernel that are made up."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pytest
import trio
from msgspec.structs import replace
from trio.testing import MockClock

from sim.policy.host import FakeHost
from tests.core.policy.example import NAMESPACES, PODS, network_policy
from tests.policy.engines import FakeSource
from vcnd.model.errors import BadRequestError, TryAgainError
from vcnd.model.policy import (
    Attached,
    Cluster,
    Direction,
    Packet,
    Policy,
    PolicyPod,
    Protocol,
)
from vcnd.model.policy_answers import Counts, Explained, Ruling, WayInForce
from vcnd.model.policy_questions import DryRunQuestion, ExplainQuestion, ShowQuestion
from vcnd.policy.answers import AT_ONCE, JUDGING_SECONDS, Answers

CLUSTER = Cluster(namespaces=NAMESPACES, pods=PODS)
CLOSED = network_policy(name="closed", ingress=())
WEB = Attached(link="oci1", addresses=PODS[0].addresses, namespace="shop", name="web")
STRAY = Attached(link="oci9", addresses=("10.0.0.9",), namespace="shop", name="stray")
OWN = "10.1.0.1"


class FakeKernel:
    """Rules that do what the test says."""

    def __init__(self, *, drops: Collection[str] = (), unread: str = "") -> None:
        self.drops, self.unread = drops, unread
        self.asked: list[tuple[Packet, str, str]] = []
        self.tracked: list[tuple[Packet, int]] = []
        self.reads_seconds = 0.0

    async def own_addresses(self) -> Collection[str]:
        return [OWN]

    async def in_force(
        self, link: str, addresses: Sequence[str]
    ) -> Mapping[Direction, WayInForce]:
        way = WayInForce(chain=link, number=1, counts=Counts(accepted=1, denied=2))
        return dict.fromkeys(Direction, way)

    async def rulings(
        self, packet: Packet, iifname: str, oifname: str
    ) -> Sequence[Ruling] | str:
        self.asked.append((packet, iifname, oifname))
        if self.unread:
            return self.unread
        return [
            Ruling(chain=name, allowed=name not in self.drops, path=(name,), handle=1)
            for name in ("egress_side", "ingress_side")
        ]

    async def connections(
        self, addresses: Collection[str]
    ) -> tuple[Sequence[tuple[Packet, int]], int]:
        return self.tracked, sum(n for _, n in self.tracked)


def read(objects: list[Any]) -> list[Policy]:
    """Return policies by their names: ``read`` of the API's objects has own tests."""
    if "bad" in objects:
        raise BadRequestError("object 1: bad")
    return [CLOSED for _ in objects]


def answers(
    kernel: FakeKernel, *links: Attached, known: Cluster | None = CLUSTER
) -> Answers:
    return Answers(FakeSource(known), FakeHost(*links), kernel, read)


def tcp(source: str, destination: str, port: int = 80) -> ExplainQuestion:
    return ExplainQuestion(
        source=source, destination=destination, protocol=Protocol.TCP, port=port
    )


async def explained(
    kernel: FakeKernel, question: ExplainQuestion, *links: Attached
) -> list[Explained]:
    known = replace(CLUSTER, policies=(CLOSED,))
    answer = await answers(kernel, *links, known=known).explain(question)
    return list(answer.connections)


async def test_a_pod_here_is_shown_with_what_is_in_force() -> None:
    known = replace(CLUSTER, policies=(CLOSED,))
    shown = await answers(FakeKernel(), WEB, known=known).show(ShowQuestion(pod="web"))
    assert (shown.pod, shown.link, shown.node) == ("shop/web", "oci1", "one")
    assert shown.addresses == PODS[0].addresses
    assert shown.held == ""
    assert (shown.ingress.isolated, shown.egress.isolated) == (True, False)
    assert shown.ingress.in_force.chain == "oci1"


async def test_a_pod_elsewhere_is_shown_by_the_cluster_alone() -> None:
    shown = await answers(FakeKernel(), WEB).show(ShowQuestion(pod="bank/till"))
    assert (shown.pod, shown.link, shown.node) == ("bank/till", "", "two")
    assert shown.ingress.in_force == WayInForce()


async def test_a_pod_that_the_cluster_lacks_is_shown_as_held() -> None:
    shown = await answers(FakeKernel(), STRAY).show(ShowQuestion(pod="stray"))
    assert (shown.pod, shown.addresses) == ("shop/stray", STRAY.addresses)
    assert "not told of the pod" in shown.held


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nobody", "no pod nobody is known"),
        ("bank/web", "no pod bank/web is known"),
        ("web", "several pods: bank/web, shop/web"),
    ],
)
async def test_a_name_has_to_be_that_of_one_pod(name: str, words: str) -> None:
    pods: tuple[PolicyPod, ...] = PODS
    if "several" in words:
        pods = (*PODS, replace(PODS[0], namespace="bank", addresses=("10.0.0.8",)))
    asked = answers(FakeKernel(), known=replace(CLUSTER, pods=pods))
    with pytest.raises(BadRequestError, match=words):
        await asked.show(ShowQuestion(pod=name))


async def test_nothing_is_answered_before_all_is_known() -> None:
    unknown = answers(FakeKernel(), known=None)
    with pytest.raises(TryAgainError, match="whole cluster"):
        await unknown.explain(tcp("web", "db"))
    with pytest.raises(TryAgainError):
        await unknown.dry_run(DryRunQuestion(objects=[]))


async def test_each_family_of_two_pods_is_explained() -> None:
    kernel = FakeKernel(drops=["ingress_side"])
    first, second = await explained(kernel, tcp("till", "web"), WEB)
    assert (first.packet.source, second.packet.source) == PODS[2].addresses
    assert not first.allowed
    assert first.kernel.agrees
    assert second.kernel.agrees
    # What comes from elsewhere comes by no pod's link.
    assert [(i, o) for _, i, o in kernel.asked] == [("", "oci1")] * 2


async def test_a_difference_counts_only_if_it_lasts(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    kernel = FakeKernel()
    (early, *_) = await explained(kernel, tcp("10.0.0.3", "web"), WEB)
    assert early.kernel.agrees is False
    assert len(kernel.asked) == 3

    async def mend() -> None:
        await trio.sleep(0.1)
        kernel.drops = ["ingress_side"]

    nursery.start_soon(mend)
    (late, *_) = await explained(kernel, tcp("10.0.0.3", "web"), WEB)
    assert late.kernel.agrees


async def test_a_rule_that_cannot_be_read_differs(autojump_clock: MockClock) -> None:
    kernel = FakeKernel(unread="chain x, handle 4: meta mark")
    (found,) = await explained(kernel, tcp("10.0.0.3", "web"), WEB)
    assert found.kernel.agrees is False
    assert "chain x, handle 4" in found.kernel.differences[0]


@pytest.mark.parametrize(
    ("source", "destination", "why"),
    [
        ("till", "db", "no end is a pod of this node: ask on node one or two"),
        ("192.0.2.1", "192.0.2.2", "no end is a pod of this node"),
        (OWN, "web", "a node and its own pods"),
    ],
)
async def test_what_the_kernel_does_not_judge_is_not_compared(
    source: str, destination: str, why: str
) -> None:
    found, *_ = await explained(FakeKernel(), tcp(source, destination), WEB)
    assert found.kernel.agrees is None
    assert why in found.kernel.why


async def test_a_held_pod_is_denied_and_the_kernel_agrees() -> None:
    kernel = FakeKernel(drops=["egress_side", "ingress_side"])
    (found,) = await explained(kernel, tcp("stray", "web"), WEB, STRAY)
    assert [side.ground for side in found.sides] == ["held", "isolated"]
    assert found.kernel.agrees


async def test_an_unknown_pod_is_open_where_policies_are_not_strict() -> None:
    links, kernel = FakeHost(WEB, STRAY), FakeKernel()
    asked = Answers(FakeSource(CLUSTER), links, kernel, read, strict=False)
    (found,) = (await asked.explain(tcp("stray", "web"))).connections
    assert [side.ground for side in found.sides] == ["ajar", "nothing"]
    assert found.kernel.agrees
    shown = await asked.show(ShowQuestion(pod="stray"))
    assert shown.held == ""
    assert "not told of the pod" in shown.ajar


async def test_ends_without_a_common_family_are_refused() -> None:
    with pytest.raises(BadRequestError, match="no family in common"):
        await explained(FakeKernel(), tcp("stray", "fd00::1"), WEB, STRAY)


async def test_dry_run_judges_tracked_connections() -> None:
    kernel = FakeKernel()
    packet = Packet(
        source="10.0.0.3", destination="10.0.0.1", protocol=Protocol.TCP, port=80
    )
    kernel.tracked = [(packet, 5), (replace(packet, source=OWN), 1)]
    answer = await answers(kernel, WEB).dry_run(DryRunQuestion(objects=[{}]))
    assert (answer.connections, answer.judged, answer.denied) == (6, 6, 5)
    assert [x.source for x in answer.groups] == ["bank/till"]


async def test_dry_run_lets_others_go_on_and_has_an_end(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    kernel = FakeKernel()
    kernel.tracked = [
        (
            Packet(
                source="10.0.0.3",
                destination="10.0.0.1",
                protocol=Protocol.TCP,
                port=number,
            ),
            1,
        )
        for number in range(1, 20 * AT_ONCE)
    ]
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            autojump_clock.jump(JUDGING_SECONDS / 9)
            await trio.lowlevel.checkpoint()

    nursery.start_soon(other)
    answer = await answers(kernel, WEB).dry_run(DryRunQuestion(objects=[{}]))
    assert turns > 5
    assert 0 < answer.judged < answer.connections
    assert answer.denied == answer.judged
    nursery.cancel_scope.cancel()


async def test_bad_policies_are_refused_before_anything_is_looked_at() -> None:
    with pytest.raises(BadRequestError, match="bad"):
        await answers(FakeKernel(), known=None).dry_run(DryRunQuestion(objects=["bad"]))
