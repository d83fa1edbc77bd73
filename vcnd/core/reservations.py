"""Which free addresses are kept for pods whose ADD has not come yet.

A reserved address stays free: no state says so, and every move of a free address is
legal.  Its reservation ends with its freedom.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from vcnd.core.free_addresses import FreeAddresses
from vcnd.model.vnic import PrivateIp

Selector = Callable[[PrivateIp], bool]


class Reservations:
    """The reservations of a ledger; they do not outlive it."""

    def __init__(self, free: FreeAddresses, serves: Selector) -> None:
        """Begin with none.

        Args:
            free: the free addresses.
            serves: says which objects' addresses a pod may get.
        """
        self._free, self._serves = free, serves

    def keep(
        self, uid: str, which: Iterable[Selector], preferred: Sequence[str] = ()
    ) -> tuple[str, ...]:
        """Reserve a free address of each selection for a pod; return them.

        What it has already stays, as far as it fits.  If one cannot be had, the pod has
        none: nobody waits, and nothing is taken from another pod.

        Args:
            uid: the pod's.
            which: selects the objects of each of its addresses.
            preferred: addresses that it gets rather than others.
        """
        found = [self._free.spare(self._serving(w), uid, preferred) for w in which]
        addresses = tuple(address for address in found if address is not None)
        if len(addresses) < len(found):
            addresses = ()
        self._free.reserve(uid, addresses)
        return addresses

    def _serving(self, which: Selector) -> Selector:
        return lambda p: self._serves(p) and which(p)

    def end(self, uid: str) -> None:
        """End a pod's reservation, if it has one."""
        self._free.reserve(uid, ())

    def all(self) -> Mapping[str, tuple[str, ...]]:
        """Return the reserved addresses, by the pods' uids."""
        return dict(self._free.reserved)
