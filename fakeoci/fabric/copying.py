"""The nftables text that copies packets for VTAPs.  Pure.

Each source VNIC of a VTAP has a VXLAN device.  The rules copy the packets that pass at
the VNIC's link to it (``dup``), and give the encapsulated packets the VNIC's address
and VXLAN's port.  Until then each device has a port of its own: the kernel lets no two
devices have the same port and network identifier.
"""

from collections.abc import Iterator, Mapping

from fakeoci.fabric.mirrors import Mirror
from fakeoci.fabric.rules import VTAP_MARK, traffic
from fakeoci.world.resources import CaptureRule

VXLAN_PORT = 4789
OWN_ADDRESS = "100.127.254.1"
"""The devices' own address; no packet leaves the VCN with it."""
FIRST_PORT = 20000
TABLE = "fabric_vtap"
HOOKS = {"EGRESS": "ingress", "INGRESS": "egress"}
"""A direction of the VNIC → the hook of its link in the VCN's namespace."""


def device_name(number: int) -> str:
    """Return the name of a VXLAN device."""
    return f"vtap{number}"


def table(numbered: list[tuple[Mirror, int]], names: Mapping[str, str]) -> str:
    """Return the nft text that copies the packets and addresses the copies.

    Args:
        numbered: the mirrors, with the numbers of their devices.
        names: VNIC → its link.
    """
    lines = []
    for family in ("netdev", "inet"):
        lines += [f"table {family} {TABLE} {{ }}", f"delete table {family} {TABLE}"]
    if numbered:
        lines += [*_copying(numbered, names), *_addressing(numbered)]
    return "\n".join(lines) + "\n"


def _copying(
    numbered: list[tuple[Mirror, int]], names: Mapping[str, str]
) -> Iterator[str]:
    yield f"table netdev {TABLE} {{"
    for hook in HOOKS.values():
        for mirror, number in numbered:
            yield f"  chain {hook}_{device_name(number)} {{"
            for rule in mirror.rules:
                if HOOKS[rule.direction] == hook:
                    yield f"    {_copied(rule, device_name(number))}"
            yield "  }"
        for vnic_id in dict.fromkeys(m.vnic_id for m, _ in numbered):
            name = names[vnic_id]
            yield f"  chain {hook}_{name} {{"
            yield f'    type filter hook {hook} device "{name}" priority 0;'
            yield f"    meta mark {VTAP_MARK} accept"
            for mirror, number in numbered:
                if mirror.vnic_id == vnic_id:
                    yield f"    jump {hook}_{device_name(number)}"
            yield "  }"
    yield "}"


def _copied(rule: CaptureRule, device: str) -> str:
    ends = (("saddr", rule.source), ("daddr", rule.destination))
    parts = [f"{'ip6' if ':' in c else 'ip'} {end} {c}" for end, c in ends if c]
    copy = f'dup to "{device}"' if rule.includes else ""
    return " ".join(p for p in (*parts, traffic(rule), copy, "return") if p)


def _addressing(numbered: list[tuple[Mirror, int]]) -> Iterator[str]:
    """Yield the rules that give copies a source address and VXLAN's port."""
    yield f"table inet {TABLE} {{"
    yield "  chain output {"
    yield "    type filter hook output priority raw;"
    for mirror, number in numbered:
        yield (
            f"    ip saddr {OWN_ADDRESS} udp dport {FIRST_PORT + number}"
            f" meta mark set {VTAP_MARK} notrack"
            f" ip saddr set {mirror.source} udp dport set {VXLAN_PORT}"
        )
    yield "  }"
    yield "}"
