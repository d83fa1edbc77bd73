"""Keeps the number of a label's values within a bound."""

from collections.abc import Mapping

from vcnd.model.metrics import OTHERS, Labels


def bounded(values: Mapping[Labels, float], most: int) -> dict[tuple[str, ...], float]:
    """Return values of which the first label has at most ``most`` values, and OTHERS.

    The values beyond the bound are added up under OTHERS, so no total changes.

    Args:
        values: by the values of their labels; those that come first are kept.
        most: the bound.
    """
    kept = {*list(dict.fromkeys(labels[0] for labels in values))[:most]}
    found: dict[tuple[str, ...], float] = {}
    for labels, value in values.items():
        first, *rest = labels
        shown = (first if first in kept else OTHERS, *rest)
        found[shown] = found.get(shown, 0) + value
    return found
