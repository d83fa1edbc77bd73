"""Set-up of the node's VNICs: links, addresses, route tables and routing rules.

Synchronous: runs in the kernel's worker thread, in the node's network namespace.
"""

import errno
import socket
from collections.abc import Iterable, Sequence
from functools import partial

import msgspec

from vcnd.linux import kernel, reverse_path
from vcnd.linux.foreign import ForeignLink, foreign_links
from vcnd.linux.layout import Layout
from vcnd.linux.pod_names import is_ours
from vcnd.linux.rules import Rule, vnic_rules
from vcnd.linux.vnic_link import VnicLink, class_numbers
from vcnd.model.family import Family
from vcnd.model.vnic import PRIMARY_INDEX, VnicSlot
from vcnd.netlink import rtnetlink
from vcnd.netlink.listed import Link
from vcnd.netlink.messages import NetlinkSocket
from vcnd.netlink.rtnetlink import MAIN_TABLE
from vcnd.netlink.templates import Step

ASKS_FROM = "fe80::2"
"""A link-local address on each pod VNIC.  The kernel proves its own address first, so
it could not ask for the router in the first second after a link came up."""
FIRST = (Family.IPV4,)
STACKED = frozenset({"vlan", "macvlan", "macvtap", "ipvlan", "bridge", "bond", "team"})
"""Links that may have the MAC of the VNIC below them."""
VNIC_SETTINGS = {
    rtnetlink.DEVCONF_FORWARDING: 1,
    # The rule set finds sources that are the node's addresses.  The kernel's way, a
    # look-up through all routing rules, costs a multiple (docs/data-plane.md).
    rtnetlink.DEVCONF_ACCEPT_LOCAL: 1,
    # The filter's look-up has the packet's mark: without one, rules drop the packet.
    rtnetlink.DEVCONF_SRC_VMARK: 1,
    rtnetlink.DEVCONF_SEND_REDIRECTS: 0,
}


class SetUp(msgspec.Struct, frozen=True, kw_only=True):
    """The VNICs' state in the kernel."""

    links: tuple[VnicLink, ...]
    mtu: int
    """Of pods: as configured, else that of the primary VNIC's link; 0: unknown."""
    tables_in_use: tuple[int, ...]
    """Route tables that vcnd needs and that hold somebody else's default route; their
    VNICs are left out of ``links``."""
    strangers: tuple[str, ...]
    """Links of others that are named like pods'."""


def vnic_settings() -> dict[int, int]:
    """Return the IPv4 settings of pod VNICs' links."""
    filtering = reverse_path.for_pod_vnics()
    return {**VNIC_SETTINGS, rtnetlink.DEVCONF_RP_FILTER: filtering}


