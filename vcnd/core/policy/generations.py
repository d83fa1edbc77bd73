"""Which live connections have to be judged again.

Each chain has a number, and a connection carries the number of the chain that accepted
it.  While both are equal the connection's packets are not judged.  A chain gets another
number when it might now deny what it accepted before; so each live connection is judged
once more at its next packet.

A pod that goes, or gets other labels, leaves sets of many chains.  There it is the
connections of its addresses that lose their numbers, and the chains keep theirs.
"""

from collections.abc import Mapping

import msgspec

from vcnd.core.policy.rule_set import Element, Line, RuleSet
from vcnd.model.policy import Action, Direction

OF_OPEN = 255
"""The number of connections that ``OPEN`` accepts."""
OF_OTHERS = 254
"""The number of connections that are judged at each packet: their chain has none of its
own, or a pod talks to itself."""
NUMBERS = frozenset(range(1, OF_OTHERS))
"""Those of chains.  Eight bits hold more; 0 says that nothing has accepted."""
MOST_ADDRESSES = 64
"""Where sets lose or gain more of them at once, their chains get other numbers."""


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
    again: frozenset[str] = frozenset()
    """Addresses, to whose connections the rules might now deny what they accepted: all
    numbers are to be taken off these, once the rules are in force."""
    judges_anew: bool = True
    """Whether live connections are judged once more as soon as the rules are in force:
    they might deny what those before accepted, but to ``again``."""

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
            taken=taken,
            rules=rules,
            numbers=numbers,
            clean=clean,
            stale=stale,
            again=changes.addresses or frozenset(),
            judges_anew=self._judges_anew(rules, numbers),
        )

    def _judges_anew(self, rules: RuleSet, numbers: Mapping[str, int]) -> bool:
        """Return True unless all pods keep their chains, with the same numbers."""
        before = self.rules
        ways = ((before.egress, rules.egress), (before.ingress, rules.ingress))
        return not (
            before.egress
            and all(old.items() <= new.items() for old, new in ways)
            and before.chains.keys() <= self.numbers.keys()
            and self.numbers.items() <= numbers.items()
        )

    def unsure(self, given: Mapping[Direction, frozenset[int]]) -> "Generations":
        """Return what to go on from where nobody knows which rules are in force.

        A step failed on the way to others.  Each chain that follows gets a number that
        neither these rules give, nor those that the kernel has: what either accepted
        is judged once more.

        Args:
            given: the numbers that the kernel's rules give to connections.
        """
        taken = {
            direction: self.taken.get(direction, frozenset())
            | given.get(direction, frozenset())
            for direction in Direction
        }
        return Generations(taken=taken)


class _Changes:
    """What differs between two rule sets."""

    def __init__(self, old: RuleSet, new: RuleSet) -> None:
        self._old, self._new = old.chains, new.chains
        pairs = {
            name: (old.sets[name].elements, there.elements)
            for name, there in new.sets.items()
            if name in old.sets and there is not old.sets[name]
        }
        lost = {name: before - now for name, (before, now) in pairs.items()}
        gained = {name: now - before for name, (before, now) in pairs.items()}
        self._lost = {name for name, some in lost.items() if some}
        self._gained = {name for name, some in gained.items() if some}
        self.addresses = self._addresses(lost, gained)
        """Those that sets have lost or gained; None: too many."""

    def _addresses(
        self,
        lost: Mapping[str, frozenset[Element]],
        gained: Mapping[str, frozenset[Element]],
    ) -> frozenset[str] | None:
        denying = self._denying() if self._gained else frozenset()
        counting = [*lost.values(), *(x for n, x in gained.items() if n in denying)]
        if any(len(some) > MOST_ADDRESSES for some in counting):
            return None
        found = frozenset(
            element if isinstance(element, str) else element[0]
            for some in counting
            for element in some
        )
        return found if len(found) <= MOST_ADDRESSES else None

    def _denying(self) -> frozenset[str]:
        """Return the sets whose elements some line may not accept."""
        return frozenset(
            name
            for chain in self._new.values()
            for line in (*chain.admin, *chain.lines)
            if line.action is not Action.ACCEPT
            for name in (line.match.peers, line.match.port_of)
        )

    def judges_anew(self, name: str) -> bool:
        """Return True if a chain may now deny what it accepted before.

        The connections of ``addresses`` do not count.
        """
        chain, before = self._new[name], self._old.get(name)
        if chain is not before and chain != before:
            return True
        return self.addresses is None and any(
            self._may_deny(line) for line in (*chain.admin, *chain.lines)
        )

    def _may_deny(self, line: Line) -> bool:
        """Return True if a line accepts less, or denies or passes on more, or less."""
        names = {line.match.peers, line.match.port_of}
        return bool(
            (line.action is not Action.DENY and names & self._lost)
            or (line.action is not Action.ACCEPT and names & self._gained)
        )
