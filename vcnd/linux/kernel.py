"""The one door to pyroute2: dumps, and all that is off the path of ADD and DEL.

Synchronous: runs in the kernel's worker thread, in the node's network namespace.
"""

import errno
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError as PyrouteError

from vcnd.linux.layout import Layout
from vcnd.linux.rtnetlink import IFA_F_NODAD, RTPROT_KERNEL
from vcnd.linux.ruleset import VnicLink
from vcnd.model.family import Family
from vcnd.model.vnic import PRIMARY_INDEX, VnicSlot

FR_ACT_BLACKHOLE = 6
ASKS_FROM = "fe80::2"
"""A link-local address on each pod VNIC: with the kernel's own, which it proves first,
nobody could ask for the router in the first second after a link came up."""
FIRST = (Family.IPV4,)
NO_FAMILY = (errno.EAFNOSUPPORT, errno.EOPNOTSUPP)
"""What a kernel says that was started with ipv6.disable=1."""
NUMBERS = {Family.IPV4: socket.AF_INET, Family.IPV6: socket.AF_INET6}


@contextmanager
def _netlink() -> Iterator[IPRoute]:
    """Open pyroute2 here and now; its errors come out as plain ``OSError``."""
    with IPRoute() as route:
        try:
            yield route
        except PyrouteError as error:
            raise OSError(error.code, f"netlink: {error}") from error


@dataclass(frozen=True, slots=True)
class Rule:
    """A routing rule of ours; without a table it lets packets go nowhere."""

    priority: int
    table: int = 0
    source: str = ""
    mark: int = 0
    family: Family = Family.IPV4

    def arguments(self, layout: Layout) -> dict[str, Any]:
        """Return the rule as pyroute2 wants it, every selector named.

        The kernel takes an omitted selector of a deletion for "any".
        """
        said: dict[str, Any] = {
            "priority": self.priority,
            "family": NUMBERS[self.family],
        }
        if self.table:
            said["table"] = self.table
        else:
            said["action"] = FR_ACT_BLACKHOLE
        if self.source:
            address, _, length = self.source.partition("/")
            said |= {"src": address, "src_len": int(length)}
        if self.mark:
            said |= {"fwmark": self.mark, "fwmask": layout.mark_mask}
        return said


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link, as far as it matters."""

    index: int
    name: str
    mac: str
    mtu: int
    up: bool
    group: int
    peer_index: int


def _link(said: Any) -> Link:
    return Link(
        index=said["index"],
        name=said.get_attr("IFLA_IFNAME"),
        mac=(said.get_attr("IFLA_ADDRESS") or "").lower(),
        mtu=said.get_attr("IFLA_MTU") or 0,
        up=bool(said["flags"] & 1),
        group=said.get_attr("IFLA_GROUP") or 0,
        peer_index=said.get_attr("IFLA_LINK") or 0,
    )


def links() -> list[Link]:
    """Return all links of this thread's namespace."""
    with _netlink() as route:
        return [_link(said) for said in route.get_links()]


def link(name: str) -> Link | None:
    """Return a link by name, or None."""
    try:
        with _netlink() as route:
            return _link(route.link("get", ifname=name)[0])
    except OSError as error:
        if error.errno == errno.ENODEV:
            return None
        raise


def addresses(index: int) -> set[str]:
    """Return the addresses of a link."""
    with _netlink() as route:
        return {a.get_attr("IFA_ADDRESS") for a in route.get_addr(index=index)}


def host_routes(table: int, family: Family) -> dict[str, int]:
    """Return a table's routes: destination (empty for default) → link index."""
    with _netlink() as route:
        return {
            r.get_attr("RTA_DST") or "": r.get_attr("RTA_OIF") or 0
            for r in route.get_routes(table=table, family=NUMBERS[family])
        }


