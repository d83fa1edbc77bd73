"""The node's nftables rule set as text for ``nft -f``.  Pure.

The rules, and what fails without each, are in docs/data-plane.md.  Their number
depends on the VNICs, never on the pods: a pod is one map element, two where NSGs
are enforced between pods of one node.

A packet is marked twice before it is routed.  In ``prerouting`` it gets the mark of
the VNIC or pod that it comes from: a firewall's reverse path check needs that mark.
In ``decide``, after destinations are translated, it gets the mark by which it is
routed.

Closed when lost: each packet that these rules accept carries a VNIC's number as its
mark, the primary's too.  A rule (``Layout.closed_priority``) drops packets from the
pods' subnets without a mark.  So a flushed table stops pods until it is restored;
their packets never leave by the wrong VNIC.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from vcnd.linux.layout import Layout
from vcnd.linux.proof import proof_rule
from vcnd.model.family import Family, family_of
from vcnd.model.ids import OWN_CLASS, ClassName
from vcnd.model.vnic import PRIMARY_INDEX

LINK_LOCAL_SERVICES = {
    Family.IPV4: "169.254.169.254",
    Family.IPV6: "fd00:c1::a9fe:a9fe",
}
LINK_LOCAL = {Family.IPV4: "169.254.0.0/16", Family.IPV6: "fd00:c1::/64"}
PODS_MAPS = {Family.IPV4: "pods4", Family.IPV6: "pods6"}
CLASS_MAPS = {Family.IPV4: "classes4", Family.IPV6: "classes6"}
KINDS = {Family.IPV4: "ipv4_addr", Family.IPV6: "ipv6_addr"}
SELECTORS = {Family.IPV4: "ip", Family.IPV6: "ip6"}

DECIDE_PRIORITY = 50
"""After destinations are translated (-100) and after firewalld's reverse path check
(10), before routing."""

MASQUERADE_MARK = 0x4000
"""kube-proxy's mark of what it will masquerade (``--iptables-masquerade-bit``): such
a packet comes from the node, not from a pod."""


class VnicLink(msgspec.Struct, frozen=True, kw_only=True):
    """A VNIC's number and its link on this node."""

    index: int
    ifname: str
    pod_class: ClassName = OWN_CLASS
    """The class of its pods."""
    networks: tuple[str, ...] = ()
    """The subnet's CIDRs, where the VNIC carries pods."""
    foreign: bool = False
    """True if vcnd does not manage it: only answers to its connections matter."""

    @property
    def carries_pods(self) -> bool:
        """Return True if it is one of vcnd's own VNICs for pods."""
        return self.index != PRIMARY_INDEX and not self.foreign


class PodElement(msgspec.Struct, frozen=True, kw_only=True):
    """A pod's entry in the map: from this link, this source, by this VNIC."""

    ifname: str
    address: str
    index: int


def via(index: int) -> str:
    """Return the name of the chain for packets that leave by a VNIC."""
    return f"via{index}"


def class_chain(number: int) -> str:
    """Return the name of the chain for packets to the pods of a class."""
    return f"class{number}"


def class_numbers(layout: Layout, vnics: Sequence[VnicLink]) -> dict[ClassName, int]:
    """Return a number for each class of pod VNICs: that of the class' first VNIC.

    Empty where NSGs are not enforced between pods of one node, or there is one class.
    """
    numbers: dict[ClassName, int] = {}
    for vnic in sorted(vnics, key=lambda v: v.index):
        if vnic.carries_pods:
            numbers.setdefault(vnic.pod_class, vnic.index)
    return numbers if layout.strict_nsgs and len(numbers) > 1 else {}


def _elements(items: Sequence[str]) -> str:
    return f" elements = {{ {', '.join(items)} }};" if items else ""


def _chain(name: str, *rules: str) -> list[str]:
    return [f"  chain {name} {{", *(f"    {r}" for r in rules if r), "  }"]


