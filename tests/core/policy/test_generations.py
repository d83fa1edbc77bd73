"""Which changes of rules make live connections be judged again."""

import pytest

from vcnd.core.policy.generations import NUMBERS, Generations
from vcnd.core.policy.rule_set import Chain, Kind, Line, Match, NamedSet, RuleSet
from vcnd.model.family import Family
from vcnd.model.policy import Action, Direction

IN, OUT = Direction.INGRESS, Direction.EGRESS


def chain(action: Action = Action.ACCEPT, direction: Direction = IN) -> Chain:
    line = Line(Match(family=Family.IPV4, peers="peers"), action)
    return Chain(direction=direction, lines=(line,), otherwise=Action.DENY)


def rules(peers: str, **chains: Chain) -> RuleSet:
    members = NamedSet(
        kind=Kind.ADDRESSES, family=Family.IPV4, elements=frozenset(peers)
    )
    return RuleSet(chains=chains, sets={"peers": members})


def many(number: int, peers: str = "ab") -> RuleSet:
    return rules(peers, **{f"in_{n}": chain() for n in range(number)})


@pytest.mark.parametrize(
    ("action", "now", "anew"),
    [
        (Action.ACCEPT, "a", True),
        (Action.ACCEPT, "abc", False),
        (Action.DENY, "a", False),
        (Action.DENY, "abc", True),
        (Action.PASS, "a", True),
        (Action.PASS, "abc", True),
        *((action, "ba", False) for action in Action),
    ],
)
def test_what_a_set_loses_or_gains_counts(
    action: Action, now: str, *, anew: bool
) -> None:
    before = Generations().after(rules("ab", x=chain(action)))
    after = before.after(rules(now, x=chain(action)))
    assert (after.numbers != before.numbers) == anew


def test_other_lines_count_and_only_for_their_chain() -> None:
    before = Generations().after(rules("ab", x=chain(), y=chain()))
    after = before.after(rules("ab", x=chain(Action.DENY), y=chain()))
    assert after.numbers["x"] not in before.numbers.values()
    assert after.numbers["y"] == before.numbers["y"]


def test_directions_have_numbers_of_their_own() -> None:
    made = Generations().after(rules("ab", x=chain(), y=chain(direction=OUT)))
    assert made.numbers == {"x": 1, "y": 1}


def test_all_numbers_are_stale_at_the_start_but_those_in_force() -> None:
    """The connections of an earlier process carry them."""
    made = Generations(taken={IN: frozenset([1, 2])}).after(many(1))
    assert made.numbers == {"in_0": 3}
    assert made.stale == {IN: NUMBERS - {1, 2}}
    then = made.after(many(2))
    assert not then.stale
    assert then.numbers == {"in_0": 3, "in_1": 4}


def test_a_number_is_taken_off_before_it_is_used_again() -> None:
    """Whoever carries it was accepted by other rules."""
    made = Generations()
    dirty: set[int] = set(NUMBERS)
    for turn in range(1000):
        before = made
        made = before.after(many(9, "ab" if turn % 2 else "cd"))
        dirty -= made.stale.get(IN, frozenset())
        assert before.taken.get(IN, frozenset()).isdisjoint(made.stale.get(IN, ()))
        numbers = set(made.numbers.values())
        assert len(numbers) == 9
        assert dirty.isdisjoint(numbers)
        dirty |= numbers


def test_chains_without_a_number_where_there_are_too_many() -> None:
    made = Generations().after(many(300))
    assert set(made.numbers.values()) == NUMBERS
    changed = made.after(many(300, "a"))
    assert not changed.numbers  # all are in force while the rules are changed
    again = changed.after(many(300, "a"))
    assert len(again.numbers) == len(NUMBERS)
    assert again.stale == {IN: NUMBERS}
