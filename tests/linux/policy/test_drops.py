"""What a drop's prefix and a counter's name say, and that both can be read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vcnd.core.policy.drops import Counted, Drop, Why
from vcnd.core.policy.rule_set import SHORT, Chain, Line, Match
from vcnd.linux.policy.drops import (
    Drops,
    counter_name,
    counters_of,
    prefix,
    read_counter,
    read_prefix,
)
from vcnd.model.policy import Action, Direction, PolicyRef, Tier

LONGEST_PREFIX = 127
"""NF_LOG_PREFIXLEN of the kernel, without its NUL."""


@st.composite
def drops(draw: st.DrawFn) -> Drop:
    direction, why = draw(st.sampled_from(Direction)), draw(st.sampled_from(Why))
    of_chain = why in (Why.RULE, Why.ISOLATED)
    chain = f"{SHORT[direction]}_{draw(st.integers(0, 1 << 80)):020x}"
    of = draw(st.none() | st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)))
    return Drop(
        direction=direction,
        why=why,
        chain=chain if of_chain else "",
        of=of if why is Why.RULE else None,
    )


@given(drops())
def test_a_prefix_says_where_a_packet_was_dropped(drop: Drop) -> None:
    text = prefix(drop)
    assert read_prefix(text) == drop
    assert len(text) <= LONGEST_PREFIX


@given(st.text() | st.text(alphabet="vcnd ruleinotsa_0123456789²"))
def test_any_other_prefix_is_refused_or_a_drop(text: str) -> None:
    read_prefix(text)
    read_prefix(f"vcnd rule {text}")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "vcnd",
        "vcnd rule",
        "other rule in_x",
        "vcnd what in_x",
        "vcnd rule in_x 1",
        "vcnd rule in_x 1 2 3",
        "vcnd rule in_x 1 b",
        "vcnd rule sideways_x",
    ],
)
def test_a_prefix_of_others_is_no_drop(text: str) -> None:
    assert read_prefix(text) is None


@given(drops(), st.sampled_from(["", "default", "kube-system", "in", "a" * 63]))
def test_a_counter_says_what_it_counts(drop: Drop, namespace: str) -> None:
    for why in (drop.why, None):
        counted = Counted(
            direction=drop.direction, why=why, chain=drop.chain, namespace=namespace
        )
        assert read_counter(counter_name(counted)) == counted


@pytest.mark.parametrize("name", ["", "accepted", "other_in", "rule_x", "_in"])
def test_a_counter_of_others_is_none(name: str) -> None:
    assert read_counter(name) is None


DENY = Line(Match(), Action.DENY, (0, 1))
CHAIN = Chain(direction=Direction.EGRESS, admin=(DENY, DENY), otherwise=Action.ACCEPT)


def test_without_a_rate_nothing_is_logged_and_all_is_counted() -> None:
    drop = Drop(direction=Direction.EGRESS, why=Why.RULE, chain="out_x", of=(0, 1))
    made = Drops(0)
    assert made.verdict(drop) == 'counter name "rule_out_x" drop'
    assert list(made.chains([drop])) == []
    assert not any("limit" in x for x in made.objects({"out_x": CHAIN}))


def test_rules_with_the_same_reason_share_a_chain() -> None:
    drop = Drop(direction=Direction.EGRESS, why=Why.RULE, chain="out_x", of=(0, 1))
    lines = list(Drops(1).chains([drop, drop]))
    assert lines[0] == "  chain deny_out_x_0_1 {"
    assert len(lines) == 4


def test_a_line_that_does_not_say_its_rule_is_dropped_too() -> None:
    drop = Drop(direction=Direction.EGRESS, why=Why.RULE, chain="out_x")
    assert Drops(1).verdict(drop) == "goto deny_out_x"
    assert 'prefix "vcnd rule out_x"' in "".join(Drops(1).chains([drop]))


def test_the_counters_of_rules() -> None:
    pods = {"held_in", "held_out", "unknown_in", "unknown_out"}
    found = set(counters_of({"out_x": CHAIN}))
    assert found == pods | {"accepted_out_x", "rule_out_x"}


def test_counters_name_the_only_namespace_of_a_chain() -> None:
    refs = PolicyRef(Tier.ADMIN, "", "all"), PolicyRef(Tier.NAMESPACE, "blue", "p")
    chain = Chain(direction=Direction.INGRESS, policies=refs, otherwise=Action.DENY)
    found = set(counters_of({"in_x": chain}))
    assert {"accepted_in_x.blue", "isolated_in_x.blue"} <= found
