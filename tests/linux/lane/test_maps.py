"""The express lane's values as bytes, and what is read out of them."""

import socket
import struct

from vcnd.linux.lane.maps import (
    COUNTS,
    POD,
    SHAPES,
    WAY,
    Leg,
    Link,
    link_key,
    open_ways,
    pod_value,
    summed,
)
from vcnd.model.family import Family

POD_LINK, VNIC = Link(index=11, mtu=9000), Link(index=3, mtu=8900)
FOUR = Leg("10.1.0.9", "ens5", "10.1.0.1", outside_mtu=1500)
SIX = Leg("fd00::9", "ens5", "fe80::1")
NONE = bytes(16)


def six(address: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6, address)


def test_sizes_are_those_of_the_programs() -> None:
    assert (POD.size, struct.calcsize(WAY), COUNTS.size) == (68, 40, 16)
    assert {name: s.key_bytes for name, s in SHAPES.items()} == {
        "pods": 4,
        "ways4": 16,
        "ways6": 40,
        "counts": 4,
        "control": 4,
    }


def test_a_pods_entry_has_both_families() -> None:
    legs = {Family.IPV4: FOUR, Family.IPV6: SIX}
    value = pod_value(POD_LINK, legs, {Family.IPV4: VNIC, Family.IPV6: VNIC})
    four = bytes((10, 1, 0, 9)), bytes((10, 1, 0, 1))
    expected = (
        3,
        3,
        *four,
        six("fd00::9"),
        six("fe80::1"),
        9000,
        8900,
        8900,
        1500,
        8900,
    )
    assert POD.unpack(value) == expected
    assert link_key(POD_LINK) == struct.pack("=I", 11)


def test_a_family_without_a_vnics_link_is_left_out() -> None:
    legs = {Family.IPV4: FOUR, Family.IPV6: SIX}
    value = pod_value(POD_LINK, legs, {Family.IPV6: VNIC})
    none = bytes(4)
    addresses = none, none, six("fd00::9"), six("fe80::1")
    expected = (0, 3, *addresses, 9000, 0, 8900, 0, 8900)
    assert POD.unpack(value) == expected


def test_counts_of_all_processors_are_added() -> None:
    assert summed(COUNTS.pack(5, 1) + COUNTS.pack(7, 2) + COUNTS.pack(0, 0)) == (12, 3)


def test_ways_of_this_epoch_that_are_young_count() -> None:
    ways = [(100, 7), (99, 7), (100, 6), (0, 7)]
    values = [struct.pack(WAY, at, epoch, 3, 9000, *(0,) * 4) for at, epoch in ways]
    parts = [values[0] + values[1], b"", values[2] + values[3]]
    assert open_ways(parts, epoch=7, since=100) == 1
