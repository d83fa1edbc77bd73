"""What of a VCN is read about one connection, and what is told of the rest."""

from random import Random

import pytest
import trio

from fakeoci.world import ips
from fakeoci.world.policies import statement
from fakeoci.world.resources import (
    Gateway,
    Nsg,
    RouteRule,
    RouteTable,
    Subnet,
    Vcn,
)
from sim.cloud import client, operator
from sim.world import World, add, settings, until_warm, world
from tests.oci.test_policy import STATEMENTS, with_policy
from vcnd.daemon import oci_cloud
from vcnd.model.family import Family
from vcnd.model.sandbox import Lease
from vcnd.model.vcn_rules import VcnView
from vcnd.node import Node
from vcnd.oci.vcn_reading import VcnReader
from vcnd.ociapi.permissions import NSGS, ROUTE_TABLES, SECURITY_LISTS, VCNS

Clock = trio.testing.MockClock
ONPREM = "172.16.0.10"


async def read(one: World, vnic_id: str, source: str, destination: str) -> VcnView:
    async with operator(one.service) as (core, retry):
        return await VcnReader(core=core, retry=retry).view(
            vnic_id=vnic_id, source=source, destination=destination
        )


async def with_pods(node: Node) -> tuple[Lease, str]:
    """Return the lease of a pod, and its VNIC."""
    await until_warm(node)
    lease = await add(node, 1)
    return lease, node.pool.slots_of(lease)[lease.address].vnic.id


@pytest.mark.parametrize("blocks", [True, False])
async def test_both_ends_of_a_connection_are_read(
    autojump_clock: Clock, blocks: bool
) -> None:
    one = world(blocks=blocks, nodes=2)
    other = one.beside("node2")
    async with one.node() as node, other.node() as second:
        lease, vnic_id = await with_pods(node)
        far, far_vnic = await with_pods(second)
        view = await read(one, vnic_id, lease.address, far.address)
    made = one.service.world
    assert view.unread == ()
    assert view.cidrs == tuple(sorted(made.named(Vcn, "main").cidr_blocks))
    assert view.sender is not None
    assert view.receiver is not None
    assert (view.sender.vnic_id, view.receiver.vnic_id) == (vnic_id, far_vnic)
    assert view.sender.nsg_ids == (made.named(Nsg, "pods").id,)
    # Three rules of the security list, four of the NSG.
    assert len(view.sender.rules) == len(view.receiver.rules) == 3 + 4
    assert view.table is not None
    assert view.table.id == made.named(Subnet, "pods").route_table_id
    assert {r.target for r in view.table.rules} == {
        made.named(Gateway, name).id for name in ("nat", "to-office", "to-peer")
    }


async def test_host_outside_the_vcn_has_no_vnic(autojump_clock: Clock) -> None:
    one = world()
    async with one.node() as node:
        lease, vnic_id = await with_pods(node)
        view = await read(one, vnic_id, lease.address, ONPREM)
        nobody = await read(one, vnic_id, lease.address, "10.1.15.200")
    for found in (view, nobody):
        assert (found.receiver, found.receiver_is_known) == (None, True)
        assert found.unread == ()


async def test_address_then_vnic_then_subnet_choose_the_table(
    autojump_clock: Clock,
) -> None:
    one = world(blocks=False)
    made = one.service.world

    def table(name: str) -> str:
        nat = made.named(Gateway, "nat").id
        return made.add(
            RouteTable(
                id=made.names.ocid("routetable"),
                compartment_id=made.compartment_id,
                display_name=name,
                vcn_id=made.named(Vcn, "main").id,
                rules=[RouteRule(destination="0.0.0.0/0", network_entity_id=nat)],
            )
        ).id

    async with one.node() as node:
        lease, vnic_id = await with_pods(node)

        async def used() -> str:
            view = await read(one, vnic_id, lease.address, ONPREM)
            assert view.table is not None
            return view.table.id

        (vnic,) = one.pod_vnics()
        address = one.secondary()[lease.address]
        assert await used() == made.named(Subnet, "pods").route_table_id
        vnic.route_table_id = of_vnic = table("of the VNIC")
        assert await used() == of_vnic
        address.route_table_id = of_address = table("of the address")
        assert await used() == of_address


async def test_public_address_has_the_internet(autojump_clock: Clock) -> None:
    one = world()
    made = one.service.world
    (vnic,) = one.vnics()
    made.named(Subnet, "nodes").prohibit_public_ip = False
    assert not (await read(one, vnic.id, one.address, ONPREM)).has_internet
    vnic.public_ip = "203.0.113.9"
    assert (await read(one, vnic.id, one.address, ONPREM)).has_internet
    second = ips.create(made, ips.NewAddress(), vnic_id=vnic.id, now=0.0)
    found = await read(one, vnic.id, second.ip_address, ONPREM)
    assert not found.has_internet


async def test_ipv6_ends_are_read(autojump_clock: Clock) -> None:
    one = world(bundled="dual-stack", nodes=2)
    both = (Family.IPV4, Family.IPV6)
    async with (
        one.node(families=both) as node,
        one.beside("node2").node(families=both) as second,
    ):
        lease, vnic_id = await with_pods(node)
        far, far_vnic = await with_pods(second)
        source = next(a for a in lease.addresses if ":" in a)
        target = next(a for a in far.addresses if ":" in a)
        view = await read(one, vnic_id, source, target)
    assert view.unread == ()
    assert view.receiver is not None
    assert view.receiver.vnic_id == far_vnic


async def read_as_node(one: World, vnic_id: str) -> VcnView:
    """Read as the node, with a client that has proven no statement yet."""
    async with client(one.service, one.address) as way:
        cloud = oci_cloud(settings(), way, Random(1), one.service.clock)
        return await cloud.vcn_view(
            vnic_id=vnic_id,
            source=one.address,
            destination=ONPREM,
            receiver_vnic_id="",
        )


@pytest.mark.slow
@pytest.mark.parametrize("missing", [NSGS, ROUTE_TABLES, SECURITY_LISTS, VCNS])
async def test_missing_statement_is_named_and_the_rest_is_read(
    autojump_clock: Clock, missing: str
) -> None:
    one = with_policy(STATEMENTS)
    (vnic,) = one.vnics()
    vnic.nsg_ids = [one.service.world.named(Nsg, "pods").id]
    assert (await read_as_node(one, vnic.id)).unread == ()
    left = [text for text in STATEMENTS if missing not in text]
    assert len(left) == len(STATEMENTS) - 1
    one.service.world.policies.statements = [statement(text) for text in left]
    view = await read_as_node(one, vnic.id)
    (why,) = view.unread
    assert f"the policy lacks '{missing}'" in why
    assert (view.table is None) is (missing == ROUTE_TABLES)
    assert view.sender is not None
    assert view.sender.is_whole is (missing not in (NSGS, SECURITY_LISTS))
    assert (view.cidrs == ()) is (missing == VCNS)


async def test_vnic_that_is_gone_is_told(autojump_clock: Clock) -> None:
    one = world()
    gone = one.service.world.names.ocid("vnic")
    view = await read(one, gone, one.address, ONPREM)
    assert (view.sender, view.table, view.receiver_is_known) == (None, None, False)
    assert "404 NotAuthorizedOrNotFound" in view.unread[0]
