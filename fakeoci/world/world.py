"""The world: every object by its OCID, the changes in flight, and the listeners."""

import heapq
from collections.abc import Callable, Iterable
from ipaddress import ip_network
from itertools import count
from typing import TypeVar

from fakeoci.world.addresses import AddressSpace
from fakeoci.world.compartments import DEFAULT, TENANCY, Compartments
from fakeoci.world.errors import etag_mismatch, invalid, not_found
from fakeoci.world.ocid import Names
from fakeoci.world.policies import Policies
from fakeoci.world.resources import (
    Address,
    CaptureFilter,
    DhcpOptions,
    DrgAttachment,
    Gateway,
    Instance,
    Ipv6,
    Nsg,
    OnPrem,
    PrivateIp,
    Resource,
    RouteTable,
    SecurityList,
    Subnet,
    Vcn,
    Vnic,
    VnicAttachment,
    Vtap,
    WorkRequest,
)
from fakeoci.world.settings import Settings

T = TypeVar("T", bound=Resource)
A = TypeVar("A", bound=Address)
Provisioned = Vcn | Subnet | Nsg | RouteTable | SecurityList | DhcpOptions | Gateway
Watcher = Callable[[Resource, bool], None]
"""Called with an object that came (True) or is about to go (False).  An address that
goes from one VNIC to another goes and comes."""
PROVISIONED = (Vcn, Subnet, Nsg, RouteTable, SecurityList, DhcpOptions, Gateway)
NEW = ("PROVISIONING", "AVAILABLE")


