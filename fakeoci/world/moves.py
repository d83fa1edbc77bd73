"""Moves of resources to another compartment, and of the resources that follow them.

Sources: Oracle's pages "Moving a VCN Between Compartments" and "Moving a Resource
Between Compartments"; ChangeInstanceCompartment in the API reference.
"""

from fakeoci.world.errors import incorrect_state
from fakeoci.world.resources import (
    Address,
    Instance,
    Resource,
    Subnet,
    Vcn,
    Vnic,
    VnicAttachment,
)
from fakeoci.world.world import World


def move(world: World, resource: Resource, compartment_id: str) -> None:
    """Put an object in another compartment, at once.

    An instance's VNIC attachments move with it: their compartment is the instance's.
    Its VNICs and its boot volume stay.

    Raises:
        ServiceError: 409, the object is a terminated instance.
    """
    if isinstance(resource, Instance):
        if resource.lifecycle_state == "TERMINATED":
            raise incorrect_state(f"instance {resource.id}", resource.lifecycle_state)
        resource.volume_compartment_id = volume_compartment(resource)
        for attachment in world.all(VnicAttachment):
            if attachment.instance_id == resource.id:
                attachment.compartment_id = compartment_id
                world.touch(attachment)
    resource.compartment_id = compartment_id
    world.touch(resource)


def volume_compartment(instance: Instance) -> str:
    """Return the compartment of an instance's boot volume."""
    return instance.volume_compartment_id or instance.compartment_id


def follow(world: World, moved: Vcn | Subnet) -> None:
    """Move the VNICs and addresses of a VCN or subnet to its compartment."""
    subnets = {s.id for s in world.all(Subnet) if moved.id in (s.id, s.vcn_id)}
    inside: list[Vnic | Address] = [*world.all(Vnic), *world.all(Address)]
    for resource in inside:
        if resource.subnet_id in subnets:
            resource.compartment_id = moved.compartment_id
            world.touch(resource)
