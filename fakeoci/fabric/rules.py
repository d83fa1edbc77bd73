"""Source check, security lists, NSGs and NAT as nftables text.  Pure.

conntrack sees each flow once in a VCN's namespace, so egress of the one VNIC and
ingress of the other are judged in one forward chain, statefully.  A rule that is
stateless in the world is judged statefully here too: looser, never stricter.
"""

from collections.abc import Iterable, Mapping

from fakeoci.fabric.desired import VcnNet, VnicLink
from fakeoci.world.resources import SecurityRule

SPOOFED_GROUP, REJECTED_GROUP = 5, 6
"""NFLOG groups: packets that the source check dropped; packets that rules dropped."""


def _set(name: str) -> str:
    return f"nsg_{name[-12:]}"


FAMILIES = {
    4: ("ip", "ipv4", "ipv4_addr", "0.0.0.0/0"),
    6: ("ip6", "ipv6", "ipv6_addr", "::/0"),
}
"""The names of nftables: header, protocol and type; and the CIDR of all addresses."""
ICMP = {"1": "icmp", "58": "icmpv6"}


def _of(version: int, cidrs: Iterable[str]) -> list[str]:
    return [c for c in cidrs if (":" in c) == (version == 6)]  # noqa: PLR2004


def matches(rule: SecurityRule, members: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return a rule's matches: none, or one for each family that it concerns."""
    found = []
    end = "saddr" if rule.direction == "INGRESS" else "daddr"
    for version, (header, protocol, _, everywhere) in FAMILIES.items():
        if rule.peer_type == "NETWORK_SECURITY_GROUP":
            if _of(version, members.get(rule.peer, ())):
                peer = f"{header} {end} @{_set(rule.peer)}_{version}"
                found.append(f"{peer} {_traffic(rule)}".strip())
        elif _of(version, [rule.peer]):
            anyone = f"meta nfproto {protocol}"
            some = f"{header} {end} {rule.peer}"
            peer = anyone if rule.peer == everywhere else some
            found.append(f"{peer} {_traffic(rule)}".strip())
    return found


def _traffic(rule: SecurityRule) -> str:
    transport = {"6": "tcp", "17": "udp"}.get(rule.protocol)
    if rule.protocol in ICMP:
        name = ICMP[rule.protocol]
        kind = "" if rule.icmp_type is None else f" {name} type {rule.icmp_type}"
        return f"meta l4proto {'ipv6-icmp' if name == 'icmpv6' else name}{kind}"
    if transport and rule.ports:
        return f"{transport} dport {rule.ports.min}-{rule.ports.max}"
    return "" if rule.protocol == "all" else f"meta l4proto {rule.protocol}"


def _chain(
    name: str, rules: Iterable[SecurityRule], verdict: str, net: VcnNet
) -> list[str]:
    each = dict.fromkeys(m for r in rules for m in matches(r, net.members))
    return [
        f"  chain {name} {{",
        *(f"    {m} {verdict}" for m in each),
        f"    log group {REJECTED_GROUP} drop",
        "  }",
    ]


GUARD = "inet fabric_guard"


def guard() -> str:
    """Return the source check; links and addresses are elements of its sets.

    It is loaded once.  When sets or rules are replaced under traffic, a packet may
    meet neither the old nor the new ones.
    """
    dropped = f'counter name "spoofed" log group {SPOOFED_GROUP} drop'
    return f"""\
table {GUARD} {{
  counter spoofed {{ }}
  set own {{ type ifname . ipv4_addr; flags interval; }}
  set own6 {{ type ifname . ipv6_addr; flags interval; }}
  set checked {{ type ifname; }}
  chain prerouting {{
    type filter hook prerouting priority raw;
    iifname != @checked accept
    iifname . ip saddr != @own {dropped}
    ip6 saddr fe80::/10 accept
    ip6 saddr :: accept
    iifname . ip6 saddr != @own6 {dropped}
  }}
}}
"""


def guarded(net: VcnNet, names: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    """Return the elements of the source check's sets, by set."""
    found = set()
    for link in net.links.values():
        if link.checks_source:
            name = f'"{names[link.vnic_id]}"'
            found.add(("checked", name))
            for address in link.addresses:
                found.add(("own6" if ":" in address else "own", f"{name} . {address}"))
    return frozenset(found)


def guard_change(
    before: frozenset[tuple[str, str]], after: frozenset[tuple[str, str]]
) -> str:
    """Return the commands that change the source check's sets to another state."""
    lines = []
    for verb, elements in (("delete", before - after), ("add", after - before)):
        for name in ("own", "own6", "checked"):
            some = sorted(e for s, e in elements if s == name)
            if some:
                members = ", ".join(some)
                lines.append(f"{verb} element {GUARD} {name} {{ {members} }}\n")
    return "".join(lines)


def security(net: VcnNet, names: Mapping[str, str], nat_address: str) -> str:
    """Return the whole table of security lists, NSGs and NAT."""
    links = list(net.links.values())
    lines = ["table inet fabric { }", "delete table inet fabric", "table inet fabric {"]
    for nsg_id, members in net.members.items():
        for version, (_, _, kind, _) in FAMILIES.items():
            some = _of(version, members)
            elements = f" elements = {{ {', '.join(some)} }};" if some else ""
            lines.append(
                f"  set {_set(nsg_id)}_{version} {{ type {kind}; flags interval;"
                f" auto-merge;{elements} }}"
            )
    for link in links:
        name = names[link.vnic_id]
        lines += _chain(f"in_{name}", link.ingress, "accept", net)
    lines += ["  chain ingress {", _vmap("oifname", "in", links, names), "  }"]
    for link in links:
        name = names[link.vnic_id]
        lines += _chain(f"out_{name}", link.egress, "goto ingress", net)
    lines += [
        "  chain forward {",
        "    type filter hook forward priority filter;",
        "    ct state established,related accept",
        _vmap("iifname", "out", links, names),
        "    goto ingress",
        "  }",
        *_nat(links, nat_address),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _vmap(
    key: str, prefix: str, links: Iterable[VnicLink], names: Mapping[str, str]
) -> str:
    entries = [
        f'"{names[x.vnic_id]}" : goto {prefix}_{names[x.vnic_id]}' for x in links
    ]
    return f"    {key} vmap {{ {', '.join(entries)} }}" if entries else ""


def _nat(links: Iterable[VnicLink], nat_address: str) -> list[str]:
    public = {x.primary_address: x.public_ip for x in links if x.public_ip}
    out = ", ".join(f"{a} : {p}" for a, p in public.items())
    back = ", ".join(f"{p} : {a}" for a, p in public.items())
    lines = [
        "  chain postrouting {",
        "    type nat hook postrouting priority srcnat;",
        f'    oifname "nat0" snat ip to {nat_address}',
    ]
    if public:
        lines.append(f'    oifname "igw0" snat ip to ip saddr map {{ {out} }}')
    # Without a public address a VNIC cannot leave by the internet gateway.
    lines += ['    oifname "igw0" drop', "  }", "  chain prerouting {"]
    lines.append("    type nat hook prerouting priority dstnat;")
    if public:
        lines.append(f'    iifname "igw0" dnat ip to ip daddr map {{ {back} }}')
    lines.append("  }")
    return lines
