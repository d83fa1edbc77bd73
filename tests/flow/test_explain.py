"""How far a pod has come on its way to a network, and why it stands there."""

import pytest
import trio

from sim.cluster import MemoryCluster
from sim.world import World, add, key, settings, until_warm, world
from vcnd.model.cause import Cause, Fault
from vcnd.model.drift import Drift, DriftKind
from vcnd.model.errors import PoolEmptyError
from vcnd.model.place import Place, PlaceKind
from vcnd.model.pod_explained import PodExplained, PodQuestion, Stage, Step, Verdict
from vcnd.model.sandbox import PodRef
from vcnd.node import Node

Clock = trio.testing.MockClock
WEB = PodRef(namespace="default", name="web", uid="web")


async def explained(node: Node, name: str = "default/web") -> list[PodExplained]:
    return list((await node.explainer.explain(PodQuestion(pod=name))).pods)


async def way(node: Node, name: str = "default/web") -> dict[Stage, Step]:
    (pod,) = await explained(node, name)
    return {step.stage: step for step in pod.steps}


async def add_web(node: Node) -> str:
    lease, _ = await node.attacher.add(key(1), WEB, 101)
    return lease.address


def link(w: World) -> str:
    return w.host.host_ifname(key(1))


async def test_working_pod_has_come_all_the_way(autojump_clock: Clock) -> None:
    w, cluster = world(), MemoryCluster()
    cluster.bind("web")
    async with w.node(cluster=cluster) as node:
        await until_warm(node)
        address = await add_web(node)
        (pod,) = await explained(node, "web")
        assert (pod.pod, pod.addresses) == ("default/web", (address,))
        assert (pod.stands, pod.host_ifname) == (None, link(w))
        verdicts = {step.stage: step.verdict for step in pod.steps}
        assert verdicts == {
            **dict.fromkeys(Stage, Verdict.OK),
            Stage.POLICY: Verdict.OFF,
        }
        assert [step.stage for step in pod.steps] == list(Stage)


async def test_unknown_pod_has_no_way(autojump_clock: Clock) -> None:
    async with world().node() as node:
        await until_warm(node)
        await add(node, 1)
        assert await explained(node) == []
        assert await explained(node, "other/pod1") == []


async def test_bound_pod_waits_for_its_address(autojump_clock: Clock) -> None:
    w, cluster = world(), MemoryCluster()
    w.fault("AttachVnic", kind="slow", seconds=30.0)
    async with w.node(cluster=cluster) as node:
        cluster.bind("web")
        await trio.sleep(2)
        steps = await way(node)
        assert steps[Stage.BOUND].verdict is Verdict.OK
        assert steps[Stage.ADDRESS].verdict is Verdict.WAITING
        assert steps[Stage.ADDRESS].cause is Cause.PENDING
        assert steps[Stage.LEASE].verdict is Verdict.NOT_REACHED


async def test_refused_address_names_cause_and_next_try(autojump_clock: Clock) -> None:
    w, cluster = world(), MemoryCluster()
    w.fault("AttachVnic", status=404, code="NotAuthorizedOrNotFound", times=1000)
    async with w.node(cluster=cluster) as node:
        cluster.bind("web")
        await trio.sleep(30)
        with pytest.raises(PoolEmptyError):
            await add_web(node)
        step = (await way(node))[Stage.ADDRESS]
        assert (step.verdict, step.cause) == (Verdict.FAILED, Cause.NOT_FOUND)
        assert "VNIC attachment" in step.what
        assert step.retry_seconds is not None
        assert step.seconds is not None
        assert step.seconds >= 20


async def test_ended_lease_is_known_after_a_restart(autojump_clock: Clock) -> None:
    w = world()
    async with w.node() as node:
        await until_warm(node)
        await add_web(node)
        await node.attacher.delete(key(1))
    await trio.sleep(60)
    async with w.node() as node:
        step = (await way(node))[Stage.LEASE]
        assert (step.verdict, step.what) == (Verdict.ENDED, str(key(1)))
        (call,) = node.calls.of("default/web", trio.current_time())
        assert call.command == "DEL"
        assert 60 <= call.seconds_ago < 70


DRIFTS = [
    (Stage.LINK, Drift(DriftKind.MTU, "{link}", "9000", "1400", link="{link}")),
    (Stage.LINK, Drift(DriftKind.NFT_ELEMENT, "pods4 {link} . {address}", "x", "")),
    (Stage.LINK, Drift(DriftKind.ROUTE, "{address} table 100", "x", "")),
    (Stage.NODE, Drift(DriftKind.RULE, "1000: from all lookup 100", "there", "")),
    (Stage.NODE, Drift(DriftKind.NFT_TABLE, "inet vcnd", "x", "")),
    (None, Drift(DriftKind.MTU, "oci9", "9000", "1400", link="{other}")),
]


@pytest.mark.parametrize(("stage", "drift"), DRIFTS)
async def test_changed_kernel_is_told_of_pods_that_it_concerns(
    autojump_clock: Clock, stage: Stage | None, drift: Drift
) -> None:
    w = world()
    async with w.node(settings(audit_seconds=3600.0)) as node:
        await until_warm(node)
        address = await add_web(node)
        await add(node, 2)
        names = {
            "link": link(w),
            "address": address,
            "other": w.host.host_ifname(key(2)),
        }
        what, of = drift.what.format(**names), drift.link.format(**names)
        w.host.drifts = [Drift(drift.kind, what, drift.wanted, drift.found, of)]
        (pod,) = await explained(node)
        stands = pod.stands
        assert (stands.stage if stands else None) == stage
        if stands is not None:
            assert stands.cause is Cause.KERNEL_DIFFERS
            assert f"{drift.kind} {what}" in stands.reason


async def test_firewall_that_drops_packets_is_told(autojump_clock: Clock) -> None:
    w = world()
    async with w.node() as node:
        await until_warm(node)
        await add_web(node)
        place = Place(kind=PlaceKind.FIREWALL, name="FORWARD")
        w.host.set_problems({place: Fault(Cause.PACKETS_DROPPED, "FORWARD drops")})
        await trio.sleep(1)
        step = (await way(node))[Stage.NODE]
        assert (step.verdict, step.cause) == (Verdict.FAILED, Cause.PACKETS_DROPPED)


async def test_pod_on_a_vnic_without_link_is_told(autojump_clock: Clock) -> None:
    async with world().node() as node:
        await until_warm(node)
        await add_web(node)
        (slot,) = node.pool.vnics.pod_slots
        node.pool.vnics.set_unlinked(frozenset({slot.vnic.id}))
        step = (await way(node))[Stage.VNIC]
        assert (step.verdict, step.cause) == (Verdict.FAILED, Cause.LINK_MISSING)
        assert step.what == slot.vnic.id
