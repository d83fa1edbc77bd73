"""A datagram of netlink: links, addresses, routes, rules, elements, filters, errors.

Each message is read as each kind of object: a value, or ``NetlinkError``.
"""

import struct
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from vcnd.netlink import listed, nftables, routing_rules, traffic_control
from vcnd.netlink import rtnetlink as rtnl
from vcnd.netlink.messages import (
    NLM_F_ACK_TLVS,
    NLMSG_ERROR,
    NLMSGERR_ATTR_MSG,
    NetlinkError,
    _raise_refusal,
    attribute,
    attributes,
    message,
    nested,
    numbered,
    of_others,
    text,
    u32,
)

READERS: tuple[Callable[[bytes], Any], ...] = (
    listed.read_link,
    listed.read_address,
    listed.read_route,
    routing_rules.read_rule,
    nftables._keys,
    traffic_control.filter_name,
    traffic_control.filter_program,
    traffic_control.queue,
    traffic_control.is_others_filter,
)


def run(data: bytes) -> None:
    """Read a datagram."""
    found = list(numbered(data))
    if sum(len(body) for _, _, _, body in found) > len(data):
        raise AssertionError("messages have more bytes than came")
    kept = of_others(data, ())
    if list(numbered(kept)) != found:
        raise AssertionError("messages are lost among those of others")
    for _, _, flags, body in found:
        for read in READERS:
            with suppress(NetlinkError):
                read(body)
        for key in _keys(body):
            with suppress(ValueError):  # of another map
                nftables.split_interface_and_address(key)
        try:
            _raise_refusal("a step", flags, body)
        except NetlinkError as error:
            str(error).encode()
        parts = attributes(body)
        written = b"".join(attribute(kind, value) for kind, value in parts.items())
        if attributes(written) != parts:
            raise AssertionError(f"{parts} are read back as {attributes(written)}")


def _keys(body: bytes) -> list[bytes]:
    try:
        return nftables._keys(body)
    except NetlinkError:
        return []


def seeds() -> Iterable[bytes]:
    """Return a message of each kind."""
    link = listed.LINK_HEAD.pack(0, 0, 0, 3, 1, 0)
    link += text(rtnl.IFLA_IFNAME, "oci1") + u32(rtnl.IFLA_MTU, 9000)
    link += attribute(rtnl.IFLA_ADDRESS, bytes(6)) + text(rtnl.IFLA_IFALIAS, "x")
    link += nested(rtnl.IFLA_LINKINFO, text(rtnl.IFLA_INFO_KIND, "veth"))
    address = listed.ADDRESS_HEAD.pack(2, 32, 0, 0, 3)
    address += attribute(rtnl.IFA_LOCAL, bytes([10, 0, 0, 1]))
    route = listed.ROUTE_HEAD.pack(2, 32, 0, 0, 254, 3, 0, 1, 0)
    route += attribute(rtnl.RTA_DST, bytes(4)) + u32(rtnl.RTA_OIF, 3)
    rule = routing_rules.RoutingRule(
        family=2, priority=1000, table=100, source="10.0.0.0/8", mark=1, mask=255
    )
    key = nftables.interface_and_address("oci1", "10.0.0.1")
    kind, _, element = nftables.addition("vcnd", "pods", key, "vnic2")
    error = struct.pack("=iIHHII", -17, 16, 16, 0, 1, 0)
    error += text(NLMSGERR_ATTR_MSG, "no")
    yield message(rtnl.RTM_NEWLINK, 0, link, 1) + message(rtnl.RTM_NEWADDR, 2, address)
    yield message(rtnl.RTM_NEWROUTE, 0, route, 1)
    yield message(rtnl.RTM_NEWRULE, 0, routing_rules.new_rule(rule)[2])
    yield message(kind, 0, element)
    yield message(NLMSG_ERROR, NLM_F_ACK_TLVS, error)
    yield message(44, 0, traffic_control.set_program(3, 0, 1, "vcnd")[2])
    yield message(36, 0, traffic_control.new_clsact(3)[2])
