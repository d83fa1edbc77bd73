"""Reads the node's links, addresses, routes and rules, and changes rules.

Synchronous, some milliseconds: off the path of ADD and DEL.  Each call is for the
network namespace of the socket, or of the thread.
"""

import errno
import socket
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

from vcnd.linux.foreign import DefaultRoute
from vcnd.linux.layout import Layout
from vcnd.linux.rules import Rule
from vcnd.model.family import Family
from vcnd.netlink import listed, routing_rules, rtnetlink
from vcnd.netlink.listed import Link, Route
from vcnd.netlink.messages import NetlinkError, NetlinkSocket, u32
from vcnd.netlink.routing_rules import NOT_SUPPRESSED, RoutingRule
from vcnd.netlink.rtnetlink import RTM_DELROUTE, RTPROT_KERNEL

NO_FAMILY = (errno.EAFNOSUPPORT, errno.EOPNOTSUPP)
"""Errors of a kernel that was started with ipv6.disable=1."""
ROUTE_PROTOCOL = 5
"""Where a route's body says who made it."""
NUMBERS = {Family.IPV4: socket.AF_INET, Family.IPV6: socket.AF_INET6}


def links(route: NetlinkSocket, *, group: int | None = None) -> list[Link]:
    """Return all links, or those of a group."""
    dump = route.dump("list links", *listed.LINKS)
    # Looked for as bytes: to read each of a link's thirty attributes takes longer.
    sign = b"" if group is None else u32(rtnetlink.IFLA_GROUP, group)
    read = (listed.read_link(body) for _, body in dump if sign in body)
    # A dump that was interrupted is repeated, and may have listed a link twice.
    found = {x.index: x for x in read if group in (None, x.group)}
    return list(found.values())


def link(name: str) -> Link | None:
    """Return a link by name, or None."""
    with NetlinkSocket(socket.NETLINK_ROUTE) as route:
        try:
            return listed.read_link(route.get(f"link {name}", *listed.named(name)))
        except NetlinkError as error:
            if error.errno == errno.ENODEV:
                return None
            raise


def set_device(index: int, settings: dict[int, int]) -> None:
    """Change IPv4 settings of a link."""
    with NetlinkSocket(socket.NETLINK_ROUTE) as route:
        step, message = f"settings of link {index}", rtnetlink.device_settings
        route.request(step, *message(index, settings))


def addresses(index: int) -> set[str]:
    """Return the addresses of a link."""
    return {address for owner, address in _addresses() if owner == index}


def all_addresses() -> frozenset[str]:
    """Return the addresses of all links."""
    return frozenset(address for _, address in _addresses())


def _addresses() -> list[tuple[int, str]]:
    with NetlinkSocket(socket.NETLINK_ROUTE) as route:
        dump = route.dump("list addresses", *listed.ADDRESSES)
        return [listed.read_address(body) for _, body in dump]


def host_routes(table: int, family: Family) -> dict[str, int]:
    """Return a table's routes: destination (empty for default) → link index."""
    with NetlinkSocket(socket.NETLINK_ROUTE) as route:
        found = routes(route, family)
    return {r.destination: r.link_index for r in found if r.table == table}


def routes(route: NetlinkSocket, family: Family) -> list[Route]:
    """Return the routes of all tables of a family."""
    return [listed.read_route(body) for body in route_bodies(route, family)]


def route_bodies(route: NetlinkSocket, family: Family) -> list[bytes]:
    """Return the same as the kernel tells it."""
    number = NUMBERS[family]
    dump = route.dump("list routes", *listed.routes(number))
    # A kernel without the family lists the routes of the other one.
    return [body for _, body in dump if body[0] == number]


def own_routes(route: NetlinkSocket, family: Family) -> list[tuple[Route, bytes]]:
    """Return our routes of all tables, each as a value and as the kernel tells it.

    A node may have a hundred thousand routes of others.
    """
    found: list[tuple[Route, bytes]] = []
    with passing_over(*NO_FAMILY):
        found += [
            (listed.read_route(body), body)
            for body in route_bodies(route, family)
            if body[ROUTE_PROTOCOL] == RTPROT_KERNEL
        ]
    return found


