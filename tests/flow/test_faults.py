"""Faults of the cloud: no object is created twice or lost; problems have reasons."""

import pytest
import trio

from fakeoci.world.resources import Instance, Subnet
from fakeoci.world.vnics import NewVnic, attach
from sim.cloud import EPOCH
from sim.invariants import check_invariants
from sim.world import World, add, key, settings, until_warm, world
from vcnd.flow import status
from vcnd.model.errors import PoolEmptyError

REFUSALS = [
    pytest.param(429, "TooManyRequests", id="429"),
    pytest.param(409, "Conflict", id="409"),
    pytest.param(409, "IncorrectState", id="409-incorrect-state"),
    pytest.param(500, "InternalServerError", id="500"),
    pytest.param(503, "ServiceUnavailable", id="503"),
]
OPERATIONS = [
    "AttachVnic",
    "GetVnicAttachment",
    "GetVnic",
    "BulkCreatePrivateIps",
    "GetWorkRequest",
    "ListPrivateIps",
    "ListVnicAttachments",
    "Federate",
    "IMDS",
]
BLOCK_OPERATIONS = ["CreatePrivateIp"]
Clock = trio.testing.MockClock


def world_for(operation: str) -> World:
    """Return a world whose node calls an operation: with blocks or in bulk."""
    return world(
        blocks=operation in BLOCK_OPERATIONS, federated=operation == "Federate"
    )


@pytest.mark.parametrize("operation", OPERATIONS + BLOCK_OPERATIONS)
@pytest.mark.parametrize(("status", "code"), REFUSALS)
async def test_transient_refusals_are_waited_out(
    autojump_clock: Clock, operation: str, status: int, code: str
) -> None:
    w = world_for(operation)
    w.fault(operation, status=status, code=code, times=3)
    async with w.node() as node:
        await until_warm(node)
        check_invariants(w, node)
    assert len(w.pod_vnics()) == 1
    assert len(w.secondary()) == 4


@pytest.mark.parametrize("operation", OPERATIONS + BLOCK_OPERATIONS)
@pytest.mark.parametrize("kind", ["after", "cut"])
async def test_lost_answers_make_no_second_object(
    autojump_clock: Clock, operation: str, kind: str
) -> None:
    """The answer is lost: a retry with the same token creates nothing twice."""
    w = world_for(operation)
    w.fault(operation, kind, times=2)
    async with w.node() as node:
        await until_warm(node)
        check_invariants(w, node)
    assert len(w.pod_vnics()) == 1
    assert len(w.secondary()) == 4


@pytest.mark.parametrize("seconds", [1.0, 8.0, 25.0])
async def test_metadata_that_comes_late_is_waited_for(
    autojump_clock: Clock, seconds: float
) -> None:
    w = world()
    w.service.world.settings.timing.imds_seconds = seconds
    async with w.node() as node:
        await until_warm(node)
        check_invariants(w, node)
    assert len(w.pod_vnics()) == 1


async def test_full_subnet_is_the_reason_given(autojump_clock: Clock) -> None:
    w = world({'cidrs = ["10.1.0.0/20"]': 'cidrs = ["10.1.0.0/29"]'})
    async with w.node() as node:
        await until_warm(node, free=4)  # 8 - 3 of OCI's - the VNIC's own
        for number in range(4):
            await add(node, number)
        with pytest.raises(PoolEmptyError) as caught:
            await add(node, 9)
    assert caught.value.code == 11
    assert "no free private IP address left" in caught.value.details
    assert "opc-request-id" in caught.value.details or "work request" in str(
        caught.value
    )


async def test_full_shape_is_the_reason_given(autojump_clock: Clock) -> None:
    w = world({"ocpus = 4.0": "ocpus = 2.0\nprivate_ips_per_vnic = 2"}, blocks=False)
    async with w.node() as node:
        for number in range(2):
            await add(node, number)
        with pytest.raises(PoolEmptyError) as caught:
            await add(node, 9)
        assert "its limit" in caught.value.details
        assert len(w.vnics()) == 2


async def test_refused_for_want_of_rights(autojump_clock: Clock) -> None:
    w = world()
    w.fault("AttachVnic", status=404, code="NotAuthorizedOrNotFound", times=1000)
    async with w.node() as node:
        with pytest.raises(PoolEmptyError) as caught:
            await add(node, 1)
    assert "AttachVnic: 404 NotAuthorizedOrNotFound" in caught.value.details
    assert "opc-request-id" in caught.value.details


@pytest.mark.slow
async def test_vnic_with_fewer_addresses_than_published(autojump_clock: Clock) -> None:
    """The limit is found in a few calls, and a second VNIC takes the rest."""
    w = world({"ocpus = 4.0": "ocpus = 4.0\nprivate_ips_per_vnic = 6"}, blocks=False)
    async with w.node(settings(batch=16)) as node:
        await until_warm(node, free=16)
        check_invariants(w, node)
    assert len(w.pod_vnics()) == 3
    assert w.calls() < 100


async def test_no_bulk_actions(autojump_clock: Clock) -> None:
    w = world(blocks=False)
    w.service.world.settings.behaviour.has_bulk = False
    async with w.node() as node:
        await until_warm(node, free=4)
    assert w.calls("BulkCreatePrivateIps") == 1
    assert w.calls("CreatePrivateIp") == 4


async def test_imds_away_at_start(autojump_clock: Clock) -> None:
    """The daemon serves, reports why it waits, and recovers."""
    w = world()
    w.fault("IMDS", "cut", times=10_000)
    async with w.node() as node:
        with pytest.raises(PoolEmptyError) as caught:
            await add(node, 1)
        assert "IMDS /instance/" in caught.value.details
        await trio.sleep(60)
        assert "IMDS" in status.problems(node.pool)[-1].reason
        w.service.faults.clear()
        await until_warm(node)


