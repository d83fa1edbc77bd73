"""What the cloud gives to whom, address by address, kept up at each change."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from ipaddress import ip_address

from fakeoci.world.resources import Address, Resource, Vnic
from fakeoci.world.world import World
from vcnd.oci.tags import OWNER


def addresses_of(resource: Address) -> tuple[str, ...]:
    """Return an object's addresses; a block has many."""
    return _block(resource.ip_address, resource.prefix_length)


@lru_cache(maxsize=10_000)
def _block(address: str, prefix_length: int) -> tuple[str, ...]:
    first = ip_address(address)
    size = 1 << first.max_prefixlen - prefix_length
    return tuple(str(first + n) for n in range(size))


class Books:
    """The owners of all addresses, and which of them others have changed."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._held: dict[str, Address] = {}
        self._by_others = 0
        self._lost_vnics: set[str] = set()
        self._robbed: dict[str, set[str]] = {}
        """Addresses that somebody else took away, and from which instances."""
        self._made_with_vnics: set[str] = set()
        self.unmarked: set[str] = set()
        """Objects that nothing shows to be vcnd's any more."""
        self.taken: Callable[[str, str], None] = lambda _address, _instance_id: None
        """Called with an address that vcnd lets the cloud take from an instance."""
        self.vnic_gone: Callable[[str], None] = lambda _instance_id: None
        """Called with the instance of a VNIC that goes."""
        for resource in world.all(Address):
            self._changed(resource, came=True)
        world.watchers.append(lambda resource, came: self._changed(resource, came=came))

    def _changed(self, resource: Resource, *, came: bool) -> None:
        if isinstance(resource, Vnic) and not came:
            self.vnic_gone(resource.instance_id)
        if not isinstance(resource, Address) or resource.vnic_id is None:
            return
        if came and self._is_made_with_vnic(resource.vnic_id):
            self._made_with_vnics.add(resource.id)
        for address in addresses_of(resource):
            if came:
                self._held[address] = resource
                continue
            self._held.pop(address, None)
            instance_id = self._world.get(Vnic, resource.vnic_id).instance_id
            if self._by_others or resource.vnic_id in self._lost_vnics:
                self._robbed.setdefault(address, set()).add(instance_id)
            else:
                self.taken(address, instance_id)

    def _is_made_with_vnic(self, vnic_id: str) -> bool:
        """Return True if an object that comes is its VNIC's own.

        Nobody can give a VNIC anything before it is attached.
        """
        return self._world.get(Vnic, vnic_id).lifecycle_state == "PROVISIONING"

    def is_made_by_vcnd(self, resource: Address, cluster: str) -> bool:
        """Return True if a pod VNIC's object must be known to its node's daemon.

        Args:
            resource: an object that is not the VNIC's primary one.
            cluster: that of the node.
        """
        owner = resource.freeform_tags.get(OWNER)
        if owner is not None:
            return owner == cluster
        return resource.id not in self._made_with_vnics | self.unmarked

    @property
    def is_by_others(self) -> bool:
        """Return True while changes are not vcnd's."""
        return bool(self._by_others)

    @contextmanager
    def by_others(self) -> Iterator[None]:
        """Note that changes in the body are not vcnd's."""
        self._by_others += 1
        try:
            yield
        finally:
            self._by_others -= 1

    def lose_vnic(self, vnic_id: str) -> None:
        """Note that others let a VNIC go: it is of no use, and goes a little later."""
        self._lost_vnics.add(vnic_id)
        instance_id = self._world.get(Vnic, vnic_id).instance_id
        for resource in self._world.addresses_of(vnic_id, Address):
            for address in addresses_of(resource):
                self._robbed.setdefault(address, set()).add(instance_id)

    def is_robbed(self, address: str, instance_id: str) -> bool:
        """Return True if others took an address from an instance, which has it not.

        Its daemon may not know that yet.
        """
        robbed = self.was_robbed(address, instance_id)
        return robbed and self.instance_with(address) != instance_id

    def was_robbed(self, address: str, instance_id: str) -> bool:
        """Return True if others ever took an address from an instance."""
        return instance_id in self._robbed.get(address, ())

    def is_fixed(self, address: str) -> bool:
        """Return True if an address outlives its pods, and needs no cooldown."""
        held = self._held.get(address)
        return held is not None and held.lifetime == "RESERVED"

    def instance_with(self, address: str) -> str | None:
        """Return the instance that has an address on an attached VNIC, or None."""
        vnic = self._world.objects.get(self.vnic_with(address) or "")
        return vnic.instance_id if isinstance(vnic, Vnic) else None

    def vnic_with(self, address: str) -> str | None:
        """Return the attached VNIC that has an address, or None."""
        held = self._held.get(address)
        if held is None or held.vnic_id is None:
            return None
        vnic = self._world.objects.get(held.vnic_id)
        attached = isinstance(vnic, Vnic) and vnic.lifecycle_state == "AVAILABLE"
        return held.vnic_id if attached else None
