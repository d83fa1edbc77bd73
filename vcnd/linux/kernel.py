"""The one door to pyroute2: dumps, and all that is off the path of ADD and DEL.

Synchronous: runs in the kernel's worker thread, in the node's network namespace.
"""

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError as PyrouteError

from vcnd.linux.foreign import DefaultRoute
from vcnd.linux.layout import Layout
from vcnd.linux.rules import Rule
from vcnd.model.family import Family
from vcnd.netlink.rtnetlink import RTPROT_KERNEL

FR_ACT_BLACKHOLE = 6
NOT_SUPPRESSED = 0xFFFFFFFF
NO_FAMILY = (errno.EAFNOSUPPORT, errno.EOPNOTSUPP)
"""Errors of a kernel that was started with ipv6.disable=1."""
NUMBERS = {Family.IPV4: socket.AF_INET, Family.IPV6: socket.AF_INET6}


@contextmanager
def netlink() -> Iterator[IPRoute]:
    """Open pyroute2 here and now; its errors come out as plain ``OSError``."""
    with IPRoute() as route:
        try:
            yield route
        except PyrouteError as error:
            raise OSError(error.code, f"netlink: {error}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link, with the attributes that vcnd reads."""

    index: int
    name: str
    mac: str
    mtu: int
    up: bool
    group: int
    peer_index: int
    alias: str = ""
    kind: str = ""
    """Of a virtual link: ``veth``, ``vlan``, …"""


def as_link(message: Any) -> Link:
    """Return a link of a dump."""
    return Link(
        index=message["index"],
        name=message.get_attr("IFLA_IFNAME"),
        mac=(message.get_attr("IFLA_ADDRESS") or "").lower(),
        mtu=message.get_attr("IFLA_MTU") or 0,
        up=bool(message["flags"] & 1),
        group=message.get_attr("IFLA_GROUP") or 0,
        peer_index=message.get_attr("IFLA_LINK") or 0,
        alias=message.get_attr("IFLA_IFALIAS") or "",
        kind=message.get_nested("IFLA_LINKINFO", "IFLA_INFO_KIND") or "",
    )


def links() -> list[Link]:
    """Return all links of this thread's namespace."""
    with netlink() as route:
        return [as_link(message) for message in route.get_links()]


def link(name: str) -> Link | None:
    """Return a link by name, or None."""
    try:
        with netlink() as route:
            return as_link(route.link("get", ifname=name)[0])
    except OSError as error:
        if error.errno == errno.ENODEV:
            return None
        raise


def addresses(index: int) -> set[str]:
    """Return the addresses of a link."""
    with netlink() as route:
        return {a.get_attr("IFA_ADDRESS") for a in route.get_addr(index=index)}


def host_routes(table: int, family: Family) -> dict[str, int]:
    """Return a table's routes: destination (empty for default) → link index."""
    with netlink() as route:
        return {
            r.get_attr("RTA_DST") or "": r.get_attr("RTA_OIF") or 0
            for r in route.get_routes(table=table, family=NUMBERS[family])
        }


@contextmanager
def passing_over(*codes: int) -> Iterator[None]:
    """Ignore refusals that mean: it is so already."""
    try:
        yield
    except PyrouteError as error:
        if error.code not in codes:
            raise


def flush(route: IPRoute, table: int, family: Family) -> None:
    """Remove our routes of a table; routes of deleted links are gone already."""
    with passing_over(errno.ENOENT, errno.ESRCH, errno.ENODEV, *NO_FAMILY):
        route.flush_routes(table=table, family=NUMBERS[family], proto=RTPROT_KERNEL)


def default_routes(route: IPRoute) -> list[DefaultRoute]:
    """Return the default routes of all tables that have a single gateway."""
    found: list[DefaultRoute] = []
    for family in Family:
        with passing_over(*NO_FAMILY):
            found += [
                DefaultRoute(
                    table=message.get_attr("RTA_TABLE") or message["table"],
                    link_index=message.get_attr("RTA_OIF"),
                    gateway=message.get_attr("RTA_GATEWAY"),
                    family=family,
                    ours=message["proto"] == RTPROT_KERNEL,
                )
                for message in route.get_routes(family=NUMBERS[family], dst_len=0)
                if message.get_attr("RTA_OIF") and message.get_attr("RTA_GATEWAY")
            ]
    return found


def present_rules(route: IPRoute, priorities: frozenset[int]) -> set[Rule]:
    """Return our rules that the kernel has."""
    return {
        _rule(message, family)
        for family in Family
        for message in _rules_of(route, family)
        if _is_ours(message, priorities)
    }


def add_rule(route: IPRoute, rule: Rule, layout: Layout) -> None:
    """Add a rule; one that is there already is no error."""
    with passing_over(errno.EEXIST):
        route.rule("add", **_arguments(rule, layout), protocol=RTPROT_KERNEL)


def delete_rule(route: IPRoute, rule: Rule, layout: Layout) -> None:
    """Delete a rule; one that is gone already is no error."""
    with passing_over(errno.ENOENT, errno.ESRCH):
        route.rule("del", **_arguments(rule, layout))


def _arguments(rule: Rule, layout: Layout) -> dict[str, Any]:
    """Return pyroute2's arguments for a rule; every selector is named.

    The kernel takes an omitted selector of a deletion for "any".
    """
    request: dict[str, Any] = {
        "priority": rule.priority,
        "family": NUMBERS[rule.family],
    }
    if rule.table:
        request["table"] = rule.table
    else:
        request["action"] = FR_ACT_BLACKHOLE
    if rule.source:
        address, _, length = rule.source.partition("/")
        request |= {"src": address, "src_len": int(length)}
    if rule.mark:
        request |= {"fwmark": rule.mark, "fwmask": layout.mark_mask}
    if rule.arrived_by:
        request["iifname"] = rule.arrived_by
    if rule.hosts_only:
        request["suppress_prefixlen"] = rule.family.bits - 1
    return request


def _rules_of(route: IPRoute, family: Family) -> list[Any]:
    """Return all rules of a family; none where the kernel was started without it."""
    found: list[Any] = []
    with passing_over(*NO_FAMILY):
        found += route.get_rules(family=NUMBERS[family])
    return found


def _is_ours(message: Any, priorities: frozenset[int]) -> bool:
    """Return True if vcnd set the rule; others may use the same priority."""
    mine = message.get_attr("FRA_PROTOCOL") == RTPROT_KERNEL
    return mine and message.get_attr("FRA_PRIORITY") in priorities


def _rule(message: Any, family: Family) -> Rule:
    source = message.get_attr("FRA_SRC")
    action = message["action"]
    return Rule(
        priority=message.get_attr("FRA_PRIORITY") or 0,
        table=0 if action == FR_ACT_BLACKHOLE else message.get_attr("FRA_TABLE") or 0,
        source=f"{source}/{message['src_len']}" if source else "",
        mark=message.get_attr("FRA_FWMARK") or 0,
        arrived_by=message.get_attr("FRA_IIFNAME") or "",
        hosts_only=message.get_attr("FRA_SUPPRESS_PREFIXLEN")
        not in (None, NOT_SUPPRESSED),
        family=family,
    )