class VnicWiring:
    """Sets VNICs up, and takes down what it has set up."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def set_up(self, slots: Sequence[VnicSlot]) -> tuple[list[VnicLink], int]:
        """Bring links, addresses, routes and rules to what the slots say.

        Returns the VNICs' links, and the MTU of pods: as configured, else that of the
        primary VNIC's link, 0 while it is unknown.

        Idempotent.  A VNIC whose link the kernel does not show (yet) is left out of
        the answer; its link event will call again.
        """
        found: list[VnicLink] = []
        with _netlink() as route:
            by_mac = {x.mac: x for x in map(_link, route.get_links()) if x.mac}
            mtu = self._layout.mtu or next(
                (by_mac[s.vnic.mac].mtu for s in slots if _is_there(s, by_mac)), 0
            )
            for slot in slots:
                there = by_mac.get(slot.vnic.mac)
                if there is None:
                    continue
                if not slot.is_primary:
                    # Detached under our hands: its end has an event of its own.
                    with _being_no_error(errno.ENODEV):
                        self._set_up(route, slot, there, mtu)
                found.append(VnicLink(index=slot.index, ifname=there.name))
            self._bring_rules_to(route, self._rules(slots))
        return found, mtu

    def take_down(self) -> None:
        """Remove every rule and route of ours; links stay the cloud's."""
        with _netlink() as route:
            self._bring_rules_to(route, set())
            for family in Family:
                _flush(route, self._layout.pods_table, family)

    def _set_up(self, route: IPRoute, slot: VnicSlot, link: Link, mtu: int) -> None:
        vnic, table = slot.vnic, self._layout.vnic_table(slot.index)
        if not link.up or (mtu and link.mtu != mtu):
            route.link("set", index=link.index, state="up", mtu=mtu or link.mtu)
        # The address stays on the VNIC: without it MASQUERADE would take the
        # primary's, and losing the last address flushes the link's every route.
        route.addr("replace", index=link.index, address=vnic.address, prefixlen=32)
        common = {"oif": link.index, "table": table, "proto": RTPROT_KERNEL}
        router = vnic.virtual_router
        route.route("replace", dst=f"{router}/32", scope="link", **common)
        route.route(
            "replace", dst="default", gateway=router, flags=["onlink"], **common
        )
        if not vnic.ipv6_router:
            return
        # Nobody else has them: no wait for proof (DAD).
        for own, length in ((vnic.ipv6, 128), (ASKS_FROM, 64)):
            if own:
                said = {"address": own, "prefixlen": length, "flags": IFA_F_NODAD}
                route.addr("replace", index=link.index, **said)
        common["family"] = socket.AF_INET6
        route.route("replace", dst="default", gateway=vnic.ipv6_router, **common)

    def _rules(self, slots: Sequence[VnicSlot]) -> set[Rule]:
        """Return the rules that ought to be: their number knows no pods."""
        layout = self._layout
        wanted: set[Rule] = set()
        for family in Family if any(s.vnic.ipv6_cidr for s in slots) else FIRST:
            rule = partial(Rule, family=family)
            wanted.add(rule(layout.pods_priority, layout.pods_table))
            for slot in slots:
                vnic, table = slot.vnic, layout.vnic_table(slot.index)
                six = family is Family.IPV6
                own = vnic.ipv6 if six else vnic.address
                cidr = vnic.ipv6_cidr if six else vnic.subnet_cidr
                wanted.add(rule(layout.mark_priority, table, mark=slot.index))
                if own:
                    source = f"{own}/{family.bits}"
                    wanted.add(rule(layout.source_priority, table, source=source))
                if cidr and not slot.is_primary:
                    wanted.add(rule(layout.closed_priority, source=cidr))
        return wanted

    def _bring_rules_to(self, route: IPRoute, wanted: set[Rule]) -> None:
        """Add what is missing and remove what is over, at our priorities only."""
        layout = self._layout
        ours = layout.priorities
        present = {
            _rule(said, family)
            for family in Family
            for said in _rules_of(route, family)
            if _is_ours(said, ours)
        }
        # First what closes, then what opens.
        for rule in sorted(wanted - present, key=lambda r: r.table):
            with _being_no_error(errno.EEXIST):
                route.rule("add", **rule.arguments(layout), protocol=RTPROT_KERNEL)
        for rule in present - wanted:
            with _being_no_error(errno.ENOENT, errno.ESRCH):
                route.rule("del", **rule.arguments(layout))
            if rule.mark > PRIMARY_INDEX:
                _flush(route, rule.table, rule.family)


@contextmanager
def _being_no_error(*codes: int) -> Iterator[None]:
    """Pass over refusals that say: it is so already."""
    try:
        yield
    except PyrouteError as error:
        if error.code not in codes:
            raise


def _flush(route: IPRoute, table: int, family: Family) -> None:
    """Remove a table's routes; links that went meanwhile took theirs along."""
    with _being_no_error(errno.ENOENT, errno.ESRCH, errno.ENODEV, *NO_FAMILY):
        route.flush_routes(table=table, family=NUMBERS[family])


def _is_there(slot: VnicSlot, by_mac: dict[str, Link]) -> bool:
    return slot.is_primary and slot.vnic.mac in by_mac


def _rules_of(route: IPRoute, family: Family) -> list[Any]:
    """Return all rules of a family; none where the kernel was started without it."""
    found: list[Any] = []
    with _being_no_error(*NO_FAMILY):
        found += route.get_rules(family=NUMBERS[family])
    return found


def _is_ours(said: Any, priorities: frozenset[int]) -> bool:
    """Tell our rules from others' at the same priority: by who set them."""
    mine = said.get_attr("FRA_PROTOCOL") == RTPROT_KERNEL
    return mine and said.get_attr("FRA_PRIORITY") in priorities


def _rule(said: Any, family: Family) -> Rule:
    source = said.get_attr("FRA_SRC")
    action = said["action"]
    return Rule(
        priority=said.get_attr("FRA_PRIORITY") or 0,
        table=0 if action == FR_ACT_BLACKHOLE else said.get_attr("FRA_TABLE") or 0,
        source=f"{source}/{said['src_len']}" if source else "",
        mark=said.get_attr("FRA_FWMARK") or 0,
        family=family,
    )
