"""Set-up of the node's VNICs: links, addresses, route tables and routing rules.

Synchronous: runs in the kernel's worker thread, in the node's network namespace.
"""

import errno
import socket
from collections.abc import Iterable, Sequence

import msgspec

from vcnd.linux import kernel, reverse_path, vnic_messages
from vcnd.linux.foreign import ForeignLink, foreign_links
from vcnd.linux.layout import Layout
from vcnd.linux.pod_names import is_ours
from vcnd.linux.rules import Rule, vnic_rules
from vcnd.linux.vnic_link import VnicLink, class_numbers
from vcnd.model.cause import Cause
from vcnd.model.errors import TryAgainError
from vcnd.model.family import Family
from vcnd.model.vnic import PRIMARY_INDEX, VnicSlot
from vcnd.netlink import listed, rtnetlink
from vcnd.netlink.listed import Link
from vcnd.netlink.messages import NetlinkSocket
from vcnd.netlink.rtnetlink import MAIN_TABLE

FIRST = (Family.IPV4,)
STACKED = frozenset({"vlan", "macvlan", "macvtap", "ipvlan", "bridge", "bond", "team"})
"""Links that may have the MAC of the VNIC below them."""


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

    def check_tables(self) -> None:
        """Raise ``TablesInUseError`` if others use tables that vcnd needs."""
        if self.tables_in_use:
            tables = ", ".join(map(str, self.tables_in_use))
            raise TablesInUseError(
                f"others have default routes in the route tables {tables}",
                details="set [node] pods_table to a number with free ones behind it",
            )


class TablesInUseError(TryAgainError):
    """Others have default routes in route tables that VNICs need."""

    cause = Cause.TABLES_IN_USE


def vnic_settings() -> dict[int, int]:
    """Return the IPv4 settings of pod VNICs' links."""
    filtering = reverse_path.for_pod_vnics()
    return {**vnic_messages.SETTINGS, rtnetlink.DEVCONF_RP_FILTER: filtering}


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
        kept: dict[int, set[str]] = {}
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
                        kept[table] = self._set_up(route, slot, there, mtu)
                found.append(_as_vnic_link(slot, there))
            # VCNs may have lost CIDRs.
            for family in Family:
                kernel.keep_routes(route, family, kept)
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
    ) -> set[str]:
        """Set a VNIC up; return the networks that its table has routes to."""
        steps = vnic_messages.steps(
            self._layout, slot, link.index, mtu=mtu, settings=vnic_settings()
        )
        if link.up and (not mtu or link.mtu == mtu):
            steps = steps[1:]  # it is up already
        for step, message in steps:
            route.request(f"{step} of VNIC {slot.index}", *message)
        made = [body for _, (kind, _, body) in steps if kind == rtnetlink.RTM_NEWROUTE]
        return {listed.read_route(body).network for body in made}

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
            # Deleted, or switched off, meanwhile; that has its own event.
            with kernel.passing_over(errno.ENODEV, errno.ENETDOWN):
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
        used = {0, MAIN_TABLE, *(rule.table for rule in wanted)}
        for rule in present - wanted:
            kernel.delete_rule(route, rule, layout)
            if rule.mark and rule.table not in used:
                kernel.flush(route, rule.table, rule.family)


def _as_vnic_link(slot: VnicSlot, link: Link) -> VnicLink:
    vnic = slot.vnic
    return VnicLink(
        index=slot.index,
        ifname=link.name,
        link_index=link.index,
        pod_class=vnic.pod_class,
        networks=() if slot.is_primary else vnic.pod_networks,
        vcn_cidrs=vnic.vcn_cidrs or (),
        ipv6=bool(vnic.ipv6_cidr),
    )


def _is_there(slot: VnicSlot, by_mac: dict[str, Link]) -> bool:
    return slot.is_primary and slot.vnic.mac in by_mac
