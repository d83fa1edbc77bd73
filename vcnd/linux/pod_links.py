"""The pods' links as the kernel has them.

The kernel's state outlives the journal: a link that is up, and has a pod's route or
its element in the nft map, carries a pod whatever the journal says.
"""

import errno
import socket
from collections import defaultdict
from collections.abc import Mapping, Sequence

from vcnd.linux import kernel
from vcnd.linux.layout import Layout
from vcnd.linux.pod_names import is_ours, may_express, owner
from vcnd.linux.ruleset import PODS_MAPS
from vcnd.model.family import Family
from vcnd.model.interface import PodLink
from vcnd.netlink import nftables, rtnetlink
from vcnd.netlink.listed import Link
from vcnd.netlink.messages import NetlinkError, NetlinkSocket, is_missing


def pod_links(layout: Layout) -> dict[str, PodLink]:
    """Return the links with names like pods', those of the reaper left out."""
    with NetlinkSocket(socket.NETLINK_ROUTE) as route:
        prefix = layout.link_prefix
        named = [x for x in kernel.links(route) if x.name.startswith(prefix)]
        carried = _routed(route, layout)
    ours = {x.index for x in named if is_ours(layout, x)}
    found = [x for x in named if x.index not in ours or x.group != layout.link_group]
    lacking = ours - carried.keys()
    unexplained = {x.name: x.index for x in found if x.index in lacking}
    if unexplained:
        carried |= _in_maps(layout, unexplained)
    return {
        x.name: _pod_link(layout, x, carried.get(x.index, []), ours=x.index in ours)
        for x in found
    }


def _pod_link(
    layout: Layout, link: Link, carried: Sequence[str], *, ours: bool
) -> PodLink:
    whose = owner(layout, link.name, link.alias)
    return PodLink(
        host_ifname=link.name,
        ours=ours,
        addresses=tuple(carried) if link.up else (),
        key=whose[0] if whose else None,
        pod=whose[1] if whose else None,
        express=whose is not None and may_express(link.alias),
    )


def _routed(route: NetlinkSocket, layout: Layout) -> dict[int, list[str]]:
    """Return the addresses that the pods' table routes to each link."""
    carried: dict[int, set[str]] = defaultdict(set)
    for family in Family:
        for found in kernel.routes(route, family):
            if found.table == layout.pods_table and found.length == family.bits:
                carried[found.link_index].add(found.destination)
    return {index: _in_order(addresses) for index, addresses in carried.items()}


def _in_maps(layout: Layout, indexes: Mapping[str, int]) -> dict[int, list[str]]:
    """Return the addresses of some links, by name, in the nft maps."""
    found: dict[int, set[str]] = defaultdict(set)
    with NetlinkSocket(nftables.NETLINK_NETFILTER) as nft:
        for name in PODS_MAPS.values():
            for ifname, address in _elements(nft, layout.nft_table, name):
                if ifname in indexes:
                    found[indexes[ifname]].add(address)
    return {index: _in_order(addresses) for index, addresses in found.items()}


def _elements(nft: NetlinkSocket, table: str, name: str) -> list[tuple[str, str]]:
    try:
        return [
            nftables.split_interface_and_address(key)
            for key in nftables.keys(nft, table, name)
        ]
    except NetlinkError as error:
        if error.errno != errno.ENOENT:
            raise
        return []  # the table, or the map, is not there


def reap_group(layout: Layout) -> None:
    """Delete all links that were cut; one RCU barrier (some 20 ms) for all.

    Somebody else's link may be in the group by chance: then ours go one by one.
    """
    with NetlinkSocket(socket.NETLINK_ROUTE) as route:
        cut = kernel.links(route, group=layout.link_group)
        ours = [x for x in cut if is_ours(layout, x)]
        messages = [rtnetlink.delete_link(x.index) for x in ours]
        if ours and len(ours) == len(cut):
            messages = [rtnetlink.delete_group(layout.link_group)]
        for message in messages:
            try:
                route.request("delete links", *message)
            except NetlinkError as error:
                if not is_missing(error):
                    raise


def _in_order(addresses: set[str]) -> list[str]:
    return sorted(addresses, key=lambda a: (":" in a, a))
