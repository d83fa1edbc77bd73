"""What the cloud gives to whom, address by address, kept up at each change."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address

from fakeoci.world.resources import PrivateIp, Resource, Vnic
from fakeoci.world.world import World


def addresses_of(private_ip: PrivateIp) -> list[str]:
    """Return an object's addresses; a block has many."""
    first, size = ip_address(private_ip.ip_address), 1 << 32 - private_ip.prefix_length
    return [str(first + n) for n in range(size)] if size > 1 else [str(first)]


class Books:
    """The owners of all addresses, and which of them others have changed."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._held: dict[str, PrivateIp] = {}
        self._by_others = 0
        self._lost_vnics: set[str] = set()
        self._robbed: dict[str, set[str]] = {}
        """Addresses that somebody else took away, and from which instances."""
        self.taken: Callable[[str, str], None] = lambda _address, _instance_id: None
        """Called with an address that vcnd lets the cloud take from an instance."""
        self.vnic_gone: Callable[[str], None] = lambda _instance_id: None
        """Called with the instance of a VNIC that goes."""
        for private_ip in world.all(PrivateIp):
            self._changed(private_ip, came=True)
        world.watchers.append(lambda resource, came: self._changed(resource, came=came))

    def _changed(self, resource: Resource, *, came: bool) -> None:
        if isinstance(resource, Vnic) and not came:
            self.vnic_gone(resource.instance_id)
        if not isinstance(resource, PrivateIp) or resource.vnic_id is None:
            return
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
        for private_ip in self._world.private_ips_of(vnic_id):
            for address in addresses_of(private_ip):
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
