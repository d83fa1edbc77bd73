"""What the cloud gives to whom, as a fleet's checks know it."""

from fakeoci.world import ips, vnics
from fakeoci.world.resources import Address, Ipv6, Subnet, Vnic
from sim.fleet.books import Books
from sim.fleet.traits import Traits
from sim.fleet.world import FleetService, cloud
from vcnd.model.family import Family
from vcnd.oci.tags import OWNER

TRAITS = Traits(families=(Family.IPV4, Family.IPV6))
NOW = 0.0


def attached(service: FleetService) -> Vnic:
    """Attach a VNIC that has an IPv6 address from the start."""
    world = service.world
    (instance_id,) = {v.instance_id for v in world.all(Vnic)}
    subnet = world.named(Subnet, "pods")
    new = vnics.NewVnic(subnet_id=subnet.id, ipv6s=[(subnet.ipv6_cidr_blocks[0], None)])
    vnic_id = vnics.attach(world, instance_id, new, now=NOW).vnic_id
    world.advance(NOW + 1000)
    return world.get(Vnic, vnic_id)


def created(service: FleetService, vnic: Vnic, tags: dict[str, str]) -> Address:
    new = ips.NewAddress(kind=Ipv6, freeform_tags=tags)
    return ips.create_now(service.world, new, vnic_id=vnic.id, subnet_id=None, now=NOW)


async def test_ipv6_that_comes_with_its_vnic_is_no_leak(autojump_clock: object) -> None:
    service = cloud(TRAITS, 1, seed=1)
    books = Books(service.world)
    vnic = attached(service)
    (own,) = service.world.addresses_of(vnic.id, Ipv6)
    assert not books.is_made_by_vcnd(own, "sim")


async def test_untagged_ipv6_that_comes_later_is_one(autojump_clock: object) -> None:
    service = cloud(TRAITS, 1, seed=1)
    books = Books(service.world)
    vnic = attached(service)
    assert books.is_made_by_vcnd(created(service, vnic, {}), "sim")
    assert books.is_made_by_vcnd(created(service, vnic, {OWNER: "sim"}), "sim")
    assert not books.is_made_by_vcnd(created(service, vnic, {OWNER: "other"}), "sim")
