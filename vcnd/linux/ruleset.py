"""The node's nftables rule set as text for ``nft -f``.  Pure.

The rules, and what fails without each, are in docs/data-plane.md.  Their number
depends on the VNICs, never on the pods: a pod is one map element, two where NSGs
are enforced between pods of one node.

A packet gets the mark by which it is routed in ``prerouting``, after destinations are
translated.  Only IPv6 packets that no pod sent are marked twice: there they get the
mark of the VNIC that they came in by, which firewalld's reverse path check needs, and
after that check, in ``decide``, the mark by which they are routed.

Closed when lost: each packet that these rules accept carries a VNIC's number as its
mark, the primary's too.  A rule (``Layout.closed_priority``) drops packets from the
pods' subnets without a mark.  So a flushed table stops pods until it is restored;
their packets never leave by the wrong VNIC.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from vcnd.linux import outside, services
from vcnd.linux.lane.proof import proof_chain
from vcnd.linux.layout import Layout
from vcnd.linux.nft_text import ADDRESS_KINDS, chain, quoted, verdict_map
from vcnd.linux.services import SELECTORS
from vcnd.linux.vnic_link import VnicLink, class_numbers
from vcnd.model.family import Family, family_of
from vcnd.model.ids import ClassName
from vcnd.model.vnic import PRIMARY_INDEX

PODS_MAPS = {Family.IPV4: "pods4", Family.IPV6: "pods6"}
CLASS_MAPS = {Family.IPV4: "classes4", Family.IPV6: "classes6"}
LOOPBACK_INDEX = 1
"""Number of ``lo``, the first link of each namespace."""

PRIORITY = -90
"""Of the chain that marks packets: after destinations are translated (-100), before
firewalld's reverse path check (10)."""
DECIDE_PRIORITY = 50
"""After that check, before routing."""

FEW = 4
"""Up to so many VNICs a test for each costs less than a look-up."""

MASQUERADE_MARK = 0x4000
"""kube-proxy's mark of what it will masquerade (``--iptables-masquerade-bit``): such
a packet comes from the node, not from a pod."""


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


