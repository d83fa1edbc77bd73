"""Which route table a packet from a VNIC uses, as the kernel's policy rules.  Pure.

The table of the packet's source address comes first, then the VNIC's, then the
subnet's.  Only one is used: if it has no route, the packet is dropped.
https://docs.oracle.com/en-us/iaas/Content/Network/Tasks/managingroutetables.htm
"""

from collections.abc import Callable
from dataclasses import dataclass

from fakeoci.fabric.desired import VnicLink

ADDRESS_PREF, LINK_PREF = 150, 200


@dataclass(frozen=True, slots=True)
class PolicyRules:
    """The policy rules of a link in its VCN's namespace, as texts for ``ip rule``."""

    four: frozenset[str] = frozenset()
    six: frozenset[str] = frozenset()


def policy_rules(
    link: VnicLink, name: str, number: Callable[[str], int]
) -> PolicyRules:
    """Return the policy rules of a VNIC.

    Args:
        link: the VNIC.
        name: its link in the VCN's namespace.
        number: returns the kernel's number of a route table.
    """
    everything = _only(LINK_PREF, f"iif {name}", number(link.route_table_id))
    four, six = list(everything), list(everything) if link.ipv6_router else []
    for cidr, table_id in link.address_tables:
        rules = _only(ADDRESS_PREF, f"from {cidr} iif {name}", number(table_id))
        (six if ":" in cidr else four).extend(rules)
    return PolicyRules(frozenset(four), frozenset(six))


def _only(pref: int, packets: str, table: int) -> tuple[str, str]:
    """Return the rules that make packets use one table and no other."""
    return (
        f"pref {pref} {packets} lookup {table}",
        f"pref {pref + 1} {packets} blackhole",
    )
