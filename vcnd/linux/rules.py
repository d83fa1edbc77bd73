"""The node's routing rules, as values.  Pure.

Why each is there: docs/data-plane.md.
"""

from collections.abc import Mapping, Sequence
from functools import partial

import msgspec

from vcnd.linux.layout import Layout
from vcnd.model.family import Family, family_of
from vcnd.model.vnic import VnicSlot
from vcnd.netlink.rtnetlink import MAIN_TABLE

LOOPBACK = "lo"


class Rule(msgspec.Struct, frozen=True):
    """A routing rule of vcnd; without a table it drops packets."""

    priority: int
    table: int = 0
    source: str = ""
    mark: int = 0
    arrived_by: str = ""
    """The link that packets came in by; ``lo`` stands for the node's own packets."""
    hosts_only: bool = False
    """True if only the table's routes to single addresses count."""
    rejects: bool = False
    """True if it answers that there is no way, in place of dropping in silence."""
    family: Family = Family.IPV4

    def __str__(self) -> str:
        """Return the rule as ``ip rule`` shows it, in short."""
        words = [f"{self.priority}: from {self.source or 'all'}"]
        words += [f"fwmark {self.mark:#x}"] if self.mark else []
        words += [f"iif {self.arrived_by}"] if self.arrived_by else []
        drops = "unreachable" if self.rejects else "blackhole"
        words += [f"lookup {self.table}" if self.table else drops]
        words += ["(hosts only)"] if self.hosts_only else []
        return " ".join([*words, f"({self.family})"])


def vnic_rules(
    layout: Layout,
    slots: Sequence[VnicSlot],
    family: Family,
    *,
    links: Mapping[int, str],
    strict: bool,
) -> set[Rule]:
    """Return the desired rules of one family; their number does not depend on pods.

    Args:
        layout: priorities, tables and marks.
        slots: the VNICs.
        family: IPv4 or IPv6.
        links: the pod VNICs' links by number.
        strict: whether packets to a pod of another class here leave by a VNIC.
    """
    rule = partial(Rule, family=family)
    pods = partial(rule, table=layout.pods_table, hosts_only=True)
    arrived = partial(rule, mark=layout.arrived_mark)
    # Found by the reverse path check alone: packets are for pods, or rejected below.
    wanted = {
        pods(layout.pods_priority),
        arrived(layout.mark_priority, MAIN_TABLE),
    }
    for ifname in (LOOPBACK, *links.values()) if strict else ():
        # What the node sends, and what comes from the VCN, goes to its pods directly.
        # The kernel's reverse path check uses this rule too.
        wanted.add(pods(layout.strict_priority - 1, arrived_by=ifname))
    for slot in slots:
        vnic, table = slot.vnic, layout.vnic_table(slot.index)
        six = family is Family.IPV6
        own = vnic.ipv6 if six else vnic.address
        wanted.add(rule(layout.mark_priority, table, mark=layout.mark(slot.index)))
        if own:
            source = f"{own}/{family.bits}"
            sent = partial(rule, source=source, arrived_by=LOOPBACK)
            wanted.add(sent(layout.source_priority, table))
            if slot.is_primary:
                # Sent by a pod, in the node's name; the pods' subnets are closed below.
                wanted.add(rule(layout.closed_priority, source=source))
        if slot.is_primary:
            continue
        if strict and slot.index in links:
            mark = layout.strict_mark(slot.index)
            wanted.add(rule(layout.strict_priority, table, mark=mark))
        if slot.index in links:
            link, priority = links[slot.index], layout.mark_priority - 1
            wanted.add(arrived(priority, rejects=True, arrived_by=link))
        for cidr in vnic.pod_networks:
            if family_of(cidr) is family:
                local = partial(rule, arrived_by=LOOPBACK)
                wanted.add(local(layout.local_priority, MAIN_TABLE, cidr))
                wanted.add(rule(layout.closed_priority, source=cidr))
    return wanted
