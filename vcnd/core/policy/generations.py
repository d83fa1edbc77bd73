"""Which live connections have to be judged again.

Each chain has a number, and a connection carries the number of the chain that accepted
it.  While both are equal the connection's packets are not judged.  A chain gets another
number when it might now deny what it accepted before; so each live connection is judged
once more at its next packet.
"""

from collections.abc import Mapping

import msgspec

from vcnd.core.policy.rule_set import Line, RuleSet
from vcnd.model.policy import Action, Direction

NUMBERS = frozenset(range(1, 256))
"""What eight bits hold; 0 is the number of connections that no chain has accepted."""


class Generations(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of the chains in force.

    No two chains of a direction have the same number, so a pod that moves to another
    chain takes no connection along.  A number that a chain had before is not used
    again before it is taken off all connections (``stale``).
    """

    taken: Mapping[Direction, frozenset[int]] = {}
    """Numbers that the rules in force give to connections."""
    rules: RuleSet = RuleSet()
    numbers: Mapping[str, int] = {}
    """Of the chains, by name.  Without one each packet is judged: where there are more
    chains than numbers, or where too many change at once."""
    clean: Mapping[Direction, frozenset[int]] = {}
    """Numbers that no connection carries."""
    stale: Mapping[Direction, frozenset[int]] = {}
    """Numbers to take off all connections before these rules come into force."""

    def after(self, rules: RuleSet) -> "Generations":
        """Return the numbers for other rules; they count once the rules are in force.

        Args:
            rules: what comes after these.
        """
        changes = _Changes(self.rules, rules)
        numbers: dict[str, int] = {}
        clean, stale, taken = {}, {}, {}
        for direction in Direction:
            chains = {n for n, c in rules.chains.items() if c.direction is direction}
            kept = {
                name: self.numbers[name]
                for name in chains & self.numbers.keys()
                if not changes.judges_anew(name)
            }
            missing = sorted(chains - kept.keys())
            unused = NUMBERS - self.taken.get(direction, frozenset())
            free = self.clean.get(direction, frozenset())
            if len(missing) > len(free):
                stale[direction], free = unused - free, unused
            kept |= zip(missing, sorted(free), strict=False)
            numbers |= kept
            taken[direction] = frozenset(kept.values())
            clean[direction] = free - taken[direction]
        return Generations(
            taken=taken, rules=rules, numbers=numbers, clean=clean, stale=stale
        )


class _Changes:
    """What differs between two rule sets."""

    def __init__(self, old: RuleSet, new: RuleSet) -> None:
        self._old, self._new = old.chains, new.chains
        both = old.sets.keys() & new.sets.keys()
        pairs = {n: (old.sets[n].elements, new.sets[n].elements) for n in both}
        self._lost = {name for name, (before, now) in pairs.items() if before - now}
        self._gained = {name for name, (before, now) in pairs.items() if now - before}

    def judges_anew(self, name: str) -> bool:
        """Return True if a chain may now deny what it accepted before."""
        chain = self._new[name]
        return chain != self._old.get(name) or any(
            self._may_deny(line) for line in (*chain.admin, *chain.lines)
        )

    def _may_deny(self, line: Line) -> bool:
        """Return True if a line accepts less, or denies or passes on more, or less."""
        names = {line.match.peers, line.match.port_of}
        return bool(
            (line.action is not Action.DENY and names & self._lost)
            or (line.action is not Action.ACCEPT and names & self._gained)
        )
