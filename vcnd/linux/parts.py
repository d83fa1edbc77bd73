"""Links, addresses, routes and neighbours as parts with values.  Pure.

The desired parts are read from the messages that would set them, and the found parts
from the kernel's dumps, by the same functions.  So what is compared is what is set.
"""

import socket
import struct
from collections.abc import Iterator, Mapping

import msgspec

from vcnd.model.drift import Drift, DriftKind
from vcnd.netlink import listed
from vcnd.netlink import rtnetlink as rtnl
from vcnd.netlink.listed import LINK_HEAD, ROUTE_HEAD
from vcnd.netlink.messages import attributes, fields

NEIGHBOUR_HEAD = struct.Struct("=BBHiHBB")
SETTINGS = {
    rtnl.DEVCONF_FORWARDING: "forwarding",
    rtnl.DEVCONF_SEND_REDIRECTS: "send_redirects",
    rtnl.DEVCONF_RP_FILTER: "rp_filter",
    rtnl.DEVCONF_ARP_IGNORE: "arp_ignore",
    rtnl.DEVCONF_ACCEPT_LOCAL: "accept_local",
    rtnl.DEVCONF_SRC_VMARK: "src_valid_mark",
}
"""IPv4 settings of links that vcnd sets, by their numbers."""
DOWN, UP, THERE = "down", "up", "there"


class Part(msgspec.Struct, frozen=True):
    """A part of the kernel's state that has one value."""

    kind: DriftKind
    what: str
    """The object's name, as ``ip`` has it."""
    link: str = ""


Value = tuple[Part, str]
Names = Mapping[int, str]
"""Links' names by index."""


def values_of(kind: int, body: bytes, names: Names) -> list[Value]:
    """Return the parts that a message sets, or that one of a dump tells.

    Args:
        kind: the message's type; others than those of this module have no parts.
        body: its body.
        names: links' names by index.

    Raises:
        NetlinkError: the message is cut.
    """
    match kind:
        case rtnl.RTM_NEWLINK:
            return list(_of_link(body, names, is_dump=True))
        case rtnl.RTM_SETLINK:
            return list(_of_link(body, names, is_dump=False))
        case rtnl.RTM_NEWADDR:
            index, address = listed.read_address(body)
            name = _name(names, index)
            return [(Part(DriftKind.ADDRESS, f"{address} dev {name}", name), THERE)]
        case rtnl.RTM_NEWROUTE:
            return [_of_route(body, names)]
        case rtnl.RTM_NEWNEIGH:
            return list(_of_neighbour(body, names))
        case _:
            return []


def _name(names: Names, index: int) -> str:
    """Return a link's name; of one that is gone, its index."""
    return names.get(index, f"#{index}")


def _of_link(body: bytes, names: Names, *, is_dump: bool) -> Iterator[Value]:
    _, _, _, index, flags, change = fields(LINK_HEAD, body)
    parts, name = attributes(body[LINK_HEAD.size :]), _name(names, index)
    if is_dump or change & rtnl.IFF_UP:
        yield Part(DriftKind.LINK, name, name), UP if flags & rtnl.IFF_UP else DOWN
    if mtu := listed.number(parts.get(rtnl.IFLA_MTU, b"")):
        yield Part(DriftKind.MTU, name, name), str(mtu)
    if alias := listed.string(parts.get(rtnl.IFLA_IFALIAS, b"")):
        yield Part(DriftKind.ALIAS, name, name), alias
    ipv4 = attributes(parts.get(rtnl.IFLA_AF_SPEC, b"")).get(socket.AF_INET, b"")
    conf = attributes(ipv4).get(rtnl.IFLA_INET_CONF, b"")
    # A dump has all settings in a row, a request those to set as attributes.
    found = _in_a_row(conf) if is_dump else attributes(conf)
    for number, setting in SETTINGS.items():
        if number in found:
            value = str(listed.number(found[number]))
            what = f"net.ipv4.conf.{name}.{setting}"
            yield Part(DriftKind.SETTING, what, name), value


def _in_a_row(conf: bytes) -> dict[int, bytes]:
    return {n // 4 + 1: conf[n : n + 4] for n in range(0, len(conf), 4)}


def _of_route(body: bytes, names: Names) -> Value:
    found = listed.read_route(body)
    parts = attributes(body[ROUTE_HEAD.size :])
    source = listed.address(body[0], parts.get(rtnl.RTA_PREFSRC, b""))
    six = " (IPv6)" if body[0] == socket.AF_INET6 and not found.destination else ""
    to = found.network or "default"
    words = [f"dev {_name(names, found.link_index)}"] if found.link_index else []
    words += [f"via {found.gateway}"] if found.gateway else []
    words += [f"src {source}"] if source else []
    words += [f"mtu {found.mtu}"] if found.mtu else []
    return Part(DriftKind.ROUTE, f"{to}{six} table {found.table}"), " ".join(words)


def _of_neighbour(body: bytes, names: Names) -> Iterator[Value]:
    family, _, _, index, state, _, _ = fields(NEIGHBOUR_HEAD, body)
    parts = attributes(body[NEIGHBOUR_HEAD.size :])
    address = listed.address(family, parts.get(rtnl.NDA_DST, b""))
    if state & rtnl.NUD_PERMANENT:
        name = _name(names, index)
        part = Part(DriftKind.NEIGHBOUR, f"{address} dev {name}", name)
        yield part, parts.get(rtnl.NDA_LLADDR, b"").hex(":")


def differences(wanted: Mapping[Part, str], found: set[Value]) -> list[Drift]:
    """Return the wanted parts that were not found with their values.

    Args:
        wanted: the desired values.
        found: all values that the kernel tells; several routes may have one name.
    """
    lacking = {
        part: value for part, value in wanted.items() if (part, value) not in found
    }
    instead = {part: value for part, value in found if part in lacking}
    return [
        Drift(part.kind, part.what, value, instead.get(part, ""), part.link)
        for part, value in lacking.items()
    ]
