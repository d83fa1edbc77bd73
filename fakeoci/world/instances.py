"""Instances: launch, stop, start, reset, terminate."""

from fakeoci.world import vnics
from fakeoci.world.errors import ServiceError, incorrect_state, invalid
from fakeoci.world.images import default_image
from fakeoci.world.resources import Instance, VnicAttachment
from fakeoci.world.world import World

ACTIONS = {
    "STOP": ("RUNNING", "STOPPING", "STOPPED"),
    "SOFTSTOP": ("RUNNING", "STOPPING", "STOPPED"),
    "START": ("STOPPED", "STARTING", "RUNNING"),
    "RESET": ("RUNNING", "STOPPING", "RUNNING"),
    "SOFTRESET": ("RUNNING", "STOPPING", "RUNNING"),
}
"""Action → the state that it needs, the state on the way, the final state."""


def launch(
    world: World, instance: Instance, new: vnics.NewVnic, *, now: float
) -> Instance:
    """Add an instance with its primary VNIC."""
    if not instance.image_id:
        instance.image_id = default_image(world.region_key, instance.shape).id
    world.add(instance)
    try:
        vnic = vnics.create(world, instance, new, primary=True, now=now)
    except ServiceError:
        world.drop(instance)
        raise
    world.add(
        VnicAttachment(
            id=world.names.ocid("vnicattachment"),
            compartment_id=instance.compartment_id,
            time_created=now,
            instance_id=instance.id,
            subnet_id=new.subnet_id,
            vnic_id=vnic.id,
            nic_index=0,
            lifecycle_state="ATTACHED",
        )
    )
    return instance


def act(world: World, instance: Instance, action: str, now: float) -> None:
    """Start, stop or reset an instance (InstanceAction)."""
    if action not in ACTIONS:
        raise invalid(f"action is one of {', '.join(ACTIONS)}")
    needed, passing, final = ACTIONS[action]
    if instance.lifecycle_state != needed:
        state = f"{instance.lifecycle_state}, not {needed}"
        raise incorrect_state(f"instance {instance.id}", state)
    _pass_through(world, instance, passing, final, now)


def _pass_through(
    world: World, instance: Instance, passing: str, final: str, now: float
) -> None:
    instance.lifecycle_state = passing
    world.touch(instance)

    def complete() -> None:
        if instance.lifecycle_state == passing:
            instance.lifecycle_state = final
            world.touch(instance)

    world.later(now + world.settings.timing.instance_seconds, complete)


PASSING = {
    "PROVISIONING": "RUNNING",
    "STARTING": "RUNNING",
    "STOPPING": "STOPPED",
}


def go_on(world: World, instance: Instance, now: float) -> None:
    """Resume an instance's change of state after a restart of the fake."""
    final = PASSING.get(instance.lifecycle_state)
    if final is not None:
        _pass_through(world, instance, instance.lifecycle_state, final, now)


def provision(world: World, instance: Instance, now: float) -> None:
    """Make an instance PROVISIONING, and RUNNING after ``instance_seconds``."""
    _pass_through(world, instance, "PROVISIONING", "RUNNING", now)


def reboot(
    world: World, instance_id: str, *, netns: str, address: str, mac: str
) -> None:
    """Move an instance's links to another network namespace.

    Its primary VNIC gets the given address and MAC.  The cloud never changes them, but
    Docker gives a container new ones at each start.
    """
    instance = world.get(Instance, instance_id)
    vnic = world.vnics_of(instance_id)[0]
    private_ip = world.private_ips_of(vnic.id)[0]
    if private_ip.ip_address != address:
        space = world.space(vnic.subnet_id)
        space.take(address)
        space.give_back(private_ip.ip_address)
        world.readdress(private_ip, address)
    vnic.mac_address = mac
    instance.netns = netns
    world.touch(instance)


def terminate(world: World, instance_id: str) -> None:
    """Terminate an instance; this deletes all its VNICs."""
    instance = world.get(Instance, instance_id)
    for attachment in vnics.attachments_of(world, instance_id):
        attachment.lifecycle_state = "DETACHED"
    for vnic in world.vnics_of(instance_id):
        vnics.destroy(world, vnic)
    instance.lifecycle_state = "TERMINATED"
    world.touch(instance)
