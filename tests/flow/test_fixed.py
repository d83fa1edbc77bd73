"""Fixed addresses: one pod's at a time, on any node, through faults."""

import pytest
import trio

from sim.invariants import check_invariants
from sim.world import key
from tests.shop import add, ids, reserved, shop, vnic_of, warm
from vcnd.core.requests import FIXED_ADDRESS, NSG_IDS
from vcnd.log import log
from vcnd.model.errors import PoolEmptyError
from vcnd.node import Node

Clock = trio.testing.MockClock


async def test_a_fixed_address_survives_its_pod(autojump_clock: Clock) -> None:
    w = shop()
    async with warm(w) as node:
        first = await add(node, 1, {FIXED_ADDRESS: "web"})
        await add(node, 2, {})
        await node.attacher.delete(key(1))
        await trio.sleep(30)
        assert [p.vnic_id for p in reserved(w)] == [None]
        again = await add(node, 3, {FIXED_ADDRESS: "web"})
        assert again.address == first.address
        assert len(reserved(w)) == 1
        check_invariants(w, node)


@pytest.mark.slow
async def test_a_fixed_address_follows_its_pod_to_another_node(
    autojump_clock: Clock,
) -> None:
    w = shop(nodes=2)
    other = w.beside("node2")
    annotations = {FIXED_ADDRESS: "web"}
    async with warm(w) as one, warm(other) as two:
        first = await add(one, 1, annotations)
        # While the pod has it, no other pod gets it.
        with pytest.raises(PoolEmptyError) as refusal:
            await add(two, 2, annotations)
        assert f"{first.address} is on VNIC" in str(refusal.value)
        await one.attacher.delete(key(1))
        second = await add(two, 2, annotations)
        assert second.address == first.address
        assert vnic_of(other, second).id in {v.id for v in other.pod_vnics()}
        check_invariants(w, one)
        check_invariants(other, two)


async def test_release_leaves_another_node_its_address(autojump_clock: Clock) -> None:
    """I9: it was moved there while this node still had its record."""
    w = shop(nodes=2)
    other = w.beside("node2")
    annotations = {FIXED_ADDRESS: "web"}
    async with warm(w) as one, warm(other) as two:
        first = await add(one, 1, annotations)
        (held,) = reserved(w)
        w.service.world.assign(held, other.pod_vnics()[0].id)
        second = await add(two, 2, annotations)
        assert second.address == first.address
        await one.attacher.delete(key(1))
        await trio.sleep(30)
        assert held.vnic_id in {v.id for v in other.pod_vnics()}


@pytest.mark.slow
async def test_two_nodes_at_once_create_one_fixed_address(
    autojump_clock: Clock,
) -> None:
    w = shop(nodes=2)
    other = w.beside("node2")
    outcome: list[str] = []
    async with warm(w) as one, warm(other) as two:

        async def try_it(node: Node, number: int) -> None:
            try:
                outcome.append(
                    (await add(node, number, {FIXED_ADDRESS: "web"})).address
                )
            except PoolEmptyError:
                outcome.append("")

        async with trio.open_nursery() as calls:
            calls.start_soon(try_it, one, 1)
            calls.start_soon(try_it, two, 2)
    assert len(reserved(w)) == 1
    assert sorted(outcome) == ["", reserved(w)[0].ip_address]


async def test_two_pods_of_a_node_do_not_share_it(autojump_clock: Clock) -> None:
    w = shop()
    async with warm(w) as node:
        first = await add(node, 1, {FIXED_ADDRESS: "web"})
        with pytest.raises(PoolEmptyError) as refusal:
            await add(node, 2, {FIXED_ADDRESS: "web"})
        assert "web is with pod shop/pod1 here" in str(refusal.value)
        await node.attacher.delete(key(1))
        second = await add(node, 2, {FIXED_ADDRESS: "web"})
        assert first.address == second.address


async def test_it_is_let_go_after_a_restart_too(autojump_clock: Clock) -> None:
    """After a boot the sandboxes are gone without a DEL."""
    w = shop()
    async with warm(w) as node:
        await add(node, 1, {FIXED_ADDRESS: "web"})
    w.journal.__init__()  # type: ignore[misc]
    w.host.__init__()  # type: ignore[misc]
    async with warm(w):
        await trio.sleep(60)
        assert [p.vnic_id for p in reserved(w)] == [None]


async def test_fixed_address_moves_to_a_vnic_with_other_nsgs(
    autojump_clock: Clock,
) -> None:
    w = shop()
    _, nsg = ids(w)
    async with warm(w) as node:
        first = await add(node, 1, {FIXED_ADDRESS: "web"})
        await node.attacher.delete(key(1))
        second = await add(node, 2, {FIXED_ADDRESS: "web", NSG_IDS: nsg})
        assert first.address == second.address
        assert vnic_of(w, second).nsg_ids == [nsg]


@pytest.mark.slow
async def test_reserved_addresses_of_others_are_left_alone(
    autojump_clock: Clock,
) -> None:
    w = shop()
    async with warm(w) as node:
        lease = await add(node, 1, {FIXED_ADDRESS: "web"})
        mine = w.secondary()[lease.address]
        mine.freeform_tags["vcnd-cluster"] = "another"
        await node.attacher.delete(key(1))
        await trio.sleep(2000)
        # It is not ours any more: the ledger forgets it, and it stays on its VNIC.
        assert mine in reserved(w)
        again = await add(node, 2, {FIXED_ADDRESS: "web"})
        assert again.address != lease.address


@pytest.mark.parametrize("kind", ["before", "after", "cut"])
@pytest.mark.parametrize(
    "operation",
    ["ListPrivateIps", "CreatePrivateIp", "GetPrivateIp", "UpdatePrivateIp"],
)
async def test_fault_while_fetching_creates_no_second_fixed_address(
    autojump_clock: Clock, operation: str, kind: str
) -> None:
    w = shop()
    async with warm(w) as node:
        w.fault(operation, kind, status=503)
        first = await add(node, 1, {FIXED_ADDRESS: "web"})
        w.fault("PrivateIpVnicDetach", kind, status=503)
        await node.attacher.delete(key(1))
        await trio.sleep(60)
        assert [p.vnic_id for p in reserved(w)] == [None]
        again = await add(node, 2, {FIXED_ADDRESS: "web"})
        assert again.address == first.address
        assert len(reserved(w)) == 1
        check_invariants(w, node)


async def test_fixed_address_is_fetched_to_one_vnic_at_a_time(
    autojump_clock: Clock,
) -> None:
    """Seed 7019 of 20 nodes: a second VNIC came meanwhile, and a fetch failed."""
    w = shop()
    with log.collected() as events:
        async with warm(w) as node:
            w.fault("UpdatePrivateIp", "hang")

            async def first() -> None:
                with pytest.raises(PoolEmptyError):
                    await add(node, 1, {FIXED_ADDRESS: "web"})

            async with trio.open_nursery() as calls:
                calls.start_soon(first)
                number = 2
                while len(w.pod_vnics()) < 2:
                    await add(node, number, {})
                    number += 1
            await trio.sleep(100)
            again = await add(node, 1, {FIXED_ADDRESS: "web"})
            assert [p.ip_address for p in reserved(w)] == [again.address]
    assert "change_failed" not in {e["event"] for e in events}
