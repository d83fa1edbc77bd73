"""Route tables of VNICs and addresses in the fabric, by packets."""

from fakeoci.fabric import netns
from fakeoci.fabric.fabric import INTERNET_HOST
from fakeoci.fabric.gateways import INTERNET
from fakeoci.world import ips
from fakeoci.world.resources import (
    Gateway,
    Instance,
    RouteRule,
    RouteTable,
    Subnet,
    Vcn,
)
from fakeoci.world.world import World
from integration.lab import traffic
from integration.tests.fabric import running_fabric

WORLD = """
[[vcns]]
name = "main"
cidrs = ["10.0.0.0/16"]
gateways = [{ name = "nat", kind = "nat" }]

[[vcns.subnets]]
name = "hosts"
cidrs = ["10.0.0.0/24"]
routes = [{ to = "0.0.0.0/0", by = "nat" }]
rules = [{ direction = "egress" }, {}]

[[instances]]
name = "host"
subnet = "hosts"
"""


def table(world: World, name: str, *destinations: str) -> str:
    """Add a route table that leads to the NAT gateway; return its OCID."""
    nat = world.named(Gateway, "nat").id
    rules = [RouteRule(destination=d, network_entity_id=nat) for d in destinations]
    made = RouteTable(
        id=world.names.ocid("routetable"),
        compartment_id=world.compartment_id,
        display_name=name,
        vcn_id=world.named(Vcn, "main").id,
        rules=rules,
    )
    return world.add(made).id


async def test_address_then_vnic_then_subnet_choose_the_route_table() -> None:
    async with running_fabric(WORLD) as running:
        world = running.world
        await running.serve(INTERNET)

        async def leaves() -> bool:
            await running.fabric.settled()
            return await traffic.ask("host", INTERNET_HOST) is not None

        async def is_lost() -> bool:
            await running.fabric.settled()
            return await traffic.ask("host", INTERNET_HOST, seconds=0.4) is None

        (vnic,) = world.vnics_of(world.named(Instance, "host").id)
        (primary,) = world.private_ips_of(vnic.id)
        there = table(world, "internet", "0.0.0.0/0")
        nowhere = table(world, "nowhere", "192.0.2.0/24")
        assert await leaves()
        vnic.route_table_id = nowhere
        assert await is_lost()
        primary.route_table_id = there
        assert await leaves()
        primary.route_table_id, vnic.route_table_id = nowhere, there
        assert await is_lost()
        primary.route_table_id = vnic.route_table_id = ""
        assert await leaves()
        world.named(Subnet, "hosts").route_table_id = nowhere
        assert await is_lost()


async def test_second_address_of_a_vnic_has_its_own_route_table() -> None:
    async with running_fabric(WORLD) as running:
        world = running.world
        await running.serve(INTERNET)
        (vnic,) = world.vnics_of(world.named(Instance, "host").id)
        new = ips.NewAddress(route_table_id=table(world, "nowhere"))
        made = ips.create(world, new, vnic_id=vnic.id, now=0.0)
        await running.fabric.settled()
        netns.ip("host", [f"addr add {made.ip_address}/32 dev eth0"])
        assert await traffic.ask("host", INTERNET_HOST) is not None
        source = f"route replace default via 10.0.0.1 dev eth0 src {made.ip_address}"
        netns.ip("host", [source])
        assert await traffic.ask("host", INTERNET_HOST, seconds=0.4) is None
