"""The parts of the node's kernel that vcnd keeps: desired and found.

Synchronous, some milliseconds: it runs in the kernel's worker thread.
"""

import socket
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

import msgspec

from vcnd.linux import kernel, vnic_messages
from vcnd.linux.layout import Layout
from vcnd.linux.parts import Part, Value, differences, values_of
from vcnd.linux.pod_elements import in_maps, pod_elements
from vcnd.linux.pods import PodWiring
from vcnd.linux.rules import Rule
from vcnd.linux.ruleset import CLASS_MAPS, PODS_MAPS
from vcnd.linux.vnic_link import VnicLink, class_numbers
from vcnd.linux.vnics import vnic_settings
from vcnd.log import log
from vcnd.model.drift import Drift, DriftKind
from vcnd.model.family import Family
from vcnd.model.ids import VnicId
from vcnd.model.sandbox import Lease
from vcnd.model.vnic import VnicSlot
from vcnd.netlink import listed, nft_listing, nftables, rtnetlink
from vcnd.netlink.messages import NetlinkSocket
from vcnd.netlink.templates import Step

POD_MAPS = (*PODS_MAPS.values(), *CLASS_MAPS.values())
NEIGHBOURS = rtnetlink.RTM_GETNEIGH, bytes(12)
THERE = "there"


class Desired(msgspec.Struct, frozen=True, kw_only=True):
    """What the node's kernel is to have."""

    slots: Sequence[VnicSlot]
    links: Sequence[VnicLink]
    """The VNICs' links, as they were set up last."""
    mtu: int
    """Of the VNICs' links; 0: as they are."""
    rules: AbstractSet[Rule]
    pods: Mapping[str, tuple[Lease, Mapping[str, VnicId]]]
    """By the host's end: a lease and its addresses' VNICs."""
    sources: Mapping[Family, str]
    """The node's own addresses."""


