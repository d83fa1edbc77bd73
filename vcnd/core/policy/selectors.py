"""Which labels a selector matches."""

from vcnd.model.policy import Labels, Operator, Requirement, Selector


def matches(selector: Selector, labels: Labels) -> bool:
    """Return True if labels satisfy every requirement of a selector."""
    # all() with a generator takes three times as long, ten thousand times.
    for requirement in selector.requirements:  # noqa: SIM110
        if not _holds(requirement, labels):
            return False
    return True


def _holds(requirement: Requirement, labels: Labels) -> bool:
    """Return True if labels satisfy a requirement."""
    key, values = requirement.key, requirement.values
    match requirement.operator:
        case Operator.IN:
            return key in labels and labels[key] in values
        case Operator.NOT_IN:
            return key not in labels or labels[key] not in values
        case Operator.EXISTS:
            return key in labels
        case Operator.DOES_NOT_EXIST:
            return key not in labels