def render(
    layout: Layout,
    vnics: Sequence[VnicLink],
    pods: Sequence[PodElement],
    *,
    marker: str,
    strangers: Sequence[str] = (),
    express: bool = False,
) -> str:
    """Return a script that puts the table in place of whatever is there, atomically.

    Args:
        layout: names and numbers.
        vnics: the VNICs' links.
        pods: the pods' elements.
        marker: an empty chain that tells this load from any other (``linux.guard``).
        strangers: others' links whose names look like pods'.
        express: whether packets may enter the express lane.
    """
    numbers = class_numbers(layout, vnics)
    table = f"table inet {layout.nft_table}"
    lines = [
        *(f"{table} {{ }}", f"delete {table}", f"{table} {{"),
        *_maps(vnics, pods, numbers),
        *_marking(layout, vnics, marker),
        *_enforcing(layout, vnics, numbers),
        *_base_chains(layout, vnics, strangers, strict=bool(numbers), express=express),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _maps(
    vnics: Sequence[VnicLink],
    pods: Sequence[PodElement],
    numbers: Mapping[ClassName, int],
) -> Iterator[str]:
    entries = _elements([f'"{v.ifname}" : goto from{v.index}' for v in vnics])
    yield f"  map vnics {{ type ifname : verdict;{entries} }}"
    class_of = {v.index: numbers.get(v.pod_class) for v in vnics if v.carries_pods}
    for family in Family:
        mine = [p for p in pods if family_of(p.address) is family]
        by_source = _elements(
            [f'"{p.ifname}" . {p.address} : goto {via(p.index)}' for p in mine]
        )
        kind, name = KINDS[family], PODS_MAPS[family]
        yield f"  map {name} {{ type ifname . {kind} : verdict;{by_source} }}"
        by_class = _elements(
            [
                f"{p.address} : goto {class_chain(number)}"
                for p in mine
                if (number := class_of.get(p.index)) is not None
            ]
        )
        yield f"  map {CLASS_MAPS[family]} {{ type {kind} : verdict;{by_class} }}"


def _marking(layout: Layout, vnics: Sequence[VnicLink], marker: str) -> Iterator[str]:
    """Return the chains that set marks: by VNIC, by arrival, by pod."""
    keep, mask = f"{layout.keep_mask:#x}", f"{layout.mark_mask:#x}"
    for vnic in vnics:
        yield from _chain(
            via(vnic.index),
            f"meta mark set meta mark & {keep} | {layout.mark(vnic.index):#x}",
        )
    yield f"  chain {marker} {{ }}"
    answers = ", ".join(
        f"{layout.mark(v.index):#x} : goto {via(v.index)}" for v in vnics
    )
    yield from _chain(
        "answer", f"ct mark & {mask} vmap {{ {answers} }}" if answers else ""
    )
    for vnic in vnics:
        yield from _chain(
            f"from{vnic.index}",
            "ct direction original"
            f" ct mark set ct mark & {keep} | {layout.mark(vnic.index):#x}",
            f"goto {via(vnic.index)}",
        )


def _enforcing(
    layout: Layout, vnics: Sequence[VnicLink], numbers: Mapping[ClassName, int]
) -> Iterator[str]:
    """Return the chains that send packets to another class through the VCN."""
    if not numbers:
        return
    keep, mask = f"{layout.keep_mask:#x}", f"{layout.mark_mask:#x}"
    carriers = [v for v in vnics if v.carries_pods]
    for vnic in carriers:
        mark = layout.strict_mark(vnic.index)
        yield from _chain(
            f"strict{vnic.index}", f"meta mark set meta mark & {keep} | {mark:#x}"
        )
    for name, number in numbers.items():
        others = ", ".join(
            f"{layout.mark(v.index):#x} : goto strict{v.index}"
            for v in carriers
            if v.pod_class != name
        )
        yield from _chain(
            class_chain(number), f"meta mark & {mask} vmap {{ {others} }}"
        )


def _base_chains(
    layout: Layout,
    vnics: Sequence[VnicLink],
    strangers: Sequence[str],
    *,
    strict: bool,
    express: bool,
) -> Iterator[str]:
    keep, mask = f"{layout.keep_mask:#x}", f"{layout.mark_mask:#x}"
    main, links = layout.mark(PRIMARY_INDEX), layout.link_prefix + "*"
    by_pod = f'iifname "{links}"'
    if strangers:
        by_pod += " iifname != {{ {} }}".format(", ".join(f'"{s}"' for s in strangers))
    services4, services6 = LINK_LOCAL_SERVICES.values()
    # Forwarded on by the main table, or not at all while the primary is unknown.
    has_primary = any(v.index == PRIMARY_INDEX for v in vnics)
    primary = f"goto {via(PRIMARY_INDEX)}" if has_primary else "return"
    networks = [n for v in vnics for n in v.networks]
    yield from _chain(
        "guard",
        # An address of the node itself, such as NodeLocal DNSCache's.
        "fib daddr type local accept",
        f"meta l4proto {{ tcp, udp }} th dport 53 ip daddr {services4} {primary}",
        f"meta l4proto {{ tcp, udp }} th dport 53 ip6 daddr {services6} {primary}",
        f"udp dport 123 ip daddr {services4} {primary}",
        f"udp dport 123 ip6 daddr {services6} {primary}",
        "counter drop",
    )
    yield from _chain(
        "from_pod",
        *(f"iifname . {SELECTORS[f]} saddr vmap @{PODS_MAPS[f]}" for f in Family),
        # Neighbour discovery and no more: the node must not learn routes from pods.
        "ip6 saddr fe80::/10 icmpv6 type"
        " { nd-neighbor-solicit, nd-neighbor-advert } accept",
        "ip6 saddr :: icmpv6 type nd-neighbor-solicit accept",
        "icmpv6 type { nd-router-solicit, mld-listener-report,"
        " mld2-listener-report } drop",
        "counter drop",
    )
    yield from _chain(
        "prerouting",
        "type filter hook prerouting priority mangle;",
        "iifname vmap @vnics",
        f"{by_pod} goto from_pod",
    )
    yield from _chain(
        "leaving",
        # Not in a chain behind the map: when an element is added, the kernel walks
        # all chains that the map's elements lead to.
        f"ct direction reply ct mark & {mask} != 0 jump answer",
        *(f"{SELECTORS[f]} daddr {LINK_LOCAL[f]} goto guard" for f in Family),
        *(
            f"meta mark & {MASQUERADE_MARK:#x} == 0"
            f" {SELECTORS[f]} daddr vmap @{CLASS_MAPS[f]}"
            for f in Family
            if strict
        ),
    )
    yield from _chain(
        "from_other",
        f"ct direction original ct mark set ct mark & {keep} | {main:#x}",
        primary,
    )
    yield from _chain(
        "arrived",
        # To an address of the VNIC; its target is another node's, or another VNIC's.
        f"ct status & dnat != 0 {primary}",
        f"meta mark set meta mark & {keep} | {layout.arrived_mark:#x}",
    )
    yield from _chain(
        "decide",
        f"type filter hook prerouting priority {DECIDE_PRIORITY};",
        f"{by_pod} goto leaving",
        'iifname "lo" accept',
        f"ct direction reply ct mark & {mask} != 0 goto answer",
        *_by_foreign(vnics, networks),
        *(
            f'iifname "{v.ifname}" {"goto arrived" if v.carries_pods else primary}'
            for v in vnics
        ),
        *_of_pods(networks),
    )
    yield from _chain(
        "output",
        "type route hook output priority mangle;",
        "ct state established ct direction reply goto answer",
    )
    yield from _chain(
        "forward",
        "type filter hook forward priority filter;" if express else "",
        proof_rule(layout) if express else "",
    )
    yield from _chain(
        "postrouting",
        "type nat hook postrouting priority srcnat;",
        f"{by_pod} ip daddr {services4} masquerade",
        f"{by_pod} ip6 daddr {services6} masquerade",
    )


def _by_foreign(vnics: Sequence[VnicLink], networks: Sequence[str]) -> Iterator[str]:
    """Keep a foreign VNIC's mark on packets that came in by it for a pod.

    The VNIC's link may have a strict reverse path filter, and it is not ours to change.
    """
    for vnic in vnics:
        for family in Family if vnic.foreign else ():
            mine = _joined(networks, family)
            if mine:
                selector = f"{SELECTORS[family]} daddr {{ {mine} }}"
                yield f'iifname "{vnic.ifname}" {selector} goto {via(vnic.index)}'


def _of_pods(networks: Sequence[str]) -> Iterator[str]:
    """Return rules for packets from and to pods that did not come in by a VNIC."""
    for family in Family:
        mine = _joined(networks, family)
        for end in ("saddr", "daddr") if mine else ():
            yield f"{SELECTORS[family]} {end} {{ {mine} }} goto from_other"


def _joined(networks: Sequence[str], family: Family) -> str:
    return ", ".join(sorted({n for n in networks if family_of(n) is family}))
