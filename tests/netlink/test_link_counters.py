"""Links' counters, as the kernel lists them."""

import struct

import pytest

from vcnd.netlink import link_counters
from vcnd.netlink import rtnetlink as rtnl
from vcnd.netlink.listed import LINK_HEAD
from vcnd.netlink.messages import NetlinkError, attribute, text

HEAD = LINK_HEAD.pack(0, 0, 0, 7, 0, 0)


def test_counters_are_read() -> None:
    counted = struct.pack("=24Q", 1, 2, 300, 400, *(9,) * 20)
    body = HEAD + text(rtnl.IFLA_IFNAME, "oci1")
    name, found = link_counters.read(
        body + attribute(link_counters.IFLA_STATS64, counted)
    )
    assert (name, found.received_packets, found.sent_packets) == ("oci1", 1, 2)
    assert (found.received_bytes, found.sent_bytes) == (300, 400)


def test_link_without_counters_has_zeros() -> None:
    _, found = link_counters.read(HEAD + text(rtnl.IFLA_IFNAME, "oci1"))
    assert found.sent_bytes == 0


def test_message_that_is_cut_is_refused() -> None:
    with pytest.raises(NetlinkError):
        link_counters.read(HEAD[:3])
