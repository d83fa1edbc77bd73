"""Changes of links, addresses, routes and neighbours as (type, flags, body).  Pure."""

import socket
import struct

import msgspec

from vcnd.netlink.messages import (
    NLM_F_CREATE,
    NLM_F_EXCL,
    NLM_F_REPLACE,
    Message,
    attribute,
    nested,
    text,
    u32,
)

RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK, RTM_SETLINK = 16, 17, 18, 19
RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE = 24, 25, 26
RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH = 28, 29, 30
RTM_NEWRULE, RTM_DELRULE, RTM_GETRULE = 32, 33, 34
IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_LINK = 1, 3, 4, 5
IFLA_LINKINFO, IFLA_AF_SPEC = 18, 26
IFLA_GROUP, IFLA_NET_NS_FD, IFLA_NUM_TX_QUEUES, IFLA_NUM_RX_QUEUES = 27, 28, 31, 32
IFLA_IFALIAS, IFLA_EXT_MASK, SKIP_STATISTICS = 20, 29, 8
IFLA_INFO_KIND, IFLA_INFO_DATA, VETH_INFO_PEER, IFLA_INET_CONF = 1, 2, 1, 1
DEVCONF_FORWARDING, DEVCONF_SEND_REDIRECTS = 1, 6
DEVCONF_RP_FILTER, DEVCONF_ARP_IGNORE = 8, 19
DEVCONF_ACCEPT_LOCAL, DEVCONF_SRC_VMARK = 23, 24
IFA_ADDRESS, IFA_LOCAL, IFA_F_NODAD = 1, 2, 0x02
NDA_DST, NDA_LLADDR, NUD_PERMANENT = 1, 2, 0x80
RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY = 1, 4, 5, 6
RTA_PREFSRC, RTA_METRICS, RTA_TABLE, RTAX_MTU = 7, 8, 15, 2
RTM_F_CLONED, RTNH_F_ONLINK = 0x200, 4
RT_TABLE_COMPAT, RTPROT_KERNEL, RTN_UNICAST = 252, 2, 1
SCOPE_UNIVERSE, SCOPE_LINK = 0, 253
IFF_UP = 1
MAIN_TABLE = 254


class LinkEnd(msgspec.Struct, frozen=True, kw_only=True):
    """One end of a veth pair."""

    name: str
    mac: str
    mtu: int


def mac_bytes(mac: str) -> bytes:
    """Return a MAC address' six bytes."""
    return bytes.fromhex(mac.replace(":", ""))


def ip_bytes(address: str) -> bytes:
    """Return an address' four or sixteen bytes."""
    return socket.inet_pton(_family(address), address)


def _family(address: str) -> int:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _ifinfo(index: int = 0, flags: int = 0, change: int = 0) -> bytes:
    return struct.pack("=BBHiII", socket.AF_UNSPEC, 0, 0, index, flags, change)


def _end(end: LinkEnd) -> bytes:
    # One queue each: with more, creation waits for two RCU grace periods.
    return b"".join(
        (
            text(IFLA_IFNAME, end.name),
            attribute(IFLA_ADDRESS, mac_bytes(end.mac)),
            u32(IFLA_MTU, end.mtu),
            u32(IFLA_NUM_TX_QUEUES, 1),
            u32(IFLA_NUM_RX_QUEUES, 1),
        )
    )


def new_veth(host: LinkEnd, pod: LinkEnd, netns: int) -> Message:
    """Create a pair, each end in its namespace: a later move costs 16 ms of RTNL.

    Both ends are down.
    """
    peer = _ifinfo() + _end(pod) + u32(IFLA_NET_NS_FD, netns)
    body = (
        _ifinfo()
        + _end(host)
        + nested(
            IFLA_LINKINFO,
            attribute(IFLA_INFO_KIND, b"veth"),
            nested(IFLA_INFO_DATA, attribute(VETH_INFO_PEER | 0x8000, peer)),
        )
    )
    return RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, body


def get_link(index: int) -> Message:
    """Ask for a link, without its counters."""
    body = _ifinfo(index) + u32(IFLA_EXT_MASK, SKIP_STATISTICS)
    return RTM_GETLINK, 0, body


def link_up(index: int, mtu: int = 0) -> Message:
    """Bring a link up, and set its MTU unless it is 0."""
    body = _ifinfo(index, IFF_UP, IFF_UP)
    return RTM_SETLINK, 0, body + u32(IFLA_MTU, mtu) if mtu else body


def link_into_group(name: str, group: int, *, down: bool = False) -> Message:
    """Put a link into a group; with ``down``, take it down too.

    To take it down takes the kernel some hundred microseconds, with the lock of all
    links: it waits until nobody uses the link's queue.
    """
    body = _ifinfo(0, 0, IFF_UP if down else 0)
    body += text(IFLA_IFNAME, name) + u32(IFLA_GROUP, group)
    return RTM_SETLINK, 0, body


