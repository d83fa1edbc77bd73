"""VNICs of the node that are not vcnd's: what comes in by them is answered by them.

A pod's answer has the pod's address as its source until it leaves, so an
administrator's rule for the VNIC's own address does not match it.  Each such VNIC that
has a default route gets a number for the connection mark.  Pure.
"""

from collections.abc import Mapping, Sequence

import msgspec

from vcnd.linux.layout import Layout
from vcnd.model.family import Family


class DefaultRoute(msgspec.Struct, frozen=True, kw_only=True):
    """A default route of any table."""

    table: int
    link_index: int
    gateway: str
    family: Family
    ours: bool
    """True if vcnd or the kernel made it."""


class ForeignLink(msgspec.Struct, frozen=True, kw_only=True):
    """A link that vcnd does not manage and that has a default route."""

    index: int
    """Its number."""
    link_index: int
    ifname: str
    gateways: Mapping[Family, str]


def foreign_links(
    layout: Layout, routes: Sequence[DefaultRoute], others: Mapping[int, str]
) -> list[ForeignLink]:
    """Return the foreign links, each under a number that it keeps.

    Args:
        layout: which tables are ours.
        routes: all default routes of the node.
        others: names of the links that are not vcnd's, by index.
    """
    numbers = range(layout.most_numbers - 1, layout.most_pod_vnics, -1)
    tables = {layout.vnic_table(n): n for n in numbers}
    # Numbers of an earlier run stay: connections carry them.
    given = {r.link_index: tables[r.table] for r in routes if r.table in tables}
    gateways: dict[int, dict[Family, str]] = {}
    for route in routes:
        # The link of a VNIC that is being detached has one of ours, for a moment.
        theirs = route.table not in tables and not route.ours
        if theirs and route.link_index in others:
            gateways.setdefault(route.link_index, {})[route.family] = route.gateway
    free = iter([n for n in numbers if n not in given.values()])
    found: list[ForeignLink] = []
    for link_index, by_family in sorted(gateways.items()):
        number = given.get(link_index) or next(free, 0)
        if number:
            found.append(
                ForeignLink(
                    index=number,
                    link_index=link_index,
                    ifname=others[link_index],
                    gateways=by_family,
                )
            )
    return found
