"""Containers as instances: Docker's description, and its objects in the world."""

from ipaddress import IPv4Network

import pytest

from fakeoci.containers import container_of
from fakeoci.fabric.desired import vcn_nets
from fakeoci.world import instances, vnics, worldfile
from fakeoci.world.addresses import AddressSpace
from fakeoci.world.errors import ServiceError
from fakeoci.world.resources import Instance, Subnet
from fakeoci.world.vnics import NewVnic
from fakeoci.world.world import World

SAID = {
    "Name": "/vcnd-worker",
    "State": {"Pid": 42, "Running": True},
    "NetworkSettings": {
        "Networks": {
            "none": {"IPAddress": "", "MacAddress": "", "Gateway": ""},
            "vcnd": {
                "IPAddress": "10.0.0.65",
                "MacAddress": "02:42:0a:00:00:41",
                "Gateway": "10.0.0.254",
            },
        }
    },
}

ANOTHER_MAC = "02:00:00:00:00:07"


def booted(world: World) -> Instance:
    """Launch an instance, as the start of a container does."""
    container = container_of(SAID)
    return instances.launch(
        world,
        Instance(
            id=world.names.ocid("instance"),
            compartment_id=world.compartment_id,
            display_name=container.name,
            shape="VM.Standard.E5.Flex",
            ocpus=4.0,
            max_vnic_attachments=4,
            netns="vcnd-worker.1",
        ),
        NewVnic(
            subnet_id=world.named(Subnet, "nodes").id,
            private_ip=container.address,
            mac_address=container.mac,
        ),
        now=0.0,
    )


def kind_world() -> World:
    return worldfile.parse(worldfile.bundled("kind"))


def test_docker_errors_are_shown() -> None:
    container = container_of(SAID)
    assert (container.name, container.pid) == ("vcnd-worker", 42)
    assert (container.address, container.gateway) == ("10.0.0.65", "10.0.0.254")


def test_instance_has_the_containers_address_and_mac() -> None:
    world = kind_world()
    instance = booted(world)
    (vnic,) = world.vnics_of(instance.id)
    assert vnic.mac_address == "02:42:0a:00:00:41"
    assert world.primary_ip(vnic.id) == "10.0.0.65"


def test_reboot_keeps_vnics_and_changes_the_address() -> None:
    world = kind_world()
    instance = booted(world)
    pods = world.named(Subnet, "pods").id
    vnics.attach(world, instance.id, NewVnic(subnet_id=pods), now=0.0)
    world.advance(10.0)
    before = {v.id for v in world.vnics_of(instance.id)}

    def places() -> dict[str, tuple[str, str, str]]:
        nets = [n for n in vcn_nets(world) if n.name == "main"]
        return {v: link.place for v, link in nets[0].links.items()}

    old = places()
    instances.reboot(
        world,
        instance.id,
        netns="vcnd-worker.2",
        address="10.0.0.70",
        mac=ANOTHER_MAC,
    )
    assert {v.id for v in world.vnics_of(instance.id)} == before
    assert world.primary_ip(world.vnics_of(instance.id)[0].id) == "10.0.0.70"
    new = places()
    # Every link is new because its namespace is.
    assert new.keys() == old.keys()
    assert all(new[v] != old[v] for v in old)
    space = world.space(world.named(Subnet, "nodes").id)
    space.take("10.0.0.65")  # the old address is free again
    with pytest.raises(ServiceError):
        space.take("10.0.0.70")


def test_reboot_under_the_same_address() -> None:
    world = kind_world()
    instance = booted(world)
    instances.reboot(
        world, instance.id, netns="n", address="10.0.0.65", mac="02:42:0a:00:00:41"
    )
    assert world.primary_ip(world.vnics_of(instance.id)[0].id) == "10.0.0.65"


def test_exhausted_subnet_is_full_until_relieved() -> None:
    space = AddressSpace([IPv4Network("10.0.0.0/29")])
    mine = space.take_any()
    assert space.exhaust() == 4
    with pytest.raises(ServiceError):
        space.take_any()
    space.give_back(mine)
    assert space.take_any() == mine
    space.relieve()
    assert space.free == 4
    space.take_any()
