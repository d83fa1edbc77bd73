"""Routing rules as netlink messages, and as the kernel lists them.  Pure."""

import socket
import struct

import msgspec

from vcnd.netlink import rtnetlink as rtnl
from vcnd.netlink.listed import address, number, string
from vcnd.netlink.messages import (
    NLM_F_CREATE,
    NLM_F_EXCL,
    Message,
    attribute,
    attributes,
    fields,
    text,
    u32,
)

FRA_SRC, FRA_IIFNAME, FRA_PRIORITY, FRA_FWMARK = 2, 3, 6, 10
FRA_SUPPRESS_PREFIXLEN, FRA_TABLE, FRA_FWMASK, FRA_PROTOCOL = 14, 15, 16, 21
FR_ACT_TO_TBL, FR_ACT_BLACKHOLE, FR_ACT_UNREACHABLE = 1, 6, 7
NOT_SUPPRESSED = 0xFFFFFFFF
HEAD = struct.Struct("=BBBBBBBBI")


class RoutingRule(msgspec.Struct, frozen=True, kw_only=True):
    """A routing rule with the selectors that vcnd uses."""

    family: int
    """``AF_INET`` or ``AF_INET6``."""
    priority: int
    table: int
    """0: the rule drops packets."""
    rejects: bool = False
    """True if it tells the sender, without a table."""
    source: str = ""
    """A prefix; empty: any."""
    mark: int = 0
    mask: int = 0
    arrived_by: str = ""
    """A link's name; empty: any."""
    longest: int = NOT_SUPPRESSED
    """Routes with prefixes of up to this length do not count."""
    protocol: int = 0
    """Who made the rule."""


def listing(family: int) -> tuple[int, bytes]:
    """Return the request of a dump of all rules of a family, as (type, body)."""
    return rtnl.RTM_GETRULE, HEAD.pack(family, *(0,) * 8)


def new_rule(rule: RoutingRule) -> Message:
    """Add a rule; the kernel refuses one that it has."""
    body = _body(rule) + attribute(FRA_PROTOCOL, bytes((rule.protocol,)))
    return rtnl.RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, body


def delete_rule(rule: RoutingRule) -> Message:
    """Delete a rule.  The kernel takes an omitted selector for "any"."""
    return rtnl.RTM_DELRULE, 0, _body(rule)


def _body(rule: RoutingRule) -> bytes:
    source, _, length = rule.source.partition("/")
    drops = FR_ACT_UNREACHABLE if rule.rejects else FR_ACT_BLACKHOLE
    action = FR_ACT_TO_TBL if rule.table else drops
    short = rule.table if rule.table <= rtnl.MAIN_TABLE else rtnl.RT_TABLE_COMPAT
    body = HEAD.pack(rule.family, 0, int(length or 0), 0, short, 0, 0, action, 0)
    body += u32(FRA_PRIORITY, rule.priority)
    if rule.table:
        body += u32(FRA_TABLE, rule.table)
    if source:
        body += attribute(FRA_SRC, socket.inet_pton(rule.family, source))
    if rule.mark:
        body += u32(FRA_FWMARK, rule.mark) + u32(FRA_FWMASK, rule.mask)
    if rule.arrived_by:
        body += text(FRA_IIFNAME, rule.arrived_by)
    if rule.longest != NOT_SUPPRESSED:
        body += u32(FRA_SUPPRESS_PREFIXLEN, rule.longest)
    return body


def read_rule(body: bytes) -> RoutingRule:
    """Return a rule."""
    family, _, length, _, table, _, _, action, _ = fields(HEAD, body)
    parts = attributes(body[HEAD.size :])
    table = number(parts.get(FRA_TABLE, b"")) or table
    source = address(family, parts.get(FRA_SRC, b""))
    suppressed = parts.get(FRA_SUPPRESS_PREFIXLEN)
    return RoutingRule(
        family=family,
        priority=number(parts.get(FRA_PRIORITY, b"")),
        table=table if action == FR_ACT_TO_TBL else 0,
        rejects=action == FR_ACT_UNREACHABLE,
        source=f"{source}/{length}" if source else "",
        mark=number(parts.get(FRA_FWMARK, b"")),
        mask=number(parts.get(FRA_FWMASK, b"")),
        arrived_by=string(parts.get(FRA_IIFNAME, b"")),
        longest=NOT_SUPPRESSED if suppressed is None else number(suppressed),
        protocol=(parts.get(FRA_PROTOCOL) or b"\0")[0],
    )
