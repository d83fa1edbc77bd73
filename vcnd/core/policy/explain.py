"""A decision about one side of a connection in plain sentences."""

from vcnd.core.policy.judge import Decision, Ground, RuleRef
from vcnd.core.policy.words import policy_name, policy_names
from vcnd.model.policy import Direction

WITHOUT_POLICY = {
    Ground.ITSELF: "Pod {pod} may always talk to itself.",
    Ground.NODE: "Pod {pod} and its node may always talk to each other.",
    Ground.HELD: "Pod {pod} is closed: the labels of its namespace are not known yet.",
    Ground.NOTHING: "No policy decides about {side}, so it is allowed.",
}


def reasons(decision: Decision) -> list[str]:
    """Return why one side is allowed or denied, after the rules that passed it on.

    Rules are counted from 1, in their policy's list of the direction.
    """
    preposition = "to" if decision.direction is Direction.INGRESS else "of"
    side = f"{decision.direction.lower()} {preposition} pod {decision.pod}"
    reasons = [
        f"{_rule(rule, decision.direction)} passes {side} to the next tier."
        for rule in decision.passed
    ]
    if decision.rule is not None:
        verb = "allows" if decision.allowed else "denies"
        reasons.append(f"{_rule(decision.rule, decision.direction)} {verb} {side}.")
    elif decision.isolating:
        policies = ", ".join(policy_names(decision.isolating))
        reasons.append(f"No rule allows {side}. The pod is isolated by {policies}.")
    else:
        text = WITHOUT_POLICY[decision.ground]
        reasons.append(text.format(pod=decision.pod, side=side))
    return reasons


def _rule(rule: RuleRef, direction: Direction) -> str:
    """Return the name of a rule, to begin a sentence.

    Its own name may have any characters, so it is quoted: it may not move a cursor.
    """
    name = f" ({rule.name!r})" if rule.name else ""
    return f"{direction} rule {rule.index + 1}{name} of {policy_name(rule.policy)}"
