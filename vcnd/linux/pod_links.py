"""The pods' links as the kernel has them.

The kernel's state outlives the journal: a link that is up, and has a pod's route or
its element in the nft map, carries a pod whatever the journal says.
"""

import errno
import socket
import struct
from collections import defaultdict
from collections.abc import Mapping

import msgspec

from vcnd.linux.layout import Layout
from vcnd.linux.pod_names import is_ours, may_express, owner
from vcnd.linux.ruleset import PODS_MAPS
from vcnd.model.family import Family
from vcnd.model.interface import PodLink
from vcnd.netlink import listed, nftables, rtnetlink
from vcnd.netlink.listed import number as number_of
from vcnd.netlink.listed import string
from vcnd.netlink.messages import (
    NetlinkError,
    NetlinkSocket,
    attributes,
    is_missing,
    u32,
)

FAMILIES = {Family.IPV4: socket.AF_INET, Family.IPV6: socket.AF_INET6}


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A link of the node."""

    index: int
    name: str
    up: bool
    group: int
    alias: str
    ours: bool


def pod_links(layout: Layout) -> dict[str, PodLink]:
    """Return the links with names like pods', those of the reaper left out."""
    with NetlinkSocket(socket.NETLINK_ROUTE) as route:
        found = [
            link
            for link in links(route, layout)
            if link.name.startswith(layout.link_prefix)
            and not (link.ours and link.group == layout.link_group)
        ]
        carried = _routed(route, layout)
    unexplained = {x.name: x.index for x in found if x.ours and x.index not in carried}
    if unexplained:
        carried |= _in_maps(layout, unexplained)
    return {x.name: _pod_link(layout, x, carried) for x in found}


def _pod_link(layout: Layout, link: Link, carried: Mapping[int, list[str]]) -> PodLink:
    whose = owner(layout, link.name, link.alias)
    return PodLink(
        host_ifname=link.name,
        ours=link.ours,
        addresses=tuple(carried.get(link.index, ())) if link.up else (),
        key=whose[0] if whose else None,
        pod=whose[1] if whose else None,
        express=whose is not None and may_express(link.alias),
    )


def links(
    route: NetlinkSocket, layout: Layout, *, group: int | None = None
) -> list[Link]:
    """Return all links, or those of a group.

    A dump that was interrupted is repeated, and may have listed a link twice.
    """
    found: dict[int, Link] = {}
    # Looked for as bytes: to read each of a link's thirty attributes takes longer.
    sign = b"" if group is None else u32(rtnetlink.IFLA_GROUP, group)
    for _, body in route.dump("list links", *listed.LINKS):
        if sign not in body:
            continue
        index, flags = struct.unpack_from("=iI", body, 4)
        parts = attributes(body[16:])
        name = string(parts.get(rtnetlink.IFLA_IFNAME, b""))
        alias = string(parts.get(rtnetlink.IFLA_IFALIAS, b""))
        mac = parts.get(rtnetlink.IFLA_ADDRESS, b"").hex(":")
        found[index] = Link(
            index=index,
            name=name,
            up=bool(flags & rtnetlink.IFF_UP),
            group=number_of(parts.get(rtnetlink.IFLA_GROUP, b"")),
            alias=alias,
            ours=is_ours(layout, name, mac, alias),
        )
    return list(found.values())


def _routed(route: NetlinkSocket, layout: Layout) -> dict[int, list[str]]:
    """Return the addresses that the pods' table routes to each link."""
    carried: dict[int, set[str]] = defaultdict(set)
    for family, number in FAMILIES.items():
        for _, body in route.dump("list routes", *listed.routes(number)):
            parts, length = attributes(body[12:]), body[1]
            if body[0] != number or length != family.bits:
                continue
            if number_of(parts.get(rtnetlink.RTA_TABLE, b"")) != layout.pods_table:
                continue
            address = socket.inet_ntop(number, parts[rtnetlink.RTA_DST])
            carried[number_of(parts.get(rtnetlink.RTA_OIF, b""))].add(address)
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
        named = links(route, layout, group=layout.link_group)
        cut = [x for x in named if x.group == layout.link_group]
        ours = [x for x in cut if x.ours]
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
