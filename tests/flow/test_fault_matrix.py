"""Every fault of the admin API against every operation that a node calls.

Each test runs a whole life: warm pool, pods, no pods, release of the surplus.  No
object exists twice or is lost, and there is no busy loop.  A lasting fault is reported.
"""

from collections import Counter
from typing import Any

import pytest
import trio

from fakeoci.world import vnics
from fakeoci.world.resources import Nsg, VnicAttachment
from sim.cloud import EPOCH
from sim.invariants import check_invariants
from sim.world import World, add, key, settings, until_warm, world
from vcnd.core.unsettled import WORK_SECONDS
from vcnd.flow.reasons import why_empty
from vcnd.log import log
from vcnd.model.errors import CloudError, PoolEmptyError
from vcnd.node import Node

Clock = trio.testing.MockClock

BOTH = [
    "AttachVnic",
    "DetachVnic",
    "Federate",
    "GetVnic",
    "GetVnicAttachment",
    "ListPrivateIps",
    "ListVnicAttachments",
    "IMDS",
]
OPERATIONS = [
    *((operation, True) for operation in (*BOTH, "CreatePrivateIp", "DeletePrivateIp")),
    ("BulkCreatePrivateIps", False),
    ("BulkDeletePrivateIps", False),
    ("GetWorkRequest", False),
]
FAULTS: dict[str, dict[str, Any]] = {
    "500": {"kind": "before", "status": 500},
    "429": {"kind": "before", "status": 429, "code": "TooManyRequests"},
    "after": {"kind": "after"},
    "cut": {"kind": "cut"},
    "reset": {"kind": "reset"},
    "slow": {"kind": "slow", "seconds": 25.0},
    "hang": {"kind": "hang"},
}
SERVES_ON = [
    ("ListPrivateIps", True),  # only an audit calls it
    # The audit finds the objects that were created even so.
    ("GetVnicAttachment", True),
    ("GetWorkRequest", False),
]
MOST_CALLS_A_MINUTE = 90
PODS = 6


def busiest_minute(w: World) -> int:
    """Return the most calls in one virtual minute, without IMDS."""
    minutes = Counter(
        int((r.at - EPOCH) // 60) for r in w.service.records if r.operation != "IMDS"
    )
    return max(minutes.values(), default=0)


def small_world(blocks: bool, *, federated: bool = False) -> World:
    """Return a world whose VNICs take few objects, so the node needs a second VNIC."""
    few = 1 if blocks else 8
    text = f"ocpus = 4.0\nprivate_ips_per_vnic = {few}"
    return world({"ocpus = 4.0": text}, blocks=blocks, federated=federated)


def settling_seconds(operation: str, fault: str) -> float:
    """Return the time after which nothing is withheld any more.

    Nobody knows for how long a bulk deletion without an answer goes on.
    """
    unknown = operation.startswith("BulkDelete") and fault == "hang"
    return 1200 + 3 * WORK_SECONDS if unknown else 1200


async def add_at_last(node: Node, number: int, *, seconds: float) -> None:
    """Call ADD until it succeeds, as the kubelet does."""
    with trio.fail_after(seconds):
        while True:
            try:
                await add(node, number)
            except PoolEmptyError:
                continue
            return


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("operation", "blocks"), OPERATIONS)
async def test_a_life_under_a_fault(
    autojump_clock: Clock, operation: str, blocks: bool, fault: str
) -> None:
    w = small_world(blocks, federated=operation == "Federate")
    w.fault(operation, times=3, **FAULTS[fault])
    config = settings(
        cooling_seconds=1.0, shrink_after_seconds=60.0, audit_seconds=120.0
    )
    async with w.node(config) as node:
        await until_warm(node)
        for number in range(PODS):
            await add_at_last(node, number, seconds=900)
        check_invariants(w, node)
        for number in range(PODS):
            await node.attacher.delete(key(number))
        await trio.sleep(settling_seconds(operation, fault))
        check_invariants(w, node)
        # Nothing is lost: the ledger has all objects of the cloud.
        known = {a for p in node.pool.ledger.private_ips() for a in p.addresses}
        assert known == w.secondary().keys()
        counts = node.pool.ledger.counts()
        assert counts.free == counts.total <= 12
        assert {s.vnic.id for s in node.pool.vnics.pod_slots} == {
            v.id for v in w.pod_vnics()
        }
        assert not node.pool.problems
    assert busiest_minute(w) <= MOST_CALLS_A_MINUTE


@pytest.mark.slow
@pytest.mark.parametrize(
    ("operation", "blocks"), [o for o in OPERATIONS if "De" not in o[0]]
)
async def test_lasting_fault_is_reported_without_a_busy_loop(
    autojump_clock: Clock, operation: str, blocks: bool
) -> None:
    w = world(blocks=blocks, federated=operation == "Federate")
    w.fault(operation, times=100_000, status=500)
    with log.collected() as logged:
        await under_a_fault_that_stays(w, operation, blocks=blocks)
    # The log has it even if the problem has ended since.
    told = [x["reason"] for x in logged if x["event"] == "problem_reported"]
    assert any(operation in reason for reason in told)
    assert busiest_minute(w) <= MOST_CALLS_A_MINUTE


