"""How rules drop packets: they count each, and log some.  Pure.

Counters have names, so that they count on while the rules change, and after the
process has ended.  A packet is logged to a group of NFLOG with a prefix that says where
it was dropped.  The kernel itself limits how many: those of all rules together, and of
one rule half as many, so that a single pod's packets do not hide all others'.
"""

from collections.abc import Iterable, Iterator, Mapping

from vcnd.core.policy.drops import Counted, Drop, Why
from vcnd.core.policy.rule_set import SHORT, Chain
from vcnd.linux.nft_table import COUNTER, LIMIT, Filled
from vcnd.linux.nft_text import chain
from vcnd.model.policy import Action, Direction

GROUP = 30307
"""Of NFLOG; "vc" in ASCII, as no number is anybody's."""
HEADER_BYTES = 128
"""So much of a packet is logged: its headers."""
START = "vcnd"
ACCEPTED = "accepted"
DIRECTIONS = {word: direction for direction, word in SHORT.items()}
"""By the word that the names of pods' chains begin with."""


def counter_name(counted: Counted) -> str:
    """Return a counter's name: it says all that is told of it, in a later life, too."""
    place = counted.chain or SHORT[counted.direction]
    of = f".{counted.namespace}" if counted.namespace else ""
    return f"{counted.why or ACCEPTED}_{place}{of}"


def read_counter(name: str) -> Counted | None:
    """Return what a counter counts; None: it is none of ours."""
    kind, _, rest = name.partition("_")
    place, _, namespace = rest.partition(".")
    direction = DIRECTIONS.get(place.partition("_")[0])
    why = None if kind == ACCEPTED else _why(kind)
    if direction is None or (why is None and kind != ACCEPTED):
        return None
    return Counted(
        direction=direction,
        why=why,
        chain="" if place in DIRECTIONS else place,
        namespace=namespace,
    )


def prefix(drop: Drop) -> str:
    """Return the prefix of a drop's packets."""
    words = [START, drop.why, drop.chain or SHORT[drop.direction]]
    return " ".join([*words, *map(str, drop.of or ())])


def read_prefix(text: str) -> Drop | None:
    """Return where a packet with this prefix was dropped; None: by nothing of ours."""
    match text.split(" "):
        case [start, kind, place, *of] if start == START:
            why, direction = _why(kind), DIRECTIONS.get(place.partition("_")[0])
            numbers = [int(x) for x in of if x.isascii() and x.isdigit()]
            if why is None or direction is None or len(numbers) != len(of):
                return None
            if len(numbers) not in (0, 2):
                return None
            return Drop(
                direction=direction,
                why=why,
                chain="" if place in DIRECTIONS else place,
                of=(numbers[0], numbers[1]) if numbers else None,
            )
        case _:
            return None


def _why(word: str) -> Why | None:
    return Why(word) if word in list(Why) else None


class Drops:
    """The text of drops, as one table has it."""

    def __init__(self, per_second: int) -> None:
        """Make it.

        Args:
            per_second: so many packets are logged at most; 0: none.
        """
        self._per_second = per_second
        self._limit = f"denied_{per_second}"
        """A limit keeps its rate, so another rate is another limit."""

    def objects(self, chains: Mapping[str, Chain]) -> dict[str, Filled]:
        """Return the limit that rules share, and the counters, by name."""
        found = {name: Filled(COUNTER, "") for name in counters_of(chains)}
        if self._per_second:
            rate = f"rate {self._per_second}/second burst {self._per_second} packets;"
            found[self._limit] = Filled(LIMIT, rate)
        return found

    def rules(self, drop: Drop, namespace: str = "") -> list[str]:
        """Return the rules that drop a packet.

        Args:
            drop: where, and why.
            namespace: that of all of the chain's pods.
        """
        counted = Counted(
            direction=drop.direction,
            why=drop.why,
            chain=drop.chain,
            namespace=namespace,
        )
        dropping = f'counter name "{counter_name(counted)}" drop'
        if not self._per_second:
            return [dropping]
        share = max(1, self._per_second // 2)
        rate = f"{share}/second burst {share} packets"
        logging = (
            f'limit rate {rate} limit name "{self._limit}"'
            f' log prefix "{prefix(drop)}" group {GROUP} snaplen {HEADER_BYTES}'
        )
        return [logging, dropping]

    def verdict(self, drop: Drop, namespace: str = "") -> str:
        """Return what a rule with a condition does, to drop a packet."""
        if not self._per_second:
            return self.rules(drop, namespace)[0]
        return f"goto {_chain_name(drop)}"

    def chains(self, drops: Iterable[Drop], namespace: str = "") -> Iterator[str]:
        """Yield the chains that ``verdict`` leads to."""
        for drop in dict.fromkeys(drops) if self._per_second else ():
            yield from chain(_chain_name(drop), *self.rules(drop, namespace))


def _chain_name(drop: Drop) -> str:
    place = "_".join(map(str, drop.of or ()))
    return f"deny_{drop.chain}_{place}" if place else f"deny_{drop.chain}"


def counters_of(chains: Mapping[str, Chain]) -> Iterator[str]:
    """Yield the names of a table's counters."""
    for direction in Direction:
        for why in (Why.HELD, Why.UNKNOWN):
            yield counter_name(Counted(direction=direction, why=why))
    for name, judging in chains.items():
        for reason in _reasons(judging):
            yield counter_name(counted_of(name, judging, reason))


def counted_of(name: str, judging: Chain, why: Why | None) -> Counted:
    """Return what a counter of a chain counts."""
    return Counted(
        direction=judging.direction,
        why=why,
        chain=name,
        namespace=judging.namespace,
    )


def _reasons(judging: Chain) -> list[Why | None]:
    """Return what is counted of a chain."""
    found: list[Why | None] = [None]
    if any(x.action is Action.DENY for x in (*judging.admin, *judging.lines)):
        found.append(Why.RULE)
    if judging.otherwise is Action.DENY:
        found.append(Why.ISOLATED)
    return found
