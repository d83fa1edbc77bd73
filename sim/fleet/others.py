"""What somebody else does to a fleet's cloud: not vcnd, and not by its API calls."""

from fakeoci.world import instances, ips, vnics
from fakeoci.world.addresses import AddressSpace
from fakeoci.world.errors import ServiceError
from fakeoci.world.resources import Address, Subnet, Vnic
from sim.fleet.fleet import Fleet
from sim.fleet.machine import JOURNAL, Machine
from vcnd.journal.reading import read

LONGEST_FAULT_SECONDS = 600.0
"""A fault of an operation that nobody calls ends after this time."""


def pods_space(fleet: Fleet) -> AddressSpace:
    """Return the addresses of the pods' subnet."""
    world = fleet.service.world
    return world.space(world.named(Subnet, "pods").id)


def _pod_vnics(fleet: Fleet, machine: Machine) -> list[Vnic]:
    found = fleet.service.world.vnics_of(machine.instance_id)
    return [v for v in found if not (v.is_primary or fleet.foreign.has(v))]


def _addresses(fleet: Fleet, machine: Machine) -> list[Address]:
    world = fleet.service.world
    return [
        p
        for v in _pod_vnics(fleet, machine)
        for p in world.addresses_of(v.id, Address)
        if not p.is_primary
    ]


def terminate(fleet: Fleet, machine: Machine) -> None:
    """Terminate an instance."""
    with fleet.books.by_others():
        instances.terminate(fleet.service.world, machine.instance_id)


def detach(fleet: Fleet, machine: Machine, pick: int) -> None:
    """Detach a pod VNIC, unless the instance is being changed."""
    world, found = fleet.service.world, _pod_vnics(fleet, machine)
    if not found:
        return
    vnic = found[pick % len(found)]
    attachments = vnics.attachments_of(world, machine.instance_id)
    attachment = next(a for a in attachments if a.vnic_id == vnic.id)
    try:
        vnics.detach(world, attachment.id, None, fleet.service.clock())
    except ServiceError:
        return
    fleet.books.lose_vnic(vnic.id)
    machine.kernel.lose_vnic()


def delete(fleet: Fleet, machine: Machine, pick: int) -> None:
    """Delete an address or block of a pod VNIC."""
    found = _addresses(fleet, machine)
    if not found:
        return
    with fleet.books.by_others():
        ips.discard(fleet.service.world, found[pick % len(found)])


def move(fleet: Fleet, machine: Machine, pick: int, to: Machine) -> None:
    """Move an address or block to another pod VNIC in its subnet, of any node."""
    found = _addresses(fleet, machine)
    if not found:
        return
    moved = found[pick % len(found)]
    vnics_there = [
        v
        for v in _pod_vnics(fleet, to)
        if v.subnet_id == moved.subnet_id and v.id != moved.vnic_id
    ]
    if not vnics_there:
        return
    if not moved.freeform_tags:
        fleet.books.unmarked.add(moved.id)
    with fleet.books.by_others():
        fleet.service.world.assign(moved, vnics_there[0].id)


def remove_tags(fleet: Fleet, machine: Machine, pick: int) -> None:
    """Remove the tags of a pod VNIC and of its addresses."""
    found = _pod_vnics(fleet, machine)
    if not found:
        return
    vnic = found[pick % len(found)]
    vnic.freeform_tags.clear()
    for address in fleet.service.world.addresses_of(vnic.id, Address):
        address.freeform_tags.clear()
    note_unmarked(fleet, machine)


def note_unmarked(fleet: Fleet, machine: Machine) -> None:
    """Note the objects that neither their tags nor the journal show to be vcnd's."""
    world, known = fleet.service.world, _journaled(machine)
    for vnic in _pod_vnics(fleet, machine):
        theirs = [p for p in world.addresses_of(vnic.id, Address) if not p.is_primary]
        for thing in (vnic, *theirs):
            if not (thing.freeform_tags or thing.id in known):
                fleet.books.unmarked.add(thing.id)


def _journaled(machine: Machine) -> set[str]:
    """Return the VNICs and addresses that the journal leads to after a power cut.

    What it has forgotten is none of them, though its bytes name it still.
    """
    state = read(machine.disk.durable(JOURNAL), "journal").replay.recovered(0.0)
    return {*(s.vnic.id for s in state.slots), *(p.id for p in state.private_ips)}