@contextmanager
def passing_over(*codes: int) -> Iterator[None]:
    """Ignore refusals that mean: it is so already."""
    try:
        yield
    except NetlinkError as error:
        if error.errno not in codes:
            raise


def flush(route: NetlinkSocket, table: int, family: Family) -> None:
    """Remove our routes of a table; routes of deleted links are gone already."""
    keep_routes(route, family, {table: ()})


def keep_routes(
    route: NetlinkSocket, family: Family, kept: Mapping[int, Collection[str]]
) -> None:
    """Remove our routes of tables, except those to the networks that each keeps."""
    for found, body in own_routes(route, family):
        if (
            found.table not in kept
            or found.cloned
            or found.network in kept[found.table]
        ):
            continue
        with passing_over(errno.ENOENT, errno.ESRCH, errno.ENODEV):
            route.request(f"remove from table {found.table}", RTM_DELROUTE, 0, body)


def default_routes(route: NetlinkSocket) -> list[DefaultRoute]:
    """Return the default routes of all tables that have a single gateway."""
    found: list[DefaultRoute] = []
    for family in Family:
        with passing_over(*NO_FAMILY):
            found += [
                DefaultRoute(
                    table=r.table,
                    link_index=r.link_index,
                    gateway=r.gateway,
                    family=family,
                    ours=r.protocol == RTPROT_KERNEL,
                )
                for r in routes(route, family)
                if not r.length and r.link_index and r.gateway
            ]
    return found


def present_rules(route: NetlinkSocket, priorities: frozenset[int]) -> set[Rule]:
    """Return our rules that the kernel has; others may use the same priorities."""
    return {
        _rule(found, family)
        for family in Family
        for found in _rules_of(route, family)
        if found.protocol == RTPROT_KERNEL and found.priority in priorities
    }


def _rules_of(route: NetlinkSocket, family: Family) -> list[RoutingRule]:
    """Return all rules of a family; none where the kernel was started without it."""
    found: list[RoutingRule] = []
    with passing_over(*NO_FAMILY):
        dump = route.dump("list rules", *routing_rules.listing(NUMBERS[family]))
        found += [routing_rules.read_rule(body) for _, body in dump]
    return found


def add_rule(route: NetlinkSocket, rule: Rule, layout: Layout) -> None:
    """Add a rule; one that is there already is no error."""
    message = routing_rules.new_rule(_routing_rule(rule, layout))
    with passing_over(errno.EEXIST):
        route.request(f"add {rule}", *message)


def delete_rule(route: NetlinkSocket, rule: Rule, layout: Layout) -> None:
    """Delete a rule; one that is gone already is no error."""
    message = routing_rules.delete_rule(_routing_rule(rule, layout))
    with passing_over(errno.ENOENT, errno.ESRCH):
        route.request(f"delete {rule}", *message)


def _routing_rule(rule: Rule, layout: Layout) -> RoutingRule:
    return RoutingRule(
        family=NUMBERS[rule.family],
        priority=rule.priority,
        table=rule.table,
        rejects=rule.rejects,
        source=rule.source,
        mark=rule.mark,
        mask=layout.mark_mask if rule.mark else 0,
        arrived_by=rule.arrived_by,
        longest=rule.family.bits - 1 if rule.hosts_only else NOT_SUPPRESSED,
        protocol=RTPROT_KERNEL,
    )


def _rule(found: RoutingRule, family: Family) -> Rule:
    return Rule(
        priority=found.priority,
        table=found.table,
        rejects=found.rejects,
        source=found.source,
        mark=found.mark,
        arrived_by=found.arrived_by,
        hosts_only=found.longest != NOT_SUPPRESSED,
        family=family,
    )
