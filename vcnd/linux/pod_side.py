"""Set up the pod's end of its link, inside the pod's network namespace.

The first interface of a pod gets the default route of each of its families.  Further
ones have an address, and a neighbour and a route to the gateway of their own, and
leave what others made alone (docs/decisions/0016).
"""

import errno
from collections.abc import Iterable

from vcnd.linux import kernel, pod_messages
from vcnd.linux.pod_messages import Destinations
from vcnd.model.family import Family, family_of
from vcnd.model.interface import GATEWAYS
from vcnd.model.sandbox import Lease
from vcnd.netlink import rtnetlink
from vcnd.netlink.messages import NetlinkError, NetlinkSocket

PRIMARY_IFNAME = "eth0"
"""The name that runtimes give a pod's interface in the cluster's network."""
FURTHER_METRIC = 2048
"""Of a further interface's route to the gateway, plus its index: behind the first's,
which is 0 (IPv4) or 1024 (IPv6)."""


def set_up(
    route: NetlinkSocket, lease: Lease, host_mac: str, wanted: Destinations
) -> Destinations:
    """Set up a pod's end; return where its routes lead.

    Idempotent: the results of an earlier call stay, and count.

    Args:
        route: a socket in the pod's namespace.
        lease: the pod's.
        host_mac: the MAC of the host's end.
        wanted: where routes are to lead: those of a family need its default route.

    Raises:
        NetlinkError: the kernel refused a step.
    """
    ifname = lease.key.ifname
    index = route.index_of(ifname)
    if ifname == PRIMARY_IFNAME and _is_set_up_at_once(
        route, lease, wanted, index=index, host_mac=host_mac
    ):
        return wanted
    leading = _set_up_by_steps(route, lease, index, host_mac)
    made = tuple(to for to in wanted if family_of(to.network) in leading)
    for step, request in pod_messages.pod_routes(index, made, replace=True):
        route.request(step, *request)
    return made


def _is_set_up_at_once(
    route: NetlinkSocket,
    lease: Lease,
    wanted: Destinations,
    *,
    index: int,
    host_mac: str,
) -> bool:
    """Set a fresh first interface up; return False if a route was there already."""
    values = pod_messages.values_of(lease.addresses)
    try:
        pod_messages.pod_end(tuple(lease.families.values()), wanted).send(
            route,
            index=pod_messages.u32(index),
            mac=rtnetlink.mac_bytes(host_mac),
            **values,
        )
    except NetlinkError as error:
        if error.errno != errno.EEXIST:
            raise
        return False
    return True


def _set_up_by_steps(
    route: NetlinkSocket, lease: Lease, index: int, host_mac: str
) -> frozenset[Family]:
    """Set up an interface that may not be the first, or not be fresh.

    Returns the families whose default route it has.
    """
    ifname = lease.key.ifname
    route.request("pod link up", *rtnetlink.link_up(index))
    leading: set[Family] = set()
    for address, family in lease.families.items():
        gateway = GATEWAYS[family]
        for step, request in (
            ("pod address", rtnetlink.new_address(index, address)),
            ("pod neighbour", rtnetlink.new_neighbour(index, gateway, host_mac)),
        ):
            route.request(step, *request)
        if not _has_route(route, gateway, index):
            metric = FURTHER_METRIC + index
            behind = rtnetlink.new_route(gateway, index=index, metric=metric)
            route.request("pod gateway route", *behind)
        # Others' default routes may have any metric; only eth0's takes precedence.
        first = ifname == PRIMARY_IFNAME or links_to(route, "", family) <= {index}
        if first and _has_route(route, "", index, gateway=gateway):
            leading.add(family)
    return frozenset(leading)


def _has_route(
    route: NetlinkSocket, destination: str, index: int, *, gateway: str = ""
) -> bool:
    """Make a route unless one is there; return True if the interface has it."""
    step = "pod gateway route" if destination else "pod default route"
    request = rtnetlink.new_route(
        destination, index=index, gateway=gateway, replace=False
    )
    try:
        route.request(step, *request)
    except NetlinkError as error:
        if error.errno != errno.EEXIST:
            raise
        return index in links_to(route, destination, family_of(destination or gateway))
    return True


def links_to(route: NetlinkSocket, destination: str, family: Family) -> set[int]:
    """Return the links by which this namespace's main table reaches a destination.

    0 stands for several next hops.

    Args:
        route: a socket in the namespace.
        destination: an address, or nothing for the default route.
        family: the destination's.
    """
    wanted = rtnetlink.MAIN_TABLE, destination
    found = kernel.routes(route, family)
    return {r.link_index for r in found if (r.table, r.destination) == wanted}


def destinations(
    route: NetlinkSocket, families: Iterable[Family]
) -> dict[str, set[int]]:
    """Return the networks of this namespace's main table, and the MTUs of their routes.

    Args:
        route: a socket in the namespace.
        families: of the networks.
    """
    found: dict[str, set[int]] = {}
    for family in families:
        for there in kernel.routes(route, family):
            if there.table == rtnetlink.MAIN_TABLE and not there.cloned:
                network = there.network or family.everywhere
                found.setdefault(network, set()).add(there.mtu)
    return found