def render(
    layout: Layout,
    vnics: Sequence[VnicLink],
    pods: Sequence[PodElement],
    *,
    marker: str,
    strangers: Sequence[str] = (),
    express: bool = False,
) -> str:
    """Return the table (``nft_scripts`` brings it to the kernel).

    Args:
        layout: names and numbers.
        vnics: the VNICs' links.
        pods: the pods' elements.
        marker: an empty chain that tells this load from any other (``linux.guard``).
        strangers: others' links whose names look like pods'.
        express: whether packets may enter the express lane.
    """
    numbers, dual_stack = class_numbers(layout, vnics), any(v.ipv6 for v in vnics)
    lines = [
        f"table inet {layout.nft_table} {{",
        *_maps(vnics, pods, numbers),
        *_marking(layout, vnics, marker),
        *_arriving(layout, vnics, dual_stack=dual_stack),
        *_enforcing(layout, vnics, numbers),
        *_base_chains(
            layout, vnics, strangers, strict=bool(numbers), dual_stack=dual_stack
        ),
        *(proof_chain(layout) if express else ()),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _maps(
    vnics: Sequence[VnicLink],
    pods: Sequence[PodElement],
    numbers: Mapping[ClassName, int],
) -> Iterator[str]:
    class_of = {v.index: numbers.get(v.pod_class) for v in vnics if v.carries_pods}
    for family in Family:
        mine = [p for p in pods if family_of(p.address) is family]
        kind = ADDRESS_KINDS[family]
        by_source = {
            f'"{p.ifname}" . {p.address}': f"goto {via(p.index)}" for p in mine
        }
        yield verdict_map(PODS_MAPS[family], f"ifname . {kind}", by_source)
        by_class = {
            p.address: f"goto {class_chain(number)}"
            for p in mine
            if (number := class_of.get(p.index)) is not None
        }
        yield verdict_map(CLASS_MAPS[family], kind, by_class)


def _marking(layout: Layout, vnics: Sequence[VnicLink], marker: str) -> Iterator[str]:
    """Return the chains that set marks."""
    keep, mask = f"{layout.keep_mask:#x}", f"{layout.mark_mask:#x}"
    for vnic in vnics:
        yield from chain(
            via(vnic.index),
            f"meta mark set meta mark & {keep} | {layout.mark(vnic.index):#x}",
        )
    yield f"  chain {marker} {{ }}"
    yield verdict_map(
        "answers",
        "mark",
        {f"{layout.mark(v.index):#x}": f"goto {via(v.index)}" for v in vnics},
    )
    yield from chain("answer", f"ct mark & {mask} vmap @answers")


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
        yield from chain(
            f"strict{vnic.index}", f"meta mark set meta mark & {keep} | {mark:#x}"
        )
    for name, number in numbers.items():
        others = {
            f"{layout.mark(v.index):#x}": f"goto strict{v.index}"
            for v in carriers
            if v.pod_class != name
        }
        yield verdict_map(f"others{number}", "mark", others)
        yield from chain(
            class_chain(number), f"meta mark & {mask} vmap @others{number}"
        )


def _arriving(
    layout: Layout, vnics: Sequence[VnicLink], *, dual_stack: bool
) -> Iterator[str]:
    """Return the chains for packets that came in by a VNIC."""
    keep = f"{layout.keep_mask:#x}"
    networks = [n for v in vnics for n in v.networks]
    for vnic in vnics:
        by_vnic, checked = f"goto {via(vnic.index)}", ""
        routed = [_answers(layout)]
        if vnic.carries_pods:
            # The kernel's own check of sources is off (``vnics.VNIC_SETTINGS``).
            checked = "fib saddr type != unicast drop"
            routed += [
                # To an address of the VNIC; its target is no pod of this VNIC.
                f"ct status & dnat != 0 {_by_primary(vnics)}",
                f"meta mark set meta mark & {keep} | {layout.arrived_mark:#x}",
            ]
        else:
            # A foreign VNIC's link may have a strict reverse path filter, and it is
            # not ours to change.
            kept = _of_pods(networks, by_vnic, ends=("daddr",)) if vnic.foreign else ()
            routed += [*kept, _by_primary(vnics)]
        yield from chain(
            f"from{vnic.index}",
            "ct direction original"
            f" ct mark set ct mark & {keep} | {layout.mark(vnic.index):#x}",
            f"meta nfproto ipv6 {by_vnic}" if dual_stack else "",
            checked,
            *routed,
        )
        if dual_stack:
            yield from chain(f"decide{vnic.index}", *routed)


def _answers(layout: Layout) -> str:
    return f"ct direction reply ct mark & {layout.mark_mask:#x} != 0 goto answer"


def _by_primary(vnics: Sequence[VnicLink]) -> str:
    """Return what forwards by the main table; nothing while the primary is unknown."""
    has_primary = any(v.index == PRIMARY_INDEX for v in vnics)
    return f"goto {via(PRIMARY_INDEX)}" if has_primary else "return"


def _base_chains(
    layout: Layout,
    vnics: Sequence[VnicLink],
    strangers: Sequence[str],
    *,
    strict: bool,
    dual_stack: bool,
) -> Iterator[str]:
    keep, mask = f"{layout.keep_mask:#x}", f"{layout.mark_mask:#x}"
    main = layout.mark(PRIMARY_INDEX)
    own = [layout.mark(v.index) for v in vnics if v.carries_pods]
    other = f" ct mark & {mask} != {own[0]:#x}" if len(own) == 1 else ""
    exempt = outside.inside(layout, vnics)
    links, named = f'"{layout.link_prefix}*"', ", ".join(quoted(strangers))
    by_pod = f"iifname {links}" + (f" iifname != {{ {named} }}" if named else "")
    primary = _by_primary(vnics)
    networks = [n for v in vnics for n in v.networks]
    # Packets from other links than VNICs' and pods'.
    others = [
        f"iif {LOOPBACK_INDEX} accept",
        _answers(layout),
        *_of_pods(networks, "goto from_other", ends=("saddr", "daddr")),
    ]
    yield from chain("guard", *services.guard(primary))
    yield from chain(
        "check_source",
        # Returns only from the maps: each packet that they miss ends here.
        *(f"iifname . {SELECTORS[f]} saddr vmap @{PODS_MAPS[f]}" for f in Family),
        # What kernels send by themselves is not counted.  None of it is needed: both
        # ends of a link know each other, and the node must learn nothing from pods.
        "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit,"
        " mld-listener-report, mld2-listener-report } drop",
        "counter drop",
    )
    yield from chain(
        "others", "meta nfproto ipv6 accept" if dual_stack else "", *others
    )
    yield from outside.outside_chain(layout, exempt) if exempt else ()
    yield from _link_map(vnics, "from")
    yield from chain(
        "prerouting",
        f"type filter hook prerouting priority {PRIORITY};",
        *_by_link(vnics, "from"),
        f"iifname != {links} goto others",
        f"iifname {{ {named} }} goto others" if named else "",
        # What follows is in no chain behind the maps: when an element is added, the
        # kernel walks all chains that a map's elements lead to.
        "jump check_source",
        # Of a single pod VNIC's pods most answers leave by it: they have its mark.
        f"ct direction reply ct mark & {mask} != 0{other} jump answer",
        *services.guarded(Family if dual_stack else (Family.IPV4,)),
        *(outside.leaving(layout, f"jump {via(PRIMARY_INDEX)}") if exempt else ()),
        *(
            f"meta mark & {MASQUERADE_MARK:#x} == 0"
            f" {SELECTORS[f]} daddr vmap @{CLASS_MAPS[f]}"
            for f in Family
            if strict
        ),
    )
    yield from chain(
        "from_other",
        f"ct direction original ct mark set ct mark & {keep} | {main:#x}",
        primary,
    )
    if dual_stack:
        yield from _link_map(vnics, "decide")
        yield from chain(
            "decide",
            f"type filter hook prerouting priority {DECIDE_PRIORITY};",
            "meta nfproto ipv4 accept",
            *_by_link(vnics, "decide"),
            f"{by_pod} accept",
            *others,
        )
    yield from chain(
        "output",
        "type route hook output priority mangle;",
        "ct direction reply ct state established goto answer",
    )
    yield from chain(
        "postrouting",
        "type nat hook postrouting priority srcnat;",
        *services.masquerades(by_pod),
        outside.masquerade(layout, by_pod) if exempt else "",
    )


def _by_link(vnics: Sequence[VnicLink], ways: str) -> Sequence[str]:
    """Return the rules that lead packets to a chain per VNIC, pod VNICs' first.

    By the link's number: its name costs more, and can change.
    """
    if len(vnics) > FEW:
        return [f"iif vmap @{ways}"]
    in_order = sorted(vnics, key=lambda v: not v.carries_pods)
    return [f"iif {v.link_index} goto {ways}{v.index}" for v in in_order]


def _link_map(vnics: Sequence[VnicLink], ways: str) -> Iterator[str]:
    """Return the map that ``_by_link`` uses, where it does."""
    if len(vnics) > FEW:
        by_link = {f"{v.link_index}": f"goto {ways}{v.index}" for v in vnics}
        yield verdict_map(ways, "iface_index", by_link)


def _of_pods(
    networks: Sequence[str], verdict: str, *, ends: Sequence[str]
) -> Iterator[str]:
    """Return rules for packets from or to pods of this node."""
    for family in Family:
        mine = ", ".join(sorted({n for n in networks if family_of(n) is family}))
        for end in ends if mine else ():
            yield f"{SELECTORS[family]} {end} {{ {mine} }} {verdict}"