@pytest.mark.slow
async def test_expired_token_is_renewed_once(autojump_clock: Clock) -> None:
    w = world(federated=True)
    async with w.node() as node:
        await until_warm(node)
        w.service.identities.expire_tokens()
        async with trio.open_nursery() as pods:
            for number in range(8):
                pods.start_soon(add, node, number)
    assert w.calls("Federate") == 2


@pytest.mark.slow
async def test_tokens_are_renewed_before_they_end(autojump_clock: Clock) -> None:
    w = world(federated=True)
    async with w.node(settings(audit_seconds=60.0)) as node:
        await until_warm(node)
        await trio.sleep(3600)
    assert w.calls("Federate") >= 3
    assert not [r for r in w.service.records if r.status == 401]


@pytest.mark.slow
async def test_full_vnic_is_not_asked_again_and_again(autojump_clock: Clock) -> None:
    """I10: calls that the limits refuse become rarer and rarer."""
    w = world({"ocpus = 4.0": "ocpus = 2.0\nprivate_ips_per_vnic = 2"}, blocks=False)
    async with w.node(settings(audit_seconds=100_000.0)) as node:
        await until_warm(node, free=2)
        await trio.sleep(600)
        before = w.calls()
        await trio.sleep(3600)
        assert w.calls() - before < 200


async def test_address_deleted_behind_our_back(autojump_clock: Clock) -> None:
    w = world()
    async with w.node(settings(audit_seconds=60.0)) as node:
        await until_warm(node)
        lost = next(iter(w.secondary().values()))
        space = w.service.world.space(lost.subnet_id)
        space.give_back(lost.ip_address, lost.prefix_length)
        w.service.world.drop(lost)
        await trio.sleep(120)
        assert lost.id not in node.pool.ledger.ids()
        await until_warm(node)
        check_invariants(w, node)


async def test_foreign_vnic_is_left_alone(autojump_clock: Clock) -> None:
    """I8: a secondary VNIC without our tags carries no pod and is never detached."""
    w = world()
    cloud = w.service.world
    instance = cloud.named(Instance, "node1")
    foreign = attach(
        cloud,
        instance.id,
        NewVnic(subnet_id=cloud.named(Subnet, "pods").id),
        now=EPOCH,
    )
    async with w.node() as node:
        await until_warm(node)
        assert foreign.vnic_id not in node.pool.vnics.slots
        assert node.pool.vnics.attached == 3
        await node.release.run()
    assert [v.id for v in w.pod_vnics()] == [foreign.vnic_id]
    assert foreign.lifecycle_state == "ATTACHED"


async def test_throttled_from_the_start(autojump_clock: Clock) -> None:
    w = world()
    limits = w.service.world.settings.limits
    limits.calls_per_second_in_all, limits.burst = 0.5, 1
    async with w.node() as node:
        await until_warm(node)
        check_invariants(w, node)
    assert [r for r in w.service.records if r.status == 429]


@pytest.mark.slow
async def test_unanswered_deletion_is_settled_by_a_list(
    autojump_clock: Clock,
) -> None:
    """Addresses of an unanswered deletion serve no pod until an audit lists them."""
    w = world()
    config = settings(cooling_seconds=1.0, shrink_after_seconds=60.0)
    async with w.node(config) as node:
        for number in range(12):
            await add(node, number)
        await until_warm(node, free=4)
        # OCI deletes but does not answer, until the daemon stops retrying.
        w.fault("BulkDeletePrivateIps", "after", times=1000)
        for number in range(12):
            await node.attacher.delete(key(number))
        await trio.sleep(130)
        w.service.faults.clear()
        await trio.sleep(60)
        check_invariants(w, node)
        assert node.pool.ledger.counts().deleting == 0
        assert len(w.secondary()) == 4
        # OCI neither deletes nor answers.
        for number in range(12):
            await add(node, number)
        await until_warm(node, free=4)
        w.fault("BulkDeletePrivateIps", "cut", times=1000)
        for number in range(12):
            await node.attacher.delete(key(number))
        await trio.sleep(130)
        w.service.faults.clear()
        await trio.sleep(600)
        check_invariants(w, node)
        assert len(w.secondary()) == 4


@pytest.mark.slow
@pytest.mark.parametrize("refusals", [0, 1])
async def test_a_detached_vnic_is_no_problem_if_the_kernel_refuses(
    refusals: int, autojump_clock: Clock
) -> None:
    """It is gone, and the host tries again by itself."""
    w = world({"ocpus = 4.0": "ocpus = 4.0\nprivate_ips_per_vnic = 1"})
    config = settings(cooling_seconds=1.0, shrink_after_seconds=60.0)
    async with w.node(config) as node:
        for number in range(6):
            await add(node, number)
        await trio.sleep(10)
        for number in range(6):
            await node.attacher.delete(key(number))
        assert len(w.pod_vnics()) > 1
        while len(w.pod_vnics()) > 1:
            w.host.refusals = refusals
            await trio.sleep(1)
        await trio.sleep(10)
        assert [p.what for p in status.problems(node.pool)] == []
        check_invariants(w, node)


async def test_kernel_that_refuses_ends_nothing(autojump_clock: Clock) -> None:
    """A refused set-up of a VNIC is reported and tried again; the daemon goes on."""
    w = world()
    w.host.refusals = 3
    async with w.node() as node:
        await trio.sleep(1)
        reasons = [p.reason for p in status.problems(node.pool)]
        assert any("nft refused" in r for r in reasons)
        await until_warm(node)
        await add(node, 1)
