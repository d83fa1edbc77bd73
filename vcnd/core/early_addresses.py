"""When the addresses that other nodes are told early are written again."""

from collections.abc import Collection, Mapping

Early = Mapping[str, tuple[str, ...]]
"""Addresses by the uids of their pods."""


def misleads(
    told: Early, wanted: Early, *, awaited: Collection[str], held: Mapping[str, str]
) -> bool:
    """Return True if what is told lacks something, or is wrong: it cannot stay so.

    What is told of a pod whose status tells its addresses, or that is gone, is not
    read, and may stay for a while.

    Args:
        told: what other nodes are told now.
        wanted: what they should be told.
        awaited: the pods here whose status tells no address yet, by uid.
        held: the uid of the pod that holds an address, by address.
    """
    if any(told.get(uid) != addresses for uid, addresses in wanted.items()):
        return True
    return any(
        uid in awaited or any(held.get(a, uid) != uid for a in told[uid])
        for uid in told.keys() - wanted.keys()
    )
