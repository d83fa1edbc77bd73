"""The express lane's maps: their shapes, and their values as bytes.  Pure.

``bpf/express.c`` declares the same.
"""

import struct
from collections.abc import Iterable

import msgspec

from vcnd.bpf.maps import MapKind, MapShape
from vcnd.model.family import Family
from vcnd.netlink.rtnetlink import ip_bytes

CONTROL, COUNTS, WAY = struct.Struct("=IIQ"), struct.Struct("=QQ"), "=QIII4I4x"
POD = struct.Struct("=II4s4s16s16sIIIII")
MOST_PODS = 4096
MOST_WAYS = {Family.IPV4: 65536, Family.IPV6: 16384}
"""The kernel forgets the ways that were used least when there are more."""
WAYS = {Family.IPV4: "ways4", Family.IPV6: "ways6"}
MOST_PROCESSORS = 8192
"""As many as Linux can be built for."""
FIRST = bytes(4)
"""The key of the only entry."""

_way_bytes = struct.calcsize(WAY)
SHAPES = {
    "pods": MapShape(
        kind=MapKind.HASH, key_bytes=4, value_bytes=POD.size, entries=MOST_PODS
    ),
    "ways4": MapShape(
        kind=MapKind.LRU_HASH,
        key_bytes=16,
        value_bytes=_way_bytes,
        entries=MOST_WAYS[Family.IPV4],
    ),
    "ways6": MapShape(
        kind=MapKind.LRU_HASH,
        key_bytes=40,
        value_bytes=_way_bytes,
        entries=MOST_WAYS[Family.IPV6],
    ),
    "counts": MapShape(
        kind=MapKind.PER_CPU_ARRAY, key_bytes=4, value_bytes=COUNTS.size, entries=1
    ),
    "control": MapShape(
        kind=MapKind.ARRAY,
        key_bytes=4,
        value_bytes=CONTROL.size,
        entries=1,
        mapped=True,
    ),
}


class Leg(msgspec.Struct, frozen=True):
    """How packets of one family leave a pod's node."""

    address: str
    """The pod's."""
    vnic: str
    """The link of the address' VNIC."""
    router: str
    """The next hop there."""
    outside_mtu: int = 0
    """What each destination takes, in bytes; 0: as the link."""


class Link(msgspec.Struct, frozen=True):
    """A link as the kernel has it."""

    index: int
    mtu: int


NOWHERE = Link(index=0, mtu=0)


def link_key(link: Link) -> bytes:
    """Return the key of a pod's entry."""
    return struct.pack("=I", link.index)


def pod_value(link: Link, legs: dict[Family, Leg], vnics: dict[Family, Link]) -> bytes:
    """Return a pod's entry.

    Args:
        link: the pod's.
        legs: what it has in each family.
        vnics: the links of the legs' VNICs.
    """
    four, six = (vnics.get(family, NOWHERE) for family in Family)
    addresses = [
        (ip_bytes(leg.address), ip_bytes(leg.router))
        if (leg := legs.get(family)) is not None and family in vnics
        else (b"", b"")
        for family in Family
    ]
    (address4, router4), (address6, router6) = addresses
    return POD.pack(
        four.index,
        six.index,
        address4,
        router4,
        address6,
        router6,
        link.mtu,
        four.mtu,
        six.mtu,
        _outside_mtu(legs.get(Family.IPV4), four),
        _outside_mtu(legs.get(Family.IPV6), six),
    )


def _outside_mtu(leg: Leg | None, vnic: Link) -> int:
    return min(leg.outside_mtu if leg and leg.outside_mtu else vnic.mtu, vnic.mtu)


def summed(counts: bytes) -> tuple[int, int]:
    """Return the packets of the lane and of the ordinary way, of all processors."""
    express = ordinary = 0
    for one, other in COUNTS.iter_unpack(counts):
        express += one
        ordinary += other
    return express, ordinary


def open_ways(values: Iterable[bytes], *, epoch: int, since: int) -> int:
    """Return how many ways count.

    Args:
        values: the entries' values.
        epoch: the present one.
        since: when a way must have been proven, in ns of the kernel's clock.
    """
    return sum(
        way[1] == epoch and way[0] >= since
        for part in values
        for way in struct.iter_unpack(WAY, part)
    )
