"""Which addresses pods have by their Node's word, before their status tells them."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

import msgspec


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """The addresses of a pod, as its status, its node's kernel, or its Node tells."""

    addresses: tuple[str, ...]
    leaving: bool = False
    """True if the pod is being deleted: it may have lost them already."""


class Early(msgspec.Struct, frozen=True, kw_only=True):
    """The addresses that pods have by their Node's word."""

    given: Mapping[str, tuple[str, ...]]
    """By the pods' uids; never empty."""
    lost: frozenset[str]
    """Those of pods that are being deleted: they are others' now."""


def settle(
    claims: Mapping[str, Told], known: Iterable[Told], of_nodes: Collection[str] = ()
) -> Early:
    """Return which claims hold.

    A Node gives an address to a pod only after the one before has lost it.  So the
    claim takes the address of a pod that is being deleted, whose status may be old.
    Any other pod keeps what its status tells, and a node its own addresses.  Where two
    pods claim one address, the one that is not being deleted has it, and otherwise none
    of them: an address without a pod is allowed nothing.

    Args:
        claims: what Nodes tell, by the uids of pods that ``known`` is not about.
        known: what is known of all other pods.
        of_nodes: the nodes' own addresses.
    """
    claimed = Counter(a for c in claims.values() for a in {*c.addresses})
    by_staying = Counter(
        a for c in claims.values() if not c.leaving for a in {*c.addresses}
    )
    kept, lost = {a for a in claimed if a in of_nodes}, set[str]()
    for pod in known:
        for address in pod.addresses:
            if address in claimed:
                (lost if pod.leaving else kept).add(address)

    def holds(address: str, *, leaving: bool) -> bool:
        rivals = claimed if by_staying[address] == 0 else by_staying
        mine = not leaving or rivals is claimed
        return mine and address not in kept and rivals[address] == 1

    given = {
        uid: tuple(a for a in c.addresses if holds(a, leaving=c.leaving))
        for uid, c in claims.items()
    }
    return Early(
        given={uid: addresses for uid, addresses in given.items() if addresses},
        lost=frozenset(a for some in given.values() for a in some if a in lost),
    )
