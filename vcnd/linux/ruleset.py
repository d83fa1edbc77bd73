"""The node's nftables rule set as text for ``nft -f``.  Pure.

The rules, and what fails without each, are in facts/dataplane.md §2 to §4.
Their number depends on the VNICs, never on the pods: a pod is one map element.

Closed when lost: each packet that these rules let pass carries a VNIC's number as
its mark, the primary's too, and a rule (``Layout.closed_priority``) lets packets of
the pods' subnets that carry none go nowhere.  So a flushed table stops pods for the
moment until it is restored; their packets never leave by another's VNIC.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from vcnd.linux.layout import Layout
from vcnd.model.family import Family, family_of
from vcnd.model.vnic import PRIMARY_INDEX

LINK_LOCAL_SERVICES = {
    Family.IPV4: "169.254.169.254",
    Family.IPV6: "fd00:c1::a9fe:a9fe",
}
LINK_LOCAL = {Family.IPV4: "169.254.0.0/16", Family.IPV6: "fd00:c1::/64"}
PODS_MAPS = {Family.IPV4: "pods4", Family.IPV6: "pods6"}


@dataclass(frozen=True, slots=True, kw_only=True)
class VnicLink:
    """A VNIC's number and its link on this node."""

    index: int
    ifname: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PodElement:
    """A pod's entry in the map: from this link, this source, by this VNIC."""

    ifname: str
    address: str
    index: int


def via(index: int) -> str:
    """Return the name of the chain that sends by a VNIC."""
    return f"via{index}"


def _elements(items: Sequence[str]) -> str:
    return f" elements = {{ {', '.join(items)} }};" if items else ""


def _pods_map(family: Family, pods: Sequence[PodElement]) -> str:
    kind = "ipv4_addr" if family is Family.IPV4 else "ipv6_addr"
    elements = _elements(
        [
            f'"{p.ifname}" . {p.address} : goto {via(p.index)}'
            for p in pods
            if family_of(p.address) is family
        ]
    )
    name = PODS_MAPS[family]
    return f"  map {name} {{ type ifname . {kind} : verdict;{elements} }}"


def render(
    layout: Layout,
    vnics: Sequence[VnicLink],
    pods: Sequence[PodElement],
    *,
    marker: str,
) -> str:
    """Return a script that puts the table in place of whatever is there, atomically.

    The empty chain ``marker`` tells this load from any other (``linux.watch``).
    """
    keep, mask = f"{layout.keep_mask:#x}", f"{layout.mark_mask:#x}"
    pod_vnics = [v for v in vnics if v.index != PRIMARY_INDEX]
    links = layout.link_prefix + "*"
    services4, services6 = LINK_LOCAL_SERVICES.values()
    entries = _elements([f'"{v.ifname}" : goto from{v.index}' for v in vnics])
    second = _elements([f'"{v.ifname}"' for v in pod_vnics])
    answers = ", ".join(f"{v.index:#x} : goto {via(v.index)}" for v in vnics)
    answer = f"ct mark & {mask} vmap {{ {answers} }}" if answers else ""
    # Forwarded on by the main table, or not at all while the primary is unknown.
    has_primary = any(v.index == PRIMARY_INDEX for v in vnics)
    primary = f"goto {via(PRIMARY_INDEX)}" if has_primary else "return"
    table = f"table inet {layout.nft_table}"
    lines = [f"{table} {{ }}", f"delete {table}", f"{table} {{"]
    lines += [
        f"  map vnics {{ type ifname : verdict;{entries} }}",
        *(_pods_map(family, pods) for family in Family),
        f"  set second {{ type ifname;{second} }}",
    ]
    for vnic in vnics:
        lines += [
            f"  chain {via(vnic.index)} {{",
            f"    meta mark set meta mark & {keep} | {vnic.index:#x}",
            "  }",
        ]
    lines += [f"  chain {marker} {{ }}", "  chain answer {", f"    {answer}", "  }"]
    for vnic in vnics:
        lines += [
            f"  chain from{vnic.index} {{",
            "    ct direction reply goto answer",
            f"    ct mark set ct mark & {keep} | {vnic.index:#x}",
            f"    {primary}",
            "  }",
        ]
    lines += f"""\
  chain guard {{
    meta l4proto {{ tcp, udp }} th dport 53 ip daddr {services4} {primary}
    meta l4proto {{ tcp, udp }} th dport 53 ip6 daddr {services6} {primary}
    udp dport 123 ip daddr {services4} {primary}
    udp dport 123 ip6 daddr {services6} {primary}
    counter drop
  }}
  chain from_pod {{
    ct direction reply ct mark & {mask} != 0 goto answer
    ip daddr {LINK_LOCAL[Family.IPV4]} goto guard
    ip6 daddr {LINK_LOCAL[Family.IPV6]} goto guard
    iifname . ip saddr vmap @{PODS_MAPS[Family.IPV4]}
    iifname . ip6 saddr vmap @{PODS_MAPS[Family.IPV6]}
    ip6 saddr fe80::/10 ip6 daddr {{ fe80::/10, ff02::/16 }} accept
    ip6 saddr :: accept
    counter drop
  }}
  chain prerouting {{
    type filter hook prerouting priority mangle;
    iifname vmap @vnics
    iifname "{links}" goto from_pod
  }}
  chain output {{
    type route hook output priority mangle;
    ct state established ct direction reply goto answer
  }}
  chain forward {{
    type filter hook forward priority filter;
    iifname @second oifname != "{links}" ct status & dnat == 0 \
counter reject with icmpx host-unreachable
  }}
  chain postrouting {{
    type nat hook postrouting priority srcnat;
    iifname "{links}" ip daddr {services4} masquerade
    iifname "{links}" ip6 daddr {services6} masquerade
  }}
}}""".splitlines()
    return "\n".join(lines) + "\n"