class World:
    """The state of one tenancy in one region.  The rules are in this folder's files."""

    def __init__(
        self, *, settings: Settings, seed: int, region: str, region_key: str
    ) -> None:
        self.settings = settings
        self.names = Names(seed=seed, region_key=region_key)
        self.region, self.region_key = region, region_key
        self.availability_domain = f"Fake:{region_key.upper()}-AD-1"
        self.compartments = Compartments(self.names)
        self.objects: dict[str, Resource] = {}
        self._of_kind: dict[type[Resource], dict[str, Resource]] = {}
        self._at: dict[str, dict[str, Address]] = {}
        self._on_vnic: dict[str, dict[str, Address]] = {}
        self._vnics: dict[str, dict[str, Vnic]] = {}
        """By their instance's OCID."""
        self._spaces: dict[tuple[str, type[Address]], AddressSpace] = {}
        self.onprem: dict[str, OnPrem] = {}
        self.busy: dict[str, str] = {}
        """The work request that changes a VNIC's or subnet's addresses, by its OCID."""
        self.policies = Policies()
        self.hidden: dict[str, float] = {}
        """Objects that lists omit, by OCID, and the time until which they do."""
        self.frozen = False
        """True: attachments stay ATTACHING or DETACHING, whatever the time."""
        self.held_back: list[Callable[[], None]] = []
        """The effects that became due meanwhile; they run when ``frozen`` ends."""
        self.listeners: list[Callable[[], None]] = []
        self.watchers: list[Watcher] = []
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._numbered = 0

    @property
    def tenancy_id(self) -> str:
        """Return the OCID of the tenancy."""
        return self.compartments.named(TENANCY).id

    @property
    def compartment_id(self) -> str:
        """Return the OCID of the compartment for objects that name no other."""
        return self.compartments.named(DEFAULT).id

    # Time

    def later(self, due: float, effect: Callable[[], None]) -> None:
        """Schedule an effect for a time."""
        heapq.heappush(self._due, (due, next(self._order), effect))
        self.changed()

    def advance(self, now: float) -> None:
        """Run every effect that is due."""
        while self._due and self._due[0][0] <= now:
            _, _, effect = heapq.heappop(self._due)
            effect()
            self.changed()

    def freeze(self, *, frozen: bool) -> None:
        """Keep attachments in their states, or let them continue."""
        self.frozen = frozen
        if not frozen:
            late, self.held_back = self.held_back, []
            for effect in late:
                effect()
            self.changed()

    @property
    def next_due(self) -> float | None:
        """Return the time of the next scheduled effect, or None."""
        return self._due[0][0] if self._due else None

    def changed(self) -> None:
        """Call all listeners."""
        for listener in self.listeners:
            listener()

    # Objects

    def clear(self) -> None:
        """Remove every object and all scheduled effects."""
        for table in (self.objects, self._of_kind, self._on_vnic, self._at):
            table.clear()
        self._vnics.clear()
        for held in (self._spaces, self.busy, self.hidden):
            held.clear()
        self._due.clear()

    def add(self, resource: T) -> T:
        """Add an object and return it."""
        resource.number = resource.number or self._numbered + 1
        self._numbered = max(self._numbered, resource.number)
        self.objects[resource.id] = resource
        self._of_kind.setdefault(type(resource), {})[resource.id] = resource
        if isinstance(resource, Address):
            self._at.setdefault(resource.ip_address, {})[resource.id] = resource
            if resource.vnic_id is not None:
                self._on_vnic.setdefault(resource.vnic_id, {})[resource.id] = resource
        if isinstance(resource, Vnic):
            self._vnics.setdefault(resource.instance_id, {})[resource.id] = resource
        if isinstance(resource, Subnet):
            for kind, blocks in (
                (PrivateIp, resource.cidr_blocks),
                (Ipv6, resource.ipv6_cidr_blocks),
            ):
                space = AddressSpace([ip_network(c) for c in blocks])
                self._spaces[resource.id, kind] = space
        if isinstance(resource, PROVISIONED) and resource.lifecycle_state in NEW:
            self._provision(resource)
        self._tell(resource, came=True)
        self.changed()
        return resource

    def _tell(self, resource: Resource, *, came: bool) -> None:
        for watcher in self.watchers:
            watcher(resource, came)

    def _provision(self, resource: Provisioned) -> None:
        """Make an object PROVISIONING for ``provision_seconds`` after its creation."""
        seconds = self.settings.timing.provision_seconds
        if seconds <= 0:
            return

        def complete() -> None:
            if resource.lifecycle_state == "PROVISIONING":
                resource.lifecycle_state = "AVAILABLE"

        resource.lifecycle_state = "PROVISIONING"
        self.later(resource.time_created + seconds, complete)

    def drop(self, resource: Resource) -> None:
        """Remove an object."""
        self._tell(resource, came=False)
        del self.objects[resource.id]
        del self._of_kind[type(resource)][resource.id]
        if isinstance(resource, Address):
            del self._at[resource.ip_address][resource.id]
            if resource.vnic_id is not None:
                del self._on_vnic[resource.vnic_id][resource.id]
        if isinstance(resource, Vnic):
            del self._vnics[resource.instance_id][resource.id]
        self.changed()

    def readdress(self, private_ip: PrivateIp, address: str) -> None:
        """Change an object's address: only a container's primary address changes."""
        del self._at[private_ip.ip_address][private_ip.id]
        private_ip.ip_address = address
        self._at.setdefault(address, {})[private_ip.id] = private_ip

    def at(self, address: str) -> list[Address]:
        """Return the objects whose first address this is, in every VCN."""
        return list(self._at.get(address, {}).values())

    def assign(self, address: Address, vnic_id: str | None) -> None:
        """Assign an address to another VNIC, or unassign it."""
        self._tell(address, came=False)
        if address.vnic_id is not None:
            del self._on_vnic[address.vnic_id][address.id]
        address.vnic_id = vnic_id
        if vnic_id is not None:
            self._on_vnic.setdefault(vnic_id, {})[address.id] = address
        self._tell(address, came=True)
        self.touch(address)

    def touch(self, resource: Resource) -> None:
        """Give a changed object a new etag."""
        resource.version += 1
        self.changed()

    def get(self, kind: type[T], ocid: str) -> T:
        """Return the object with an OCID.

        Raises:
            ServiceError: 404, no object of the kind has it.
        """
        resource = self.objects.get(ocid)
        if not isinstance(resource, kind):
            raise not_found()
        return resource

    def compartment(self, ocid: str) -> str:
        """Return a compartment's OCID if the compartment exists.

        Raises:
            ServiceError: 404, it does not exist.
        """
        return self.compartments.get(ocid).id

    def all(self, kind: type[T]) -> Iterable[T]:
        """Return all objects of a kind, oldest first."""
        return [
            resource
            for held, resources in self._of_kind.items()
            if issubclass(held, kind)
            for resource in resources.values()
            if isinstance(resource, kind)
        ]

    @staticmethod
    def match(resource: Resource, if_match: str | None) -> None:
        """Raise 412 if the caller's etag is not the object's."""
        if if_match not in (None, "*", resource.etag):
            raise etag_mismatch()

    # Shortcuts

    def space(self, subnet_id: str, kind: type[Address] = PrivateIp) -> AddressSpace:
        """Return a subnet's addresses of an IP family.

        Raises:
            ServiceError: 400, the subnet has no block of that family.
        """
        space = self._spaces[subnet_id, kind]
        if not space.blocks:
            raise invalid(f"subnet {subnet_id} has no CIDR block for {kind.__name__}")
        return space

    def blocks(self, subnet_id: str) -> tuple[AddressSpace, ...]:
        """Return a subnet's addresses of both IP families; one may have no blocks."""
        return self._spaces[subnet_id, PrivateIp], self._spaces[subnet_id, Ipv6]

    def vnics_of(self, instance_id: str) -> list[Vnic]:
        """Return an instance's VNICs, the primary one first."""
        mine = self._vnics.get(instance_id, {}).values()
        return sorted(mine, key=lambda v: (not v.is_primary, v.time_created))

    def private_ips_of(self, vnic_id: str) -> list[PrivateIp]:
        """Return a VNIC's private IPs, the primary one first."""
        mine = self.addresses_of(vnic_id, PrivateIp)
        return sorted(mine, key=lambda p: not p.is_primary)

    def addresses_of(self, vnic_id: str, kind: type[A]) -> list[A]:
        """Return a VNIC's addresses of an IP family, oldest first."""
        mine = self._on_vnic.get(vnic_id, {}).values()
        return [a for a in mine if isinstance(a, kind)]

    def primary_ip(self, vnic_id: str) -> str:
        """Return a VNIC's primary private IP."""
        return next(p.ip_address for p in self.private_ips_of(vnic_id) if p.is_primary)

    def named(self, kind: type[T], name: str) -> T:
        """Return the object of a kind with a display name.

        Raises:
            KeyError: no object has it.
        """
        for resource in self.all(kind):
            if resource.display_name == name:
                return resource
        raise KeyError(f"no {kind.__name__} named {name!r}")


KINDS: tuple[type[Resource], ...] = (
    *(Vcn, Subnet, RouteTable, SecurityList, DhcpOptions, Nsg),
    *(Gateway, DrgAttachment, CaptureFilter, Vtap),
    *(Instance, Vnic, VnicAttachment, PrivateIp, Ipv6, WorkRequest),
)