def delete_link(index: int) -> Message:
    """Delete a link."""
    return RTM_DELLINK, 0, _ifinfo(index)


def delete_group(group: int) -> Message:
    """Delete all links of a group: one RCU barrier for all of them."""
    return RTM_DELLINK, 0, _ifinfo() + u32(IFLA_GROUP, group)


def device_settings(index: int, settings: dict[int, int], alias: str = "") -> Message:
    """Set a link's IPv4 settings, without a writable /proc/sys, and its alias.

    An empty alias is none.
    """
    conf = nested(IFLA_INET_CONF, *(u32(k, v) for k, v in settings.items()))
    body = _ifinfo(index) + nested(IFLA_AF_SPEC, nested(socket.AF_INET, conf))
    if alias:
        body += attribute(IFLA_IFALIAS, alias.encode())
    return RTM_SETLINK, 0, body


def new_address(index: int, address: str, length: int | None = None) -> Message:
    """Give a link an address, to be used at once.

    Args:
        index: the link's.
        address: IPv4 or IPv6.
        length: of the prefix; None: all bits, a host mask.
    """
    local, family = ip_bytes(address), _family(address)
    # Nobody else can have it: without this flag the kernel tests an IPv6 address for
    # duplicates, which takes a second.
    flags = IFA_F_NODAD if family == socket.AF_INET6 else 0
    bits = 8 * len(local) if length is None else length
    head = (family, bits, flags, SCOPE_UNIVERSE, index)
    body = struct.pack("=BBBBi", *head)
    body += attribute(IFA_LOCAL, local) + attribute(IFA_ADDRESS, local)
    return RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, body


def new_neighbour(index: int, address: str, mac: str) -> Message:
    """Set a permanent neighbour: no ARP or NDP between pod and host."""
    head = (_family(address), 0, 0, index, NUD_PERMANENT, 0, 0)
    body = struct.pack("=BBHiHBB", *head)
    body += attribute(NDA_DST, ip_bytes(address))
    body += attribute(NDA_LLADDR, mac_bytes(mac))
    return RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, body


def new_route(
    destination: str,
    *,
    index: int,
    gateway: str = "",
    source: str = "",
    table: int = MAIN_TABLE,
    metric: int = 0,
    replace: bool = True,
    onlink: bool = False,
    mtu: int = 0,
) -> Message:
    """Set a route to a host or a network; without one, the default route.

    Without ``replace`` the kernel refuses one of the same destination and metric.
    With ``onlink`` the gateway needs no route of its own.  With ``mtu``, in bytes,
    longer packets do not take it, though its link would.
    """
    scope = SCOPE_UNIVERSE if gateway else SCOPE_LINK
    flags = RTNH_F_ONLINK if onlink else 0
    body = _rtmsg(destination, gateway, table, scope, flags)
    address, length = _prefix(destination)
    if length:
        body += attribute(RTA_DST, ip_bytes(address))
    body += u32(RTA_OIF, index)
    if gateway:
        body += attribute(RTA_GATEWAY, ip_bytes(gateway))
    if source:
        body += attribute(RTA_PREFSRC, ip_bytes(source))
    if metric:
        body += u32(RTA_PRIORITY, metric)
    if mtu:
        body += nested(RTA_METRICS, u32(RTAX_MTU, mtu))
    flags = NLM_F_CREATE | (NLM_F_REPLACE if replace else NLM_F_EXCL)
    return RTM_NEWROUTE, flags, body + u32(RTA_TABLE, table)


def delete_route(destination: str, *, table: int) -> Message:
    """Delete the route to a host."""
    body = _rtmsg(destination, "", table, 255)
    body += attribute(RTA_DST, ip_bytes(destination)) + u32(RTA_TABLE, table)
    return RTM_DELROUTE, 0, body


def _prefix(destination: str) -> tuple[str, int]:
    """Return an address and the length of its prefix; an empty one has none."""
    address, _, length = destination.partition("/")
    return address, int(length or 8 * len(ip_bytes(address)) if address else 0)


def _rtmsg(
    destination: str, gateway: str, table: int, scope: int, flags: int = 0
) -> bytes:
    short = table if table <= MAIN_TABLE else RT_TABLE_COMPAT
    return struct.pack(
        "=BBBBBBBBI",
        _family(destination or gateway),
        _prefix(destination)[1],
        0,
        0,
        short,
        RTPROT_KERNEL,  # networkd removes routes that it takes for foreign
        scope,
        RTN_UNICAST,
        flags,
    )
