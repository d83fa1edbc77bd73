"""What is told of a pod's packets, given what the kernel decides."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from msgspec.structs import replace

from sim.world import key, until_warm, world
from vcnd.flow.path import VCN_SECONDS, Paths, VcnLook
from vcnd.model.cause import Cause
from vcnd.model.errors import BadRequestError
from vcnd.model.family import Family
from vcnd.model.pod_path import Carrier, FirstPacket, KernelWay, PathQuestion, Way
from vcnd.model.sandbox import PodRef
from vcnd.model.vcn_rules import End, Ruling, Stage, VcnView
from vcnd.node import Node

Clock = trio.testing.MockClock
BY_VNIC = KernelWay(mark=2, table=102, route="default", out="ens5", by_own_vnic=True)


class Vcn:
    """Tells what a test sets; after a while."""

    def __init__(self, view: VcnView | None = None, seconds: float = 0.0) -> None:
        self.view, self.seconds = view or VcnView(), seconds
        self.asked: list[tuple[str, str, str, str]] = []

    async def __call__(
        self, *, vnic_id: str, source: str, destination: str, receiver_vnic_id: str
    ) -> VcnView:
        self.asked.append((vnic_id, source, destination, receiver_vnic_id))
        await trio.sleep(self.seconds)
        return self.view


class Kernel:
    """Decides as a test sets it."""

    def __init__(self, decided: KernelWay) -> None:
        self.decided = decided
        self.asked: list[FirstPacket] = []

    async def way(self, packet: FirstPacket) -> KernelWay:
        self.asked.append(packet)
        return self.decided


@asynccontextmanager
async def node_with_pods() -> AsyncIterator[Node]:
    async with world().node() as node:
        await until_warm(node)
        for number, name in ((1, "web"), (2, "near")):
            pod = PodRef(namespace="default", name=name, uid=name)
            await node.attacher.add(key(number), pod, 100 + number)
        yield node


async def way(
    node: Node,
    decided: KernelWay,
    destination: str = "8.8.8.8",
    vcn: VcnLook | None = None,
) -> tuple[Way, Kernel]:
    kernel = Kernel(decided)
    question = PathQuestion(pod="web", destination=destination, port=80)
    paths = Paths(pool=node.pool, kernel=kernel, vcn=vcn or Vcn())
    answer = await paths.path(question)
    assert answer.pod == "default/web"
    return answer.ways[0], kernel


DECIDED = [
    (BY_VNIC, Carrier.VNIC, None),
    (replace(BY_VNIC, by_own_vnic=False, out="ens3"), Carrier.PRIMARY, None),
    (replace(BY_VNIC, is_local=True), Carrier.NODE, None),
    (KernelWay(mark=2, refusal="a blackhole"), Carrier.DROPPED, Cause.KERNEL_REFUSED),
    (KernelWay(mark=None), Carrier.DROPPED, Cause.KERNEL_DIFFERS),
]


@pytest.mark.parametrize(("decided", "carrier", "cause"), DECIDED)
async def test_kernel_decides_what_becomes_of_a_packet(
    autojump_clock: Clock, decided: KernelWay, carrier: Carrier, cause: Cause | None
) -> None:
    async with node_with_pods() as node:
        found, kernel = await way(node, decided)
        assert (found.carrier, found.cause) == (carrier, cause)
        (slot,) = node.pool.vnics.pod_slots
        assert kernel.asked[0].number == slot.index
        assert {*(slot.vnic.vcn_cidrs or ())} < {*kernel.asked[0].inside}
        leaves = carrier is Carrier.VNIC
        assert found.vnic_id == (slot.vnic.id if leaves else "")
        assert bool(found.nsg_ids) is leaves


async def test_packet_to_a_pod_of_the_node_names_it(autojump_clock: Clock) -> None:
    async with node_with_pods() as node:
        near = node.pool.ledger.lease_of(key(2))
        assert near is not None
        there = KernelWay(mark=2, table=100, out=near.host_ifname)
        found, kernel = await way(node, there, "near")
        assert (found.carrier, found.to_pod) == (Carrier.POD, "default/near")
        assert kernel.asked[0].destination == near.address
        assert kernel.asked[0].between_classes is False


async def test_address_without_a_vnic_goes_nowhere(autojump_clock: Clock) -> None:
    async with node_with_pods() as node:
        for slot in node.pool.vnics.pod_slots:
            node.pool.vnics.retire(slot.vnic.id)
        found, kernel = await way(node, BY_VNIC)
        assert (found.carrier, found.cause) == (Carrier.DROPPED, Cause.VNIC_GONE)
        assert kernel.asked == []


@pytest.mark.parametrize(
    ("pod", "destination", "words"),
    [
        ("other", "8.8.8.8", "no pod other has an address"),
        ("web", "nobody", "no pod nobody has an address"),
        ("web", "2001:db8::1", "no address of the family"),
    ],
)
async def test_question_about_nothing_here_is_refused(
    autojump_clock: Clock, pod: str, destination: str, words: str
) -> None:
    async with node_with_pods() as node:
        paths = Paths(pool=node.pool, kernel=Kernel(BY_VNIC), vcn=Vcn())
        question = PathQuestion(pod=pod, destination=destination)
        with pytest.raises(BadRequestError, match=words):
            await paths.path(question)


async def test_two_pods_of_a_name_are_told_apart(autojump_clock: Clock) -> None:
    async with node_with_pods() as node:
        pod = PodRef(namespace="other", name="web", uid="other")
        await node.attacher.add(key(3), pod, 103)
        paths = Paths(pool=node.pool, kernel=Kernel(BY_VNIC), vcn=Vcn())
        with pytest.raises(BadRequestError, match="2 pods are named web"):
            await paths.path(PathQuestion(pod="web", destination="8.8.8.8"))
        answer = await paths.path(PathQuestion(pod="other/web", destination="8.8.8.8"))
        assert answer.pod == "other/web"


EMPTY = End(vnic_id="ocid1.vnic.a", nsg_ids=(), rules=())


async def test_vcn_is_asked_about_packets_that_leave(autojump_clock: Clock) -> None:
    async with node_with_pods() as node:
        vcn = Vcn(VcnView(sender=EMPTY, unread=("a list",)))
        found, _ = await way(node, BY_VNIC, vcn=vcn)
        (slot,) = node.pool.vnics.pod_slots
        assert vcn.asked == [(slot.vnic.id, found.source, "8.8.8.8", "")]
        assert [s.stage for s in found.vcn] == [Stage.EGRESS]
        assert (found.vcn_ruling, found.vcn_unread) == (Ruling.DENIED, ("a list",))


async def test_vcn_is_not_asked_about_packets_that_stay(
    autojump_clock: Clock,
) -> None:
    async with node_with_pods() as node:
        for decided, _, _ in DECIDED[1:]:
            vcn = Vcn()
            found, _ = await way(node, decided, vcn=vcn)
            assert (vcn.asked, found.vcn_ruling) == ([], None)


async def test_translated_packets_are_the_primary_vnics(
    autojump_clock: Clock,
) -> None:
    async with node_with_pods() as node:
        vcn = Vcn()
        decided = replace(BY_VNIC, by_own_vnic=False, is_translated=True)
        await way(node, decided, vcn=vcn)
        slots = node.pool.vnics.slots.values()
        (primary,) = (s.vnic for s in slots if s.is_primary)
        assert vcn.asked == [(primary.id, primary.address, "8.8.8.8", "")]


async def test_strict_packet_names_the_vnic_of_its_target(
    autojump_clock: Clock,
) -> None:
    async with node_with_pods() as node:
        vcn = Vcn()
        await way(node, BY_VNIC, "near", vcn=vcn)
        (slot,) = node.pool.vnics.pod_slots
        assert vcn.asked[0][3] == slot.vnic.id


async def test_slow_cloud_costs_no_more_for_two_families(
    autojump_clock: Clock,
) -> None:
    both = (Family.IPV4, Family.IPV6)
    async with world(bundled="dual-stack").node(families=both) as node:
        await until_warm(node)
        for number, name in ((1, "web"), (2, "near")):
            pod = PodRef(namespace="default", name=name, uid=name)
            await node.attacher.add(key(number), pod, 100 + number)
        paths = Paths(pool=node.pool, kernel=Kernel(BY_VNIC), vcn=Vcn(seconds=3600.0))
        began = trio.current_time()
        answer = await paths.path(PathQuestion(pod="web", destination="near"))
        assert trio.current_time() - began == VCN_SECONDS
        assert [bool(way.vcn_unread) for way in answer.ways] == [True, True]


async def test_slow_cloud_costs_the_rules_and_not_the_answer(
    autojump_clock: Clock,
) -> None:
    async with node_with_pods() as node:
        began = trio.current_time()
        found, _ = await way(node, BY_VNIC, vcn=Vcn(seconds=3600.0))
        assert trio.current_time() - began == VCN_SECONDS
        assert (found.carrier, found.vcn_ruling) == (Carrier.VNIC, None)
        assert "did not answer" in found.vcn_unread[0]
