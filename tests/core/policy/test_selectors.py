"""Selectors: the four operators, and all requirements together."""

import pytest
from hypothesis import given

from tests.core.policy import strategies
from vcnd.core.policy.selectors import matches
from vcnd.model.policy import EVERYTHING, Labels, Operator, Requirement, Selector

IS_WEB = Requirement("app", Operator.IN, frozenset({"web"}))
IS_WEB_OR_DB = Requirement("app", Operator.IN, frozenset({"web", "db"}))
IS_NOT_WEB = Requirement("app", Operator.NOT_IN, frozenset({"web"}))
IS_NAMED = Requirement("app", Operator.EXISTS)
IS_NOT_NAMED = Requirement("app", Operator.DOES_NOT_EXIST)
IS_OURS = Requirement("team", Operator.IN, frozenset({"shop"}))


@pytest.mark.parametrize(
    ("requirements", "labels", "expected"),
    [
        ((), {}, True),
        ((), {"app": "web"}, True),
        ((IS_WEB,), {"app": "web"}, True),
        ((IS_WEB,), {"app": "db"}, False),
        ((IS_WEB,), {}, False),
        ((IS_WEB,), {"team": "web"}, False),
        ((IS_WEB,), {"app": ""}, False),
        ((IS_WEB_OR_DB,), {"app": "db"}, True),
        ((IS_NOT_WEB,), {"app": "web"}, False),
        ((IS_NOT_WEB,), {"app": "db"}, True),
        ((IS_NOT_WEB,), {}, True),
        ((IS_NAMED,), {"app": ""}, True),
        ((IS_NAMED,), {"team": "shop"}, False),
        ((IS_NOT_NAMED,), {"app": ""}, False),
        ((IS_NOT_NAMED,), {"team": "shop"}, True),
        ((IS_WEB, IS_OURS), {"app": "web", "team": "shop"}, True),
        ((IS_WEB, IS_OURS), {"app": "web"}, False),
        ((IS_WEB, IS_NOT_NAMED), {"app": "web"}, False),
    ],
)
def test_selector_matches_where_each_requirement_holds(
    requirements: tuple[Requirement, ...], labels: Labels, expected: bool
) -> None:
    assert matches(Selector(frozenset(requirements)), labels) is expected


@given(strategies.labels())
def test_empty_selector_matches_everything(labels: Labels) -> None:
    assert matches(EVERYTHING, labels)


@given(strategies.selectors(), strategies.selectors(), strategies.labels())
def test_joined_selector_matches_what_both_match(
    one: Selector, other: Selector, labels: Labels
) -> None:
    joined = Selector(one.requirements | other.requirements)
    assert matches(joined, labels) == (matches(one, labels) and matches(other, labels))


@pytest.mark.parametrize(
    ("operator", "opposite"),
    [
        (Operator.IN, Operator.NOT_IN),
        (Operator.EXISTS, Operator.DOES_NOT_EXIST),
    ],
)
@given(labels=strategies.labels())
def test_operators_are_opposites(
    operator: Operator, opposite: Operator, labels: Labels
) -> None:
    values = frozenset({"a"}) if operator is Operator.IN else frozenset[str]()
    one, other = (
        Selector(frozenset({Requirement("app", o, values)}))
        for o in (operator, opposite)
    )
    assert matches(one, labels) is not matches(other, labels)
