"""Source check, security lists, NSGs and NAT as nftables text.  Pure.

conntrack sees each flow once in a VCN's namespace, so egress of the one VNIC and
ingress of the other are judged in one forward chain, statefully.  A rule that is
stateless in the world is judged statefully here too: looser, never stricter.
"""

from collections.abc import Iterable, Mapping

from fakeoci.fabric.desired import VcnNet, VnicLink
from fakeoci.world.nouns import SecurityRule

SPOOFED_GROUP, REJECTED_GROUP = 5, 6
"""NFLOG groups: what the source check dropped; what the rules dropped."""


def _set(name: str) -> str:
    return f"nsg_{name[-12:]}"


def match(rule: SecurityRule, members: Mapping[str, tuple[str, ...]]) -> str | None:
    """Return a rule's match, or None when it can match nothing."""
    parts = []
    end = "saddr" if rule.direction == "INGRESS" else "daddr"
    if rule.peer_type == "NETWORK_SECURITY_GROUP":
        if not members.get(rule.peer):
            return None
        parts.append(f"ip {end} @{_set(rule.peer)}")
    elif rule.peer != "0.0.0.0/0":
        parts.append(f"ip {end} {rule.peer}")
    transport = {"6": "tcp", "17": "udp"}.get(rule.protocol)
    if rule.protocol == "1":
        kind = "" if rule.icmp_type is None else f" icmp type {rule.icmp_type}"
        parts.append(f"meta l4proto icmp{kind}")
    elif transport and rule.ports:
        parts.append(f"{transport} dport {rule.ports.min}-{rule.ports.max}")
    elif rule.protocol != "all":
        parts.append(f"meta l4proto {rule.protocol}")
    return " ".join(parts)


def _chain(
    name: str, rules: Iterable[SecurityRule], verdict: str, net: VcnNet
) -> list[str]:
    matches = dict.fromkeys(
        m for r in rules if (m := match(r, net.members)) is not None
    )
    return [
        f"  chain {name} {{",
        *(f"    {m} {verdict}".replace("  ", " ") for m in matches),
        f"    log group {REJECTED_GROUP} drop",
        "  }",
    ]


def guard(net: VcnNet, names: Mapping[str, str]) -> str:
    """Return the source check.  Its table is never deleted, so its counter stays."""
    checked = [link for link in net.links.values() if link.checks_source]
    own = [f'"{names[x.vnic_id]}" . {a}' for x in checked for a in sorted(x.addresses)]
    links = [f'"{names[x.vnic_id]}"' for x in checked]
    table = "inet fabric_guard"
    lines = [
        f"table {table} {{",
        "  counter spoofed { }",
        "  set own { type ifname . ipv4_addr; flags interval; }",
        "  set checked { type ifname; }",
        "  chain prerouting { type filter hook prerouting priority raw; }",
        "}",
        f"flush set {table} own",
        f"flush set {table} checked",
        f"flush chain {table} prerouting",
        f"add rule {table} prerouting iifname @checked iifname . ip saddr != @own"
        f' counter name "spoofed" log group {SPOOFED_GROUP} drop',
    ]
    if links:
        lines.append(f"add element {table} checked {{ {', '.join(links)} }}")
        lines.append(f"add element {table} own {{ {', '.join(own)} }}")
    return "\n".join(lines) + "\n"


def security(net: VcnNet, names: Mapping[str, str], nat_address: str) -> str:
    """Return the table of security lists, NSGs and NAT, whole."""
    links = list(net.links.values())
    lines = ["table inet fabric { }", "delete table inet fabric", "table inet fabric {"]
    for nsg_id, members in net.members.items():
        elements = f" elements = {{ {', '.join(members)} }};" if members else ""
        lines.append(
            f"  set {_set(nsg_id)} {{ type ipv4_addr; flags interval;"
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
    # Without a public address of its own nobody leaves by the internet gateway.
    lines += ['    oifname "igw0" drop', "  }", "  chain prerouting {"]
    lines.append("    type nat hook prerouting priority dstnat;")
    if public:
        lines.append(f'    iifname "igw0" dnat ip to ip daddr map {{ {back} }}')
    lines.append("  }")
    return lines