class KernelState:
    """Compares the kernel's state with the desired one."""

    def __init__(self, layout: Layout, wiring: PodWiring) -> None:
        self._layout = layout
        self._wiring = wiring
        self._print = ""
        self._mtus: dict[str, int] = {}

    def note_plug(self, ifname: str, mtu: int) -> None:
        """Remember the MTU that a pod's link was given."""
        self._mtus[ifname] = mtu

    def note_load(self) -> None:
        """Remember the nft table as it was just loaded."""
        with NetlinkSocket(nftables.NETLINK_NETFILTER) as nft:
            self._print = self._fingerprint(nft)

    def restore_pods(self, desired: Desired, drifts: Sequence[Drift]) -> None:
        """Put back the pods' routes, and all of those whose links differ."""
        touched = {d.link for d in drifts}
        for ifname, (lease, _) in desired.pods.items():
            try:
                if ifname in touched:
                    mtu = self._mtus.get(ifname, 0)
                    self._wiring.restore(lease, desired.sources, mtu=mtu)
                else:
                    self._wiring.restore_routes(lease, desired.sources)
            except OSError as error:
                # Its link is gone; the audit ends the lease.
                log.warning("pod_not_restored", pod=str(lease.key), reason=str(error))

    def compare(self, desired: Desired) -> list[Drift]:
        """Return what differs.

        Raises:
            OSError: the kernel does not tell.
        """
        with NetlinkSocket(socket.NETLINK_ROUTE) as route:
            names, found = self._found(route, desired.pods.keys())
            present = kernel.present_rules(route, self._layout.priorities)
        indexes = {name: index for index, name in names.items()}
        wanted: dict[Part, str] = {}
        for _, (kind, _, body) in self._steps(desired, indexes):
            wanted |= values_of(kind, body, names)
        # udev gives new links the image's filter, after ADD.  It costs a look-up and
        # drops nothing: the reverse path leads to the pod by the rules' order.
        others = {f"net.ipv4.conf.{name}.rp_filter" for name in desired.pods}
        wanted = {part: v for part, v in wanted.items() if part.what not in others}
        return [
            *differences(wanted, found),
            *_rule_differences(desired.rules, present),
            *self._table_differences(desired),
        ]

    def _found(
        self, route: NetlinkSocket, pods: Collection[str]
    ) -> tuple[dict[int, str], set[Value]]:
        """Return the links' names, and the values of all parts."""
        found: set[Value] = set()
        names: dict[int, str] = {}
        links = [body for _, body in route.dump("list links", *listed.LINKS)]
        mtus: dict[str, int] = {}
        for body in links:
            link = listed.read_link(body)
            names[link.index] = link.name
            if link.name in pods:
                mtus[link.name] = link.mtu
        # Both ends have one MTU from the start: the host's end alone must not change.
        self._mtus = {n: self._mtus.get(n, mtu) for n, mtu in mtus.items()}
        for body in links:
            found.update(values_of(rtnetlink.RTM_NEWLINK, body, names))
        for request in (listed.ADDRESSES, NEIGHBOURS):
            for kind, body in route.dump("list addresses", *request):
                found.update(values_of(kind, body, names))
        for family in Family:
            for _, body in kernel.own_routes(route, family):
                found.update(values_of(rtnetlink.RTM_NEWROUTE, body, names))
        return names, found

    def _steps(self, desired: Desired, indexes: Mapping[str, int]) -> Iterable[Step]:
        """Yield the messages that would make the desired state."""
        # What a VNIC without a link lacks, no restoration can give it back.
        there = {*indexes.values()}
        links = {v.index: v.link_index for v in desired.links if v.link_index in there}
        settings = vnic_settings()
        for slot in desired.slots:
            if not slot.is_primary and slot.index in links:
                yield from vnic_messages.steps(
                    self._layout,
                    slot,
                    links[slot.index],
                    mtu=desired.mtu,
                    settings=settings,
                )
        for ifname, (lease, _) in desired.pods.items():
            # The audit of leases judges a pod whose link is gone.
            if ifname in indexes:
                yield from self._wiring.restoring(
                    lease,
                    indexes[ifname],
                    desired.sources,
                    mtu=self._mtus.get(ifname, 0),
                )

    def _fingerprint(self, nft: NetlinkSocket) -> str:
        return nft_listing.fingerprint(nft, self._layout.nft_table, POD_MAPS)

    def _table_differences(self, desired: Desired) -> list[Drift]:
        table, links = self._layout.nft_table, desired.links
        elements = pod_elements(desired.pods, desired.slots, links)
        wanted = in_maps(elements, links, class_numbers(self._layout, links))
        drifts: list[Drift] = []
        with NetlinkSocket(nftables.NETLINK_NETFILTER) as nft:
            now = self._fingerprint(nft)
            if now != self._print:
                was, what = self._print[:12], f"inet {table}"
                drifts.append(Drift(DriftKind.NFT_TABLE, what, was, now[:12]))
            if not now:
                return drifts  # without the table there are no elements
            for name, by_key in wanted.items():
                there = nft_listing.elements(nft, table, name)
                for key in sorted(by_key.keys() | there.keys()):
                    values = by_key.get(key, ""), there.get(key, "")
                    if values[0] != values[1]:
                        what = f"{name} {_words(key)}"
                        drifts.append(Drift(DriftKind.NFT_ELEMENT, what, *values))
        return drifts


def _words(key: bytes) -> str:
    """Return the key of a pods' element in words."""
    for family, length in ((socket.AF_INET, 4), (socket.AF_INET6, 16)):
        if len(key) == length:
            return socket.inet_ntop(family, key)
    try:
        ifname, address = nftables.split_interface_and_address(key)
    except ValueError:
        return key.hex()
    return f"{ifname} . {address}"


def _rule_differences(
    wanted: AbstractSet[Rule], present: AbstractSet[Rule]
) -> list[Drift]:
    lacking = [Drift(DriftKind.RULE, str(r), THERE, "") for r in wanted - present]
    surplus = [Drift(DriftKind.RULE, str(r), "", THERE) for r in present - wanted]
    return sorted(lacking + surplus)
