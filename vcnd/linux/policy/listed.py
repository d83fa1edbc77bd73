"""What the listed table of network policies does with one pod's packets.  Pure."""

from collections.abc import Sequence
from typing import Any

from vcnd.core.policy.drops import Why
from vcnd.core.policy.rule_set import HOLD
from vcnd.linux.nft_listed import ListedChain, ListedTable
from vcnd.linux.policy.drops import read_counter
from vcnd.linux.policy.table import INGRESS_MAPS, chain_of
from vcnd.model.family import family_of
from vcnd.model.policy import Direction
from vcnd.model.policy_answers import Counts, WayInForce

HELD = frozenset(chain_of(HOLD, direction) for direction in Direction)
"""The chains of pods that are held."""


def in_force(
    table: ListedTable, link: str, addresses: Sequence[str]
) -> dict[Direction, WayInForce]:
    """Return what is in force for a pod.

    Args:
        table: as it is listed.
        link: the pod's.
        addresses: the pod's; the first one counts, all have the same chain.
    """
    keys = {Direction.EGRESS: ("egress", link)}
    if addresses:
        first = addresses[0]
        keys[Direction.INGRESS] = INGRESS_MAPS[family_of(first)], first
    return {
        direction: _way(table, direction, *keys.get(direction, ("", "")))
        for direction in Direction
    }


def _way(table: ListedTable, direction: Direction, name: str, key: str) -> WayInForce:
    members = table.members.get(name)
    found = None if members is None else members.find(key)
    match found:
        case ({"jump": {"target": chain}},) if chain in table.chains:
            return WayInForce(
                chain=chain,
                number=_number(table.chains[chain]),
                counts=_counts(table, direction, chain),
            )
        case _:
            return WayInForce()


def _number(chain: ListedChain) -> int | None:
    """Return the number that connections have which a chain accepted."""
    for rule in chain.rules:
        match list(rule.expressions):
            case [{"match": {"left": left, "right": int(mark)}}, {"accept": None}]:
                mask = _mask(left)
                if mask:
                    return mark // (mask & -mask)
            case _:
                pass
    return None


def _mask(left: Any) -> int:
    match left:
        case {"&": [{"ct": {"key": "mark"}}, int(mask)]}:
            return mask
        case _:
            return 0


def _counts(table: ListedTable, direction: Direction, chain: str) -> Counts | None:
    """Return what a chain's counters have counted; None: it has none."""
    # All pods that are held share a counter in each direction, which has no chain.
    is_held = chain in HELD
    accepted, denied = list[int](), list[int]()
    for name, value in table.counters.items():
        counted = read_counter(name)
        if counted is None or counted.direction is not direction:
            continue
        if counted.chain != ("" if is_held else chain):
            continue
        if counted.why is None:
            accepted.append(value.packets)
        elif is_held is (counted.why is Why.HELD):
            denied.append(value.packets)
    if not accepted and not denied:
        return None
    return Counts(accepted=sum(accepted), denied=sum(denied))
