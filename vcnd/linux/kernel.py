"""The one door to pyroute2: dumps, and all that is off the path of ADD and DEL.

Synchronous: runs in the kernel's worker thread, in the node's network namespace.
"""

import errno
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError as PyrouteError

from vcnd.linux.layout import Layout
from vcnd.linux.ruleset import VnicLink
from vcnd.model.vnic import VnicSlot

RTPROT_KERNEL = 2


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
    with IPRoute() as route:
        return [_link(said) for said in route.get_links()]


def link(name: str) -> Link | None:
    """Return a link by name, or None."""
    with IPRoute() as route:
        try:
            return _link(route.link("get", ifname=name)[0])
        except PyrouteError as error:
            if error.code == errno.ENODEV:
                return None
            raise


def addresses(index: int) -> set[str]:
    """Return the IPv4 addresses of a link."""
    with IPRoute() as route:
        said = route.get_addr(index=index, family=socket.AF_INET)
        return {a.get_attr("IFA_ADDRESS") for a in said}


def host_routes(table: int) -> dict[str, int]:
    """Return a table's IPv4 routes: destination (empty for default) → link index."""
    with IPRoute() as route:
        return {
            r.get_attr("RTA_DST") or "": r.get_attr("RTA_OIF") or 0
            for r in route.get_routes(table=table, family=socket.AF_INET)
        }


class VnicWiring:
    """Sets VNICs up, and takes down what it has set up."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def set_up(self, slots: Sequence[VnicSlot]) -> list[VnicLink]:
        """Bring links, addresses, routes and rules to what the slots say.

        Idempotent.  A VNIC whose link the kernel does not show (yet) is left out of
        the answer; its link event will call again.
        """
        found: list[VnicLink] = []
        with IPRoute() as route:
            by_mac = {x.mac: x for x in map(_link, route.get_links()) if x.mac}
            mtu = self._layout.mtu or next(
                (by_mac[s.vnic.mac].mtu for s in slots if _is_there(s, by_mac)), 0
            )
            self._add_rules(route, self._shared_rules())
            for slot in slots:
                there = by_mac.get(slot.vnic.mac)
                if there is None:
                    continue
                if not slot.is_primary:
                    self._set_up(route, slot, there, mtu)
                found.append(VnicLink(index=slot.index, ifname=there.name))
            self._drop_rules_but(route, {s.index for s in slots})
        return found

    def take_down(self) -> None:
        """Remove every rule and route of ours; links stay the cloud's."""
        with IPRoute() as route:
            self._drop_rules_but(route, set())
            for rule in self._shared_rules():
                _ignoring(errno.ENOENT, route.rule, "del", **rule)
            route.flush_routes(table=self._layout.pods_table)

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
        self._add_rules(route, self._rules(slot.index, vnic.address))

    def _shared_rules(self) -> list[dict[str, Any]]:
        layout = self._layout
        return [{"priority": layout.pods_priority, "table": layout.pods_table}]

    def _rules(self, index: int, address: str) -> list[dict[str, Any]]:
        layout, table = self._layout, self._layout.vnic_table(index)
        by_mark = {
            "priority": layout.mark_priority,
            "table": table,
            "fwmark": index,
            "fwmask": layout.mark_mask,
        }
        by_source = {
            "priority": layout.source_priority,
            "table": table,
            "src": address,
            "src_len": 32,
        }
        return [by_mark, by_source]

    @staticmethod
    def _add_rules(route: IPRoute, rules: Sequence[dict[str, Any]]) -> None:
        for rule in rules:
            _ignoring(
                errno.EEXIST, route.rule, "add", **rule, protocol=RTPROT_KERNEL
            )

    def _drop_rules_but(self, route: IPRoute, indices: set[int]) -> None:
        """Delete the rules of VNICs that are no more: only at our priorities."""
        layout = self._layout
        ours = (layout.mark_priority, layout.source_priority)
        keep = {layout.vnic_table(i) for i in indices}
        for rule in route.get_rules(family=socket.AF_INET):
            priority = rule.get_attr("FRA_PRIORITY")
            table = rule.get_attr("FRA_TABLE") or rule["table"]
            span = range(layout.pods_table, layout.vnic_table(256))
            if priority in ours and table in span and table not in keep:
                found: dict[str, Any] = {"priority": priority, "table": table}
                if rule.get_attr("FRA_SRC"):
                    found |= {"src": rule.get_attr("FRA_SRC"), "src_len": 32}
                if rule.get_attr("FRA_FWMARK"):
                    found |= {
                        "fwmark": rule.get_attr("FRA_FWMARK"),
                        "fwmask": layout.mark_mask,
                    }
                route.rule("del", **found)
                route.flush_routes(table=table)


def _is_there(slot: VnicSlot, by_mac: dict[str, Link]) -> bool:
    return slot.is_primary and slot.vnic.mac in by_mac


def _ignoring(code: int, call: Any, *args: Any, **kwargs: Any) -> None:
    try:
        call(*args, **kwargs)
    except PyrouteError as error:
        if error.code != code:
            raise
