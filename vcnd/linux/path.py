"""Asks the kernel what it would do with a pod's packet.

The mark is what the rules of our nft table (``linux.ruleset``) give a new connection;
that the table knows the pod is read from the kernel.  The route is the kernel's own
decision.
"""

import errno
import os
import socket
from ipaddress import ip_address, ip_network

import trio
from msgspec.structs import replace

from vcnd.linux import kernel, services
from vcnd.linux.layout import Layout
from vcnd.linux.ruleset import PODS_MAPS, via
from vcnd.model.cause import Cause
from vcnd.model.errors import VcndError
from vcnd.model.family import Family, family_of
from vcnd.model.pod_path import FirstPacket, KernelWay
from vcnd.model.vnic import PRIMARY_INDEX
from vcnd.netlink import nft_listing, nftables, route_lookup
from vcnd.netlink.listed import Link
from vcnd.netlink.messages import NetlinkError, NetlinkSocket
from vcnd.netlink.route_lookup import Lookup

REFUSALS = {
    route_lookup.BLACKHOLE: "a blackhole route",
    route_lookup.UNREACHABLE: "an unreachable route",
    route_lookup.PROHIBIT: "a prohibit route",
}
GUARDED = "of link-local addresses pods reach those of the node, and DNS and NTP at {}"

TRANSLATED = "it leaves in the node's name ([node] snat), since it goes outside the VCN"


class KernelWays:
    """Asks the kernel, in a worker thread; changes nothing."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    async def way(self, packet: FirstPacket) -> KernelWay:
        """Ask the kernel (``flow.path.KernelLook``)."""
        try:
            return await trio.to_thread.run_sync(self._way, packet)
        except OSError as error:
            raise VcndError(
                "the kernel does not tell",
                details=str(error),
                cause=Cause.KERNEL_REFUSED,
            ) from error

    def _way(self, packet: FirstPacket) -> KernelWay:
        layout, family = self._layout, family_of(packet.source)
        if not _is_known(layout, packet):
            why = f"table inet {layout.nft_table} does not know the pod"
            return KernelWay(mark=None, refusal=why)
        target, number = ip_address(packet.destination), packet.number
        guarded = target in ip_network(services.LINK_LOCAL[family])
        service = services.LINK_LOCAL_SERVICES[family]
        translated = self._is_translated(packet)
        strict = packet.between_classes and layout.strict_nsgs
        mark = layout.strict_mark(number) if strict else layout.mark(number)
        if packet.destination == service or translated:
            mark = layout.mark(PRIMARY_INDEX)
        found = _routed(packet, mark)
        found = replace(
            found,
            is_strict=strict,
            by_own_vnic=found.table == layout.vnic_table(number),
        )
        if found.is_local or not (guarded or translated):
            return found
        if not guarded:
            return replace(found, note=TRANSLATED, is_translated=True)
        note = GUARDED.format(service)
        if packet.destination == service:
            return replace(found, note=note)
        return replace(found, refusal=note)

    def _is_translated(self, packet: FirstPacket) -> bool:
        """Return True if the packet leaves in the node's name.

        As ``linux.outside`` has it: a new IPv4 connection to outside the VCN.
        """
        if not (self._layout.snat and packet.inside):
            return False
        if family_of(packet.destination) is Family.IPV6:
            return False
        target = ip_address(packet.destination)
        networks = (*packet.inside, *self._layout.snat_exempt)
        return not any(target in ip_network(n) for n in networks)


def _routed(packet: FirstPacket, mark: int) -> KernelWay:
    with NetlinkSocket(socket.NETLINK_ROUTE) as route:
        links = {x.index: x for x in kernel.links(route)}
        index = next((i for i, x in links.items() if x.name == packet.link), 0)
        if not index:
            return KernelWay(mark=mark, refusal=f"there is no link {packet.link}")
        kind, _, body = route_lookup.lookup(
            packet.destination, source=packet.source, arrived_by=index, mark=mark
        )
        try:
            found = route_lookup.read_lookup(route.get("the route", kind, body))
        except NetlinkError as error:
            if error.errno not in route_lookup.NO_WAY:
                raise
            return KernelWay(mark=mark, refusal=_words(error))
    return _way(mark, found, links.get(found.link_index))


def _way(mark: int, found: Lookup, out: Link | None) -> KernelWay:
    return KernelWay(
        mark=mark,
        table=found.table,
        route=found.destination,
        gateway=found.gateway,
        out=out.name if out else "",
        mtu=(found.mtu or out.mtu) if out else None,
        is_local=found.kind == route_lookup.LOCAL,
        refusal=REFUSALS.get(found.kind, ""),
    )


def _is_known(layout: Layout, packet: FirstPacket) -> bool:
    """Return True if the pods' map leads a pod's packets to its VNIC's chain."""
    name = PODS_MAPS[family_of(packet.source)]
    key = nftables.interface_and_address(packet.link, packet.source)
    with NetlinkSocket(nftables.NETLINK_NETFILTER) as nft:
        try:
            elements = nft_listing.elements(nft, layout.nft_table, name)
        except NetlinkError as error:
            if error.errno == errno.ENOENT:
                return False
            raise
    return elements.get(key) == via(packet.number)


def _words(error: NetlinkError) -> str:
    """Return why the kernel forwards nothing; EINVAL stands for a blackhole."""
    if error.errno == errno.EINVAL:
        return "a blackhole rule or route, or a source that it does not accept"
    return os.strerror(error.errno or 0)
