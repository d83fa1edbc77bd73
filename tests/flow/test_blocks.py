"""Blocks and singles: creation, learnt limits, and release of whole blocks."""

from ipaddress import IPv4Network

import pytest
import trio

from fakeoci.world import ips, subnets
from fakeoci.world.resources import Instance, Subnet
from sim.invariants import check_invariants
from sim.world import World, add, key, settings, until_warm, world
from vcnd.flow.reasons import why_empty
from vcnd.model.family import Family

Clock = trio.testing.MockClock


def sizes(w: World) -> list[int]:
    """Return the sizes of the node's objects in the cloud, the largest first."""
    objects = {p.id: p for p in w.secondary().values()}.values()
    return sorted((1 << (32 - p.prefix_length) for p in objects), reverse=True)


def fragment(w: World, every: int) -> None:
    """Mark every ``every``-th address of the pod subnet as taken."""
    space = w.service.world.space(w.service.world.named(Subnet, "pods").id)
    for number in space.usable(space.blocks[0])[::every]:
        space.taken.add(range(number, number + 1))


async def test_cold_node_creates_one_block(autojump_clock: Clock) -> None:
    w = world()
    async with w.node(settings(minimum=110)) as node:
        await until_warm(node, free=110)
        check_invariants(w, node)
    assert sizes(w) == [128]
    # ListVnicAttachments, GetVnic; AttachVnic, GetVnicAttachment, and its VCN by
    # GetSubnet, GetVcn; the block.
    assert w.calls() == 7


@pytest.mark.parametrize(
    ("every", "largest", "refusals"), [(20, 16, 1), (6, 4, 3), (3, 1, 4)]
)
async def test_fragmented_subnet_yields_smaller_pieces(
    autojump_clock: Clock, every: int, largest: int, refusals: int
) -> None:
    w = world()
    fragment(w, every)
    async with w.node(settings(batch=32, minimum=31)) as node:
        await until_warm(node, free=31)
        check_invariants(w, node)
        calls = w.calls()
        for number in range(20):  # demand grows; the refused sizes are remembered
            await add(node, number)
        await until_warm(node, free=16)
    assert max(sizes(w)) == largest
    assert calls < 30
    refused = [r for r in w.service.records if r.code == "LimitExceeded"]
    assert len(refused) == refusals


async def test_an_api_without_blocks_is_asked_for_singles(
    autojump_clock: Clock,
) -> None:
    w = world()
    w.fault("CreatePrivateIp", status=400, code="InvalidParameter", times=1)
    async with w.node() as node:
        await until_warm(node)
        assert not node.pool.problems
    assert sizes(w) == [1, 1, 1, 1]
    assert w.calls("BulkCreatePrivateIps") == 1


async def test_a_full_subnet_moves_to_the_next_of_the_class(
    autojump_clock: Clock,
) -> None:
    w = world({'cidrs = ["10.1.0.0/20"]': 'cidrs = ["10.1.0.0/28"]'})
    cloud = w.service.world
    pods = cloud.named(Subnet, "pods")
    new = subnets.NewSubnet(
        vcn_id=pods.vcn_id, cidr_blocks=["10.1.8.0/24"], display_name="more"
    )
    more = subnets.create_subnet(
        cloud, new, compartment_id=pods.compartment_id, now=0.0
    )
    async with w.node(settings(), further=[more.id]) as node:
        for number in range(20):
            await add(node, number)
        check_invariants(w, node)
    # The first subnet gave the VNIC's own address and its other twelve.
    assert [v.subnet_id for v in w.pod_vnics()] == [pods.id, more.id]
    assert cloud.space(pods.id).free == 0


@pytest.mark.slow
async def test_two_full_subnets_are_reported(autojump_clock: Clock) -> None:
    w = world({'cidrs = ["10.1.0.0/20"]': 'cidrs = ["10.1.0.0/29"]'})
    pods = w.service.world.named(Subnet, "pods")
    nodes = w.service.world.named(Subnet, "nodes")
    w.service.world.space(nodes.id).exhaust()
    async with w.node(settings(batch=8), further=[nodes.id]) as node:
        await trio.sleep(300)  # not yet known to be nearly full: it wants a buffer
        reason = why_empty(node.pool)
        assert pods.id in reason
        before = w.calls()
        await trio.sleep(3600)
        assert w.calls() - before < 240  # a few in a minute, not a busy loop


@pytest.mark.slow
async def test_a_learnt_limit_holds_for_new_vnics(autojump_clock: Clock) -> None:
    w = world({"ocpus = 4.0": "ocpus = 4.0\nprivate_ips_per_vnic = 6"}, blocks=False)
    async with w.node(settings(batch=16)) as node:
        await until_warm(node, free=16)
        now = trio.current_time()
        assert node.pool.limits[Family.IPV4].new_vnic_limit(now) == 6
        await trio.sleep(60)
        assert not node.pool.problems  # a known limit is no problem
        refused = len([r for r in w.service.records if r.code == "LimitExceeded"])
        await trio.sleep(1800)
        assert refused == len(
            [r for r in w.service.records if r.code == "LimitExceeded"]
        )


