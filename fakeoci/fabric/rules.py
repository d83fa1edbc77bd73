"""Source check, security lists, NSGs and NAT as nftables text.  Pure.

conntrack sees each flow once in a VCN's namespace, so egress of the one VNIC and
ingress of the other are judged in one forward chain.  Each of the two VNICs tracks a
flow by itself: a connection's mark says whether a stateful rule of the VNIC that opened
it (OPENER) and of the other one (OTHER) has allowed a packet.  A VNIC that tracks a
flow passes all its packets.  For one that does not, each packet needs a rule.

Where a stateful and a stateless rule match a packet, the stateless one decides, and the
flow is not tracked:
https://docs.oracle.com/en-us/iaas/Content/Network/Concepts/securityrules.htm
"""

from collections.abc import Iterable, Mapping
from ipaddress import IPv6Network

from fakeoci.fabric.desired import VcnNet, VnicLink
from fakeoci.world.cidrs import GUA
from fakeoci.world.resources import SecurityRule, Traffic

SPOOFED_GROUP, REJECTED_GROUP = 5, 6
"""NFLOG groups: packets that the source check dropped; packets that rules dropped."""


def _set(name: str) -> str:
    return f"nsg_{name[-12:]}"


FAMILIES = {
    4: ("ip", "ipv4", "ipv4_addr", "0.0.0.0/0"),
    6: ("ip6", "ipv6", "ipv6_addr", "::/0"),
}
"""The names of nftables: header, protocol and type; and the CIDR of all addresses."""
VTAP_MARK = 0x76746170
"""On what a VTAP sends: no VTAP mirrors that again."""
OPENER, OTHER = 1, 2
"""The bits of a connection's mark."""
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
                found.append(f"{peer} {traffic(rule)}".strip())
        elif rule.peer_type == "CIDR_BLOCK" and _of(version, [rule.peer]):
            anyone = f"meta nfproto {protocol}"
            some = f"{header} {end} {rule.peer}"
            peer = anyone if rule.peer == everywhere else some
            found.append(f"{peer} {traffic(rule)}".strip())
    return found


def traffic(rule: Traffic) -> str:
    """Return the matches of a rule's protocol, ports and ICMP type."""
    transport = {"6": "tcp", "17": "udp"}.get(rule.protocol)
    if rule.protocol in ICMP:
        name = ICMP[rule.protocol]
        kind = "" if rule.icmp_type is None else f" {name} type {rule.icmp_type}"
        kind += "" if rule.icmp_code is None else f" {name} code {rule.icmp_code}"
        return f"meta l4proto {'ipv6-icmp' if name == 'icmpv6' else name}{kind}"
    if transport and (rule.ports or rule.source_ports):
        ends = (("sport", rule.source_ports), ("dport", rule.ports))
        return " ".join(f"{transport} {e} {p.min}-{p.max}" for e, p in ends if p)
    return "" if rule.protocol == "all" else f"meta l4proto {rule.protocol}"


def _chain(
    name: str, rules: Iterable[SecurityRule], verdict: str, track: str, net: VcnNet
) -> list[str]:
    """Return the chain of one VNIC's rules of one direction.

    Args:
        name: the chain.
        rules: the rules.
        verdict: what becomes of a packet that a stateless rule allows.
        track: the chain for a packet that a stateful rule allows.
        net: the VCN, for the members of its NSGs.
    """
    by_precedence = sorted(rules, key=lambda rule: not rule.is_stateless)
    each = dict.fromkeys(
        f"    {match} {verdict if rule.is_stateless else f'goto {track}'}"
        for rule in by_precedence
        for match in matches(rule, net.members)
    )
    return [
        f"  chain {name} {{",
        *each,
        f"    log group {REJECTED_GROUP} drop",
        "  }",
    ]


def _track(name: str, ways: dict[str, int], verdict: str) -> list[str]:
    """Return the chain that notes that a VNIC tracks the packet's connection."""
    return [
        f"  chain {name} {{",
        *(f"    ct direction {w} ct mark set ct mark | {b}" for w, b in ways.items()),
        f"    {verdict}",
        "  }",
    ]


def _tracked(ways: dict[str, int], verdict: str) -> list[str]:
    return [
        f"    ct direction {way} ct mark & {bit} == {bit} {verdict}"
        for way, bit in ways.items()
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
    lines += _public_six(links)
    sender = {"original": OPENER, "reply": OTHER}
    receiver = {"original": OTHER, "reply": OPENER}
    lines += _track("track_receiver", receiver, "accept")
    for link in links:
        name = names[link.vnic_id]
        lines += _chain(f"in_{name}", link.ingress, "accept", "track_receiver", net)
    lines += [
        "  chain ingress {",
        *_tracked(receiver, "accept"),
        _vmap("oifname", "in", links, names),
        "  }",
    ]
    lines += _track("track_sender", sender, "goto ingress")
    for link in links:
        name, onward = names[link.vnic_id], "goto ingress"
        lines += _chain(f"out_{name}", link.egress, onward, "track_sender", net)
    lines += [
        "  chain forward {",
        "    type filter hook forward priority filter;",
        '    oifname "igw0" ip6 saddr != @public6 drop',
        '    iifname "igw0" ip6 daddr != @public6 drop',
        *_tracked(sender, "goto ingress"),
        _vmap("iifname", "out", links, names),
        "    goto ingress",
        "  }",
        # What a VTAP sends meets the rules of its target only.
        "  chain mirrored {",
        "    type filter hook output priority filter;",
        f"    meta mark {VTAP_MARK} goto ingress",
        "  }",
        *_nat(links, nat_address),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _public_six(links: Iterable[VnicLink]) -> list[str]:
    """Return the set of the IPv6 addresses that the internet gateway serves.

    https://docs.oracle.com/en-us/iaas/api/#/en/iaas/20160918/datatypes/CreateSubnetDetails
    (``prohibitInternetIngress``); a unique local address has no way there.
    """
    public = sorted(
        cidr
        for link in links
        if link.is_public
        for cidr in _of(6, link.addresses)
        if IPv6Network(cidr).subnet_of(GUA)
    )
    elements = f" elements = {{ {', '.join(public)} }};" if public else ""
    kind = FAMILIES[6][2]
    return [f"  set public6 {{ type {kind}; flags interval; auto-merge;{elements} }}"]


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
    lines += [
        '    meta nfproto ipv4 oifname "igw0" drop',
        "  }",
        "  chain prerouting {",
        "    type nat hook prerouting priority dstnat;",
    ]
    if public:
        lines.append(f'    iifname "igw0" dnat ip to ip daddr map {{ {back} }}')
    lines.append("  }")
    return lines
