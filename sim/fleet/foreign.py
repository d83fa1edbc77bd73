"""Objects of others on a fleet's nodes: vcnd must leave them as they are (I8)."""

from contextlib import suppress
from typing import Any

import trio

from fakeoci.world import ips, vnics
from fakeoci.world.errors import ServiceError
from fakeoci.world.resources import Address, Resource, Subnet, Vnic
from fakeoci.world.world import World
from sim.fleet.books import Books
from sim.fleet.machine import Machine

TRIES, PAUSE_SECONDS = 20, 5.0
"""An instance that is being changed refuses another change."""
TAGS = {"made-by": "somebody else"}


class Foreign:
    """VNICs and addresses that no daemon may change, and links."""

    def __init__(self, world: World, books: Books) -> None:
        self._world, self._books = world, books
        self._owners: dict[str, Machine] = {}
        """The machines of objects, by OCID."""
        self._planted: set[int] = set()
        """The numbers of their machines."""
        self._as_made: dict[str, dict[str, Any]] = {}
        world.watchers.append(lambda resource, _came: self._changed(resource))

    async def plant(self, machine: Machine, now: float) -> None:
        """Attach a VNIC with an address, and add an address to the primary one.

        Also a link whose name begins like those of pods.  Once for each node.
        """
        if machine.number in self._planted:
            return
        self._planted.add(machine.number)
        machine.kernel.add_foreign_link()
        primary = self._world.vnics_of(machine.instance_id)[0]
        self._add_address(machine, primary.id, now)
        subnet = self._world.named(Subnet, "pods").id
        new = vnics.NewVnic(subnet_id=subnet, freeform_tags=TAGS)
        for _ in range(TRIES):
            try:
                made = vnics.attach(self._world, machine.instance_id, new, now=now)
            except ServiceError:
                await trio.sleep(PAUSE_SECONDS)
                continue
            self._add_address(machine, made.vnic_id, now)
            vnic = self._world.get(Vnic, made.vnic_id)
            for resource in (vnic, *self._world.addresses_of(vnic.id, Address)):
                self._add(machine, resource)
            return

    def _add_address(self, machine: Machine, vnic_id: str, now: float) -> None:
        """Add an address to a VNIC, unless its subnet is full."""
        new = ips.NewAddress(freeform_tags=TAGS)
        with suppress(ServiceError):
            made = ips.create_now(
                self._world, new, vnic_id=vnic_id, subnet_id=None, now=now
            )
            self._add(machine, made)

    def _add(self, machine: Machine, resource: Resource) -> None:
        self._owners[resource.id] = machine
        self._as_made[resource.id] = _shown(resource)

    def has(self, resource: Resource) -> bool:
        """Return True if an object is somebody else's."""
        return resource.id in self._owners

    def _changed(self, resource: Resource) -> None:
        """Check I8: an object comes, goes or is moved."""
        machine = self._owners.get(resource.id)
        if machine is not None and machine.is_on and not self._books.is_by_others:
            machine.report("I8", f"{resource.id} of somebody else is changed")

    def check(self) -> None:
        """Check I8: all objects that are there are as they were made."""
        for ocid, shown in self._as_made.items():
            resource = self._world.objects.get(ocid)
            if resource is not None and _shown(resource) != shown:
                what = f"{ocid} of somebody else is {_shown(resource)}, was {shown}"
                self._owners[ocid].report("I8", what)


def _shown(resource: Resource) -> dict[str, Any]:
    """Return what a call of ours could change of an object."""
    shown: dict[str, Any] = {"tags": dict(resource.freeform_tags)}
    if isinstance(resource, Vnic):
        shown["nsgs"] = tuple(resource.nsg_ids)
        shown["checks"] = resource.skip_source_dest_check
    elif isinstance(resource, Address):
        shown["vnic"] = resource.vnic_id
        shown["lifetime"] = resource.lifetime
    return shown