@pytest.mark.slow
async def test_an_idle_node_gives_blocks_and_vnics_back(
    autojump_clock: Clock,
) -> None:
    w = world({"ocpus = 4.0": "ocpus = 4.0\nprivate_ips_per_vnic = 2"})
    config = settings(batch=8, cooling_seconds=1.0, shrink_after_seconds=60.0)
    async with w.node(config) as node:
        for number in range(20):
            await add(node, number)
        assert len(w.pod_vnics()) > 1
        for number in range(20):
            await node.attacher.delete(key(number))
        await trio.sleep(600)
        check_invariants(w, node)
        assert len(w.pod_vnics()) == 1
        assert sum(sizes(w)) == 8
        assert len(node.pool.vnics.pod_slots) == 1
        assert node.pool.vnics.attached == 2
        for number in range(20):  # the node gets addresses again
            await add(node, 100 + number)
        check_invariants(w, node)


@pytest.mark.slow
async def test_a_vnic_that_took_no_more_can_be_given_back(
    autojump_clock: Clock,
) -> None:
    """The backoff of creation on a VNIC does not delay its release."""
    w = world({"ocpus = 4.0": "ocpus = 4.0\nprivate_ips_per_vnic = 1"})
    config = settings(cooling_seconds=1.0, shrink_after_seconds=10.0)
    async with w.node(config) as node:
        for number in range(12):
            await add(node, number)
        assert len(w.pod_vnics()) == 3
        await trio.sleep(900)  # four more are requested, refused, and back off
        for number in range(12):
            await node.attacher.delete(key(number))
        await trio.sleep(60)
        assert len(w.pod_vnics()) == 1
        check_invariants(w, node)


@pytest.mark.slow
async def test_a_vnic_that_cannot_be_detached_serves_on(autojump_clock: Clock) -> None:
    w = world({"ocpus = 4.0": "ocpus = 4.0\nprivate_ips_per_vnic = 1"})
    config = settings(cooling_seconds=1.0, shrink_after_seconds=60.0)
    w.fault("DetachVnic", status=500, times=1000)
    async with w.node(config) as node:
        for number in range(6):
            await add(node, number)
        for number in range(6):
            await node.attacher.delete(key(number))
        await trio.sleep(1200)
        assert len(w.pod_vnics()) > 1
        with trio.fail_after(600):  # between two tries all of them may serve
            while node.pool.ledger.counts().deleting:
                await trio.sleep(1)
        before = w.calls()
        await trio.sleep(3600)
        assert w.calls() - before < 900  # audits while OCI may still detach it
        await add(node, 9)
        check_invariants(w, node)


async def test_the_next_life_knows_its_blocks(autojump_clock: Clock) -> None:
    w = world()
    async with w.node(settings(batch=16)) as node:
        await until_warm(node, free=16)
        held = await add(node, 1)
    blocks = w.calls("CreatePrivateIp")
    async with w.node(settings(batch=16)) as node:
        assert node.pool.ledger.counts().total >= 16
        assert node.pool.ledger.lease_of(key(1)) == held
        await trio.sleep(30)
        check_invariants(w, node)
    assert w.calls("CreatePrivateIp") == blocks


async def test_a_fixed_address_on_our_vnic_is_not_the_pools(
    autojump_clock: Clock,
) -> None:
    """RESERVED private IPs outlive their VNIC: they belong to somebody else."""
    w = world()
    async with w.node(settings(audit_seconds=60.0)) as node:
        await until_warm(node)
        instance = w.service.world.named(Instance, "node1")
        vnic = w.service.world.vnics_of(instance.id)[1]
        fixed = ips.create(
            w.service.world,
            ips.NewAddress(lifetime="RESERVED"),
            vnic_id=vnic.id,
            now=w.service.clock(),
        )
        await trio.sleep(200)
        assert node.pool.ledger.private_ip(fixed.ip_address) is None


@pytest.mark.slow
async def test_block_replaced_by_singles_is_adopted_as_singles(
    autojump_clock: Clock,
) -> None:
    w = world()
    cloud = w.service.world
    async with w.node(settings(audit_seconds=120.0)) as node:
        await until_warm(node)
        await trio.sleep(100)  # no object counts as new any more
        block = next(iter(w.secondary().values()))
        ips.discard(cloud, block)
        network = IPv4Network(f"{block.ip_address}/{block.prefix_length}")
        for address in network:
            ips.create(
                cloud,
                ips.NewAddress(
                    ip_address=str(address), freeform_tags=block.freeform_tags
                ),
                vnic_id=block.vnic_id,
                now=w.service.clock(),
            )
        for number in range(6):  # demand grows before the next audit
            await add(node, number)
        await trio.sleep(600)
        check_invariants(w, node)
        known = {a for p in node.pool.ledger.private_ips() for a in p.addresses}
        assert known == w.secondary().keys()
