"""Which changes of rules make live connections be judged again."""

import pytest
from msgspec.structs import replace

from vcnd.core.policy.generations import MOST_ADDRESSES, NUMBERS, Generations
from vcnd.core.policy.rule_set import (
    OPEN,
    Chain,
    Kind,
    Line,
    Match,
    NamedSet,
    RuleSet,
)
from vcnd.model.family import Family
from vcnd.model.policy import Action, Direction, Protocol

IN, OUT = Direction.INGRESS, Direction.EGRESS


def chain(action: Action = Action.ACCEPT, direction: Direction = IN) -> Chain:
    line = Line(Match(family=Family.IPV4, peers="peers"), action)
    return Chain(direction=direction, lines=(line,), otherwise=Action.DENY)


def rules(peers: str, **chains: Chain) -> RuleSet:
    members = NamedSet(
        kind=Kind.ADDRESSES, family=Family.IPV4, elements=frozenset(peers)
    )
    return RuleSet(chains=chains, sets={"peers": members})


def many(number: int, action: Action = Action.ACCEPT) -> RuleSet:
    return rules("ab", **{f"in_{n}": chain(action) for n in range(number)})


CHANGES = [
    (Action.ACCEPT, "a", True),
    (Action.ACCEPT, "abc", False),
    (Action.DENY, "abc", True),
    (Action.PASS, "a", True),
    (Action.PASS, "abc", True),
    *((action, "ba", False) for action in Action),
]


@pytest.mark.parametrize(("action", "now", "anew"), CHANGES)
def test_what_a_set_loses_or_gains_counts(
    action: Action, now: str, *, anew: bool
) -> None:
    """A few addresses: their connections lose the numbers, and the chain keeps its."""
    before = Generations().after(rules("ab", x=chain(action)))
    after = before.after(rules(now, x=chain(action)))
    assert after.again == ({*"ab"} ^ {*now} if anew else set())
    assert after.numbers == before.numbers
    assert not after.after(after.rules).again


RUN = range(MOST_ADDRESSES + 1)
MANY = {"a": "a", "b": "".join(chr(1000 + n) for n in RUN)}
MANY["c"] = "".join(chr(2000 + n) for n in RUN)


@pytest.mark.parametrize(
    ("action", "now", "anew"), [*CHANGES, (Action.DENY, "a", False)]
)
def test_a_chain_gets_another_number_where_many_addresses_change(
    action: Action, now: str, *, anew: bool
) -> None:
    first, then = ("".join(MANY[x] for x in some) for some in ("ab", now))
    before = Generations().after(rules(first, x=chain(action)))
    after = before.after(rules(then, x=chain(action)))
    assert (after.numbers != before.numbers) == anew
    assert not after.again


def test_an_address_of_a_named_port_counts_as_one() -> None:
    def made(*numbers: int) -> RuleSet:
        elements = frozenset(("10.0.0.1", Protocol.TCP, n) for n in numbers)
        members = NamedSet(kind=Kind.PORTS, family=Family.IPV4, elements=elements)
        line = Line(Match(family=Family.IPV4, port_of="ports"), Action.ACCEPT)
        one = Chain(direction=OUT, lines=(line,), otherwise=Action.DENY)
        return RuleSet(chains={"x": one}, sets={"ports": members})

    after = Generations().after(made(80, 81)).after(made(80))
    assert after.again == {"10.0.0.1"}


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
        action = Action.ACCEPT if turn % 2 else Action.DENY
        made = before.after(many(9, action))
        dirty -= made.stale.get(IN, frozenset())
        assert before.taken.get(IN, frozenset()).isdisjoint(made.stale.get(IN, ()))
        numbers = set(made.numbers.values())
        assert len(numbers) == 9
        assert dirty.isdisjoint(numbers)
        dirty |= numbers


def test_chains_without_a_number_where_there_are_too_many() -> None:
    made = Generations().after(many(300))
    assert set(made.numbers.values()) == NUMBERS
    changed = made.after(many(300, Action.DENY))
    assert not changed.numbers  # all are in force while the rules are changed
    again = changed.after(many(300, Action.DENY))
    assert len(again.numbers) == len(NUMBERS)
    assert again.stale == {IN: NUMBERS}


POD_HERE = rules("ab", x=chain(), y=chain())
POD_HERE = replace(POD_HERE, egress={"oci1": OPEN}, ingress={"10.0.0.1": "x"})


@pytest.mark.parametrize(
    ("then", "anew"),
    [
        pytest.param(POD_HERE, False, id="nothing"),
        pytest.param(
            replace(POD_HERE, sets=rules("abc").sets), False, id="a pod elsewhere comes"
        ),
        pytest.param(
            replace(POD_HERE, sets=rules("a").sets), False, id="a pod elsewhere goes"
        ),
        pytest.param(
            replace(POD_HERE, egress={"oci1": OPEN, "oci2": OPEN}),
            False,
            id="a pod comes",
        ),
        pytest.param(replace(POD_HERE, ingress={}), True, id="a pod goes"),
        pytest.param(
            replace(POD_HERE, ingress={"10.0.0.1": "y"}), True, id="a pod moves"
        ),
        pytest.param(
            replace(POD_HERE, chains=rules("ab", x=chain(Action.DENY)).chains),
            True,
            id="a policy changes",
        ),
    ],
)
def test_live_connections_are_judged_anew_where_they_might_be_denied(
    then: RuleSet, *, anew: bool
) -> None:
    before = Generations().after(POD_HERE)
    assert before.after(then).judges_anew is anew


def test_live_connections_are_judged_anew_where_nobody_knows_the_rules() -> None:
    assert Generations().after(POD_HERE).judges_anew
    assert Generations().after(POD_HERE).unsure({}).after(POD_HERE).judges_anew


def test_live_connections_of_chains_without_a_number_are_judged_anew() -> None:
    full = replace(
        POD_HERE, chains={**POD_HERE.chains, **many(len(NUMBERS) + 1).chains}
    )
    assert Generations().after(full).after(full).judges_anew
