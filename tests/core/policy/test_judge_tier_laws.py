"""Laws of the tiers, for all policies and packets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.policy.questions import (
    Question,
    decisions,
    judge_all,
    outcomes,
    questions,
    with_policies,
    without_tier,
)
from vcnd.core.policy.judge import Ground
from vcnd.model.policy import (
    Action,
    Pods,
    Policy,
    PolicyRef,
    Rule,
    Tier,
)

pytestmark = pytest.mark.slow

ALWAYS = (Ground.ITSELF, Ground.NODE)


def everything(tier: Tier, action: Action, priority: int = -1) -> Policy:
    """Return a policy of one rule about everything in both directions."""
    rules = (Rule(action=action),)
    return Policy(
        ref=PolicyRef(tier, "", "everything"),
        subject=Pods(),
        priority=priority,
        ingress=rules,
        egress=rules,
    )


@given(questions(), st.sampled_from([Action.ACCEPT, Action.DENY]))
def test_first_rule_of_admin_about_everything_decides(
    question: Question, action: Action
) -> None:
    cluster, packets = question
    decided = with_policies(cluster, everything(Tier.ADMIN, action))
    for decision in decisions(decided, packets):
        accepts = action is Action.ACCEPT or decision.ground in ALWAYS
        assert decision.allowed == accepts


@given(questions())
def test_first_rule_that_passes_leaves_out_its_tier(question: Question) -> None:
    cluster, packets = question
    for tier in (Tier.ADMIN, Tier.BASELINE):
        passing = with_policies(cluster, everything(tier, Action.PASS))
        expected = judge_all(without_tier(cluster, tier), packets)
        assert outcomes(judge_all(passing, packets)) == outcomes(expected)


@given(questions())
def test_last_rule_that_passes_changes_nothing(question: Question) -> None:
    cluster, packets = question
    for tier in (Tier.ADMIN, Tier.BASELINE):
        passing = with_policies(cluster, everything(tier, Action.PASS, priority=99))
        assert outcomes(judge_all(passing, packets)) == outcomes(
            judge_all(cluster, packets)
        )


@given(questions())
def test_last_rule_of_baseline_about_everything_is_the_default(
    question: Question,
) -> None:
    cluster, packets = question
    cluster = without_tier(cluster, Tier.BASELINE)
    denying = everything(Tier.BASELINE, Action.DENY)
    before = decisions(cluster, packets)
    after = decisions(with_policies(cluster, denying), packets)
    for was, now in zip(before, after, strict=True):
        assert now.allowed == (was.allowed and was.ground is not Ground.NOTHING)