class VnicWiring:
    """Sets VNICs up, and takes them down."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self.rules: frozenset[Rule] = frozenset()
        """The desired rules."""

    def set_up(self, slots: Sequence[VnicSlot]) -> SetUp:
        """Set links, addresses, routes and rules as the slots say.

        Idempotent.  A VNIC whose link the kernel does not show (yet) is left out of
        the answer; its link event leads to another call.
        """
        found: list[VnicLink] = []
        in_use: list[int] = []
        with NetlinkSocket(socket.NETLINK_ROUTE) as route:
            links = kernel.links(route)
            by_mac = {x.mac: x for x in links if x.mac and x.kind not in STACKED}
            mtu = self._layout.mtu or next(
                (by_mac[s.vnic.mac].mtu for s in slots if _is_there(s, by_mac)), 0
            )
            defaults = kernel.default_routes(route)
            for slot in slots:
                there = by_mac.get(slot.vnic.mac)
                if there is None:
                    continue
                table = self._layout.vnic_table(slot.index)
                if not slot.is_primary:
                    if any(r.table == table and not r.ours for r in defaults):
                        in_use.append(table)
                        continue
                    # Detached meanwhile; the removal has its own event.
                    with kernel.passing_over(errno.ENODEV):
                        self._set_up(route, slot, there, mtu)
                found.append(_as_vnic_link(slot, there))
            others = self._others(links, found)
            # While the primary is not known, its link would count as foreign.
            known = any(v.index == PRIMARY_INDEX for v in found)
            foreign = foreign_links(self._layout, defaults, others) if known else []
            families = tuple(Family) if any(s.vnic.ipv6_cidr for s in slots) else FIRST
            for other in foreign:
                self._answer_by(route, other, families)
            rules = self._rules(slots, found, foreign, families)
            self._bring_rules_to(route, rules)
        found += [
            VnicLink(
                index=f.index, ifname=f.ifname, link_index=f.link_index, foreign=True
            )
            for f in foreign
        ]
        return SetUp(
            links=tuple(found),
            mtu=mtu,
            tables_in_use=tuple(in_use),
            strangers=self._strangers(links),
        )

    def _strangers(self, links: Iterable[Link]) -> tuple[str, ...]:
        """Return others' links whose names look like pods'."""
        named = (x for x in links if x.name.startswith(self._layout.link_prefix))
        return tuple(x.name for x in named if not is_ours(self._layout, x))

    def _others(
        self, links: Iterable[Link], mine: Sequence[VnicLink]
    ) -> dict[int, str]:
        """Return the links that are neither VNICs of ours nor pods', by index."""
        names = {v.ifname for v in mine}
        return {
            x.index: x.name
            for x in links
            if x.name not in names and not is_ours(self._layout, x)
        }

    def take_down(self) -> None:
        """Remove every rule and route of ours; links stay the cloud's."""
        with NetlinkSocket(socket.NETLINK_ROUTE) as route:
            self._bring_rules_to(route, set())
            for family in Family:
                kernel.flush(route, self._layout.pods_table, family)

    def _set_up(
        self, route: NetlinkSocket, slot: VnicSlot, link: Link, mtu: int
    ) -> None:
        vnic, table = slot.vnic, self._layout.vnic_table(slot.index)
        new_address = partial(rtnetlink.new_address, link.index)
        new_route = partial(rtnetlink.new_route, index=link.index, table=table)
        steps: list[Step] = []
        if not link.up or (mtu and link.mtu != mtu):
            steps.append(("link", rtnetlink.link_up(link.index, mtu or link.mtu)))
        router = vnic.virtual_router
        steps += [
            ("settings", rtnetlink.device_settings(link.index, vnic_settings())),
            # The address stays on the VNIC: without it MASQUERADE would take the
            # primary's, and losing the last address flushes the link's every route.
            ("address", new_address(vnic.address)),
            ("route to the router", new_route(router)),
            ("default route", new_route("", gateway=router, onlink=True)),
        ]
        if vnic.ipv6_router:
            if vnic.ipv6:
                steps.append(("address", new_address(vnic.ipv6)))
            steps += [
                ("link-local address", new_address(ASKS_FROM, 64)),
                ("default route", new_route("", gateway=vnic.ipv6_router)),
            ]
        for step, message in steps:
            route.request(f"{step} of VNIC {slot.index}", *message)

    def _answer_by(
        self, route: NetlinkSocket, foreign: ForeignLink, families: Sequence[Family]
    ) -> None:
        """Give a foreign VNIC a table, so that answers can leave by it."""
        for family in families:
            if family not in foreign.gateways:
                continue
            message = rtnetlink.new_route(
                "",
                index=foreign.link_index,
                gateway=foreign.gateways[family],
                table=self._layout.vnic_table(foreign.index),
                onlink=family is Family.IPV4,
            )
            route.request(f"answer by {foreign.ifname}", *message)

    def _rules(
        self,
        slots: Sequence[VnicSlot],
        mine: Sequence[VnicLink],
        foreign: Sequence[ForeignLink],
        families: Sequence[Family],
    ) -> set[Rule]:
        """Return the desired rules."""
        layout, wanted = self._layout, set[Rule]()
        links = {v.index: v.ifname for v in mine if v.carries_pods}
        strict = bool(class_numbers(layout, mine))
        for family in families:
            wanted |= vnic_rules(layout, slots, family, links=links, strict=strict)
            wanted |= {
                Rule(
                    layout.mark_priority,
                    layout.vnic_table(f.index),
                    mark=layout.mark(f.index),
                    family=family,
                )
                for f in foreign
                if family in f.gateways
            }
        return wanted

    def _bring_rules_to(self, route: NetlinkSocket, wanted: set[Rule]) -> None:
        """Add missing rules and remove surplus ones, at our priorities only."""
        layout = self._layout
        # Before anything is deleted: the removal of an unwanted rule is no loss.
        self.rules = frozenset(wanted)
        present = kernel.present_rules(route, layout.priorities)
        # Rules that close come first, then rules that open.
        for rule in sorted(wanted - present, key=lambda r: r.table):
            kernel.add_rule(route, rule, layout)
        for rule in present - wanted:
            kernel.delete_rule(route, rule, layout)
            if rule.mark and rule.table not in (0, MAIN_TABLE):
                kernel.flush(route, rule.table, rule.family)


def _as_vnic_link(slot: VnicSlot, link: Link) -> VnicLink:
    vnic = slot.vnic
    return VnicLink(
        index=slot.index,
        ifname=link.name,
        link_index=link.index,
        pod_class=vnic.pod_class,
        networks=() if slot.is_primary else vnic.pod_networks,
        ipv6=bool(vnic.ipv6_cidr),
    )


def _is_there(slot: VnicSlot, by_mac: dict[str, Link]) -> bool:
    return slot.is_primary and slot.vnic.mac in by_mac
