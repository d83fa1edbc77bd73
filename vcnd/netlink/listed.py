"""Links, addresses and routes as the kernel lists them: the bytes as values.  Pure.

Of a message that is cut the readers raise ``NetlinkError``.

``LINKS``, ``ADDRESSES`` and ``routes`` are the requests of a dump, as (type, body).
"""

import socket
import struct

import msgspec

from vcnd.netlink import rtnetlink as rtnl
from vcnd.netlink.messages import attributes, fields, text, u32

LINK_HEAD = struct.Struct("=BBHiII")
ADDRESS_HEAD = struct.Struct("=BBBBi")
ROUTE_HEAD = struct.Struct("=BBBBBBBBI")

LINKS = (
    rtnl.RTM_GETLINK,
    LINK_HEAD.pack(*(0,) * 6) + u32(rtnl.IFLA_EXT_MASK, rtnl.SKIP_STATISTICS),
)
ADDRESSES = (rtnl.RTM_GETADDR, ADDRESS_HEAD.pack(*(0,) * 5))


def routes(family: int) -> tuple[int, bytes]:
    """Return the request for the routes of all tables of a family (``AF_INET``, …)."""
    return rtnl.RTM_GETROUTE, ROUTE_HEAD.pack(family, *(0,) * 8)


def named(ifname: str) -> tuple[int, bytes]:
    """Return the request for one link."""
    kind, body = LINKS
    return kind, body + text(rtnl.IFLA_IFNAME, ifname)


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A link, with the attributes that vcnd reads."""

    index: int
    name: str
    mac: str
    mtu: int
    up: bool
    group: int
    peer_index: int = 0
    alias: str = ""
    kind: str = ""
    """Of a virtual link: ``veth``, ``vlan``, …"""


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """A route to one link."""

    table: int
    length: int
    """Of the destination's prefix: 0 for the default route."""
    destination: str
    """Empty for the default route."""
    link_index: int
    """0 if the route has several next hops."""
    gateway: str
    """Empty if the route has none, or several."""
    protocol: int
    cloned: bool
    """True of what the kernel learnt of a route, its MTU say."""
    mtu: int = 0
    """In bytes; 0: its link's."""

    @property
    def network(self) -> str:
        """Return the destination with its prefix; a host's without it."""
        bits = 128 if ":" in self.destination else 32
        whole = self.length in (0, bits)
        return self.destination if whole else f"{self.destination}/{self.length}"


def read_link(body: bytes) -> Link:
    """Return a link."""
    _, _, _, index, flags, _ = fields(LINK_HEAD, body)
    parts = attributes(body[LINK_HEAD.size :])
    kind = attributes(parts.get(rtnl.IFLA_LINKINFO, b"")).get(rtnl.IFLA_INFO_KIND, b"")
    return Link(
        index=index,
        name=string(parts.get(rtnl.IFLA_IFNAME, b"")),
        mac=parts.get(rtnl.IFLA_ADDRESS, b"").hex(":"),
        mtu=number(parts.get(rtnl.IFLA_MTU, b"")),
        up=bool(flags & rtnl.IFF_UP),
        group=number(parts.get(rtnl.IFLA_GROUP, b"")),
        peer_index=number(parts.get(rtnl.IFLA_LINK, b"")),
        alias=string(parts.get(rtnl.IFLA_IFALIAS, b"")),
        kind=string(kind),
    )


def read_address(body: bytes) -> tuple[int, str]:
    """Return the index of an address' link, and the address."""
    family, _, _, _, index = fields(ADDRESS_HEAD, body)
    parts = attributes(body[ADDRESS_HEAD.size :])
    # IPv6 addresses have no local end of their own.
    own = parts.get(rtnl.IFA_LOCAL) or parts.get(rtnl.IFA_ADDRESS, b"")
    return index, address(family, own)


def read_route(body: bytes) -> Route:
    """Return a route."""
    family, length, _, _, table, protocol, _, _, flags = fields(ROUTE_HEAD, body)
    parts = attributes(body[ROUTE_HEAD.size :])
    metrics = attributes(parts.get(rtnl.RTA_METRICS, b""))
    return Route(
        table=number(parts.get(rtnl.RTA_TABLE, b"")) or table,
        length=length,
        destination=address(family, parts.get(rtnl.RTA_DST, b"")),
        link_index=number(parts.get(rtnl.RTA_OIF, b"")),
        gateway=address(family, parts.get(rtnl.RTA_GATEWAY, b"")),
        protocol=protocol,
        cloned=bool(flags & rtnl.RTM_F_CLONED),
        mtu=number(metrics.get(rtnl.RTAX_MTU, b"")),
    )


def address(family: int, value: bytes) -> str:
    """Return an address in words; empty if there is none, or not of this family."""
    lengths: dict[int, int] = {socket.AF_INET: 4, socket.AF_INET6: 16}
    if not value or lengths.get(family) != len(value):
        return ""
    return socket.inet_ntop(family, value)


def string(value: bytes) -> str:
    """Return a text without the NUL that ends it."""
    return value.rstrip(b"\0").decode(errors="replace")


def number(value: bytes) -> int:
    """Return a 32-bit number; 0 if there is none."""
    return int(struct.unpack("=I", value)[0]) if len(value) == 4 else 0  # noqa: PLR2004