async def under_a_fault_that_stays(w: World, operation: str, *, blocks: bool) -> None:
    async with w.node(settings()) as node:
        if (operation, blocks) in SERVES_ON:
            await until_warm(node)
            await trio.sleep(1500)
            check_invariants(w, node)
        else:
            await trio.sleep(600)
            with pytest.raises(PoolEmptyError) as caught:
                await add(node, 1)
            assert operation in caught.value.details
            reasons = [p.reason for p in node.pool.problems]
            assert any(operation in reason for reason in reasons)
        await trio.sleep(1200)


async def test_a_vnic_detached_behind_our_back(autojump_clock: Clock) -> None:
    w = world()
    async with w.node(settings(audit_seconds=60.0)) as node:
        lease = await add(node, 1)
        attachment = next(
            a
            for a in w.service.world.all(VnicAttachment)
            if a.vnic_id == w.pod_vnics()[0].id
        )
        vnics.detach(w.service.world, attachment.id, None, w.service.clock())
        await trio.sleep(200)
        assert w.pod_vnics()[0].id != attachment.vnic_id  # another VNIC was attached
        assert node.pool.ledger.lease_of(key(1)) == lease  # the pod still uses it
        await node.attacher.delete(key(1))
        await add(node, 2)
        check_invariants(w, node)


@pytest.mark.slow
async def test_deleted_nsg_is_reported_and_cleared(autojump_clock: Clock) -> None:
    w = world()
    nsg = w.service.world.named(Nsg, "pods")
    async with w.node(settings()) as node:
        w.service.world.drop(nsg)
        await trio.sleep(200)
        assert "AttachVnic: 404" in why_empty(node.pool)
        assert "use network-security-groups" in why_empty(node.pool)
        w.service.world.add(nsg)
        await until_warm(node)


@pytest.mark.slow
async def test_deleted_subnet_is_reported(autojump_clock: Clock) -> None:
    w = world()
    async with w.node(settings(), subnet="ocid1.subnet.oc1.iad.gone") as node:
        await trio.sleep(200)
        assert "AttachVnic: 404" in why_empty(node.pool)
        assert "use subnets" in why_empty(node.pool)


@pytest.mark.slow
async def test_an_attachment_that_stays_attaching(autojump_clock: Clock) -> None:
    w = world()
    w.service.world.freeze(frozen=True)
    async with w.node(settings()) as node:
        await trio.sleep(600)
        assert "not done after" in why_empty(node.pool)
        w.service.world.freeze(frozen=False)
        await until_warm(node)
        assert len(w.pod_vnics()) == 1  # the same VNIC, by its retry token
        await trio.sleep(10)
        assert node.pool.vnics.attached == 2


@pytest.mark.slow
async def test_objects_that_a_list_leaves_out_for_a_while(
    autojump_clock: Clock,
) -> None:
    """The audit forgets an address that a list omits, and later adds it again."""
    w = world()
    async with w.node(settings(audit_seconds=60.0)) as node:
        await until_warm(node)
        until = w.service.clock() + 300
        w.service.world.hidden |= {p.id: until for p in w.secondary().values()}
        await trio.sleep(900)
        known = {a for p in node.pool.ledger.private_ips() for a in p.addresses}
        assert known == w.secondary().keys()


@pytest.mark.slow
@pytest.mark.parametrize("blocks", [True, False])
async def test_eventual_consistency(autojump_clock: Clock, blocks: bool) -> None:
    """For some time lists omit a new object, and a read by its OCID fails."""
    w = small_world(blocks)
    w.service.world.settings.timing.consistency_seconds = 12.0
    config = settings(cooling_seconds=1.0, audit_seconds=5.0)
    async with w.node(config) as node:
        for number in range(PODS):
            await add_at_last(node, number, seconds=300)
            assert node.pool.ledger.private_ip(
                next(x for x in node.pool.ledger.leases()).address
            )
        await trio.sleep(100)
        check_invariants(w, node)
        made = len({p.id for p in w.secondary().values()})
        created = [
            r
            for r in w.service.records
            if r.operation == "CreatePrivateIp" and r.status == 200
        ]
        if blocks:
            assert len(created) == made  # no block twice
        assert len(w.secondary()) <= PODS + 8


@pytest.mark.slow
async def test_a_new_vnic_is_not_given_up_because_no_list_has_it(
    autojump_clock: Clock,
) -> None:
    w = world()
    async with w.node(settings()) as node:
        await until_warm(node)
        attachment = next(
            a
            for a in w.service.world.all(VnicAttachment)
            if a.vnic_id == w.pod_vnics()[0].id
        )
        w.service.world.hidden[attachment.id] = w.service.clock() + 20
        with pytest.raises(CloudError, match="in no list of attachments yet"):
            await node.release.run()
        await trio.sleep(30)
        await node.release.run()
    assert w.pod_vnics() == []
