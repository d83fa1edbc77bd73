"""Which free address a pod gets: from blocks in use first, so others stay whole."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

from vcnd.model.vnic import PrivateIp


def next_free(
    free: Iterable[str],
    behind: Mapping[str, PrivateIp],
    eligible: Iterable[PrivateIp],
    used: AbstractSet[str],
) -> str | None:
    """Return the free address to lease next, or None.

    Args:
        free: the free addresses, the longest free first.
        behind: the object behind each address.
        eligible: the objects that may be used.
        used: first addresses of the objects that a pod has or had an address of.
    """
    # Objects are ranked, not each of their many addresses.
    ranks = {p.address: _rank(p, used) for p in eligible}
    best: tuple[int, str] | None = None
    for address in free:
        rank = ranks.get(behind[address].address)
        # The first of the lowest rank: the order among equals is kept.
        if rank is not None and (best is None or rank < best[0]):
            best = rank, address
            if rank == 0:
                break
    return best[1] if best is not None else None


def _rank(private_ip: PrivateIp, used: AbstractSet[str]) -> int:
    if private_ip.size == 1:
        return 1
    return 0 if private_ip.address in used else 2
