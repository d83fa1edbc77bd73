"""Repairs are counted by kind, and the latest are remembered."""

from vcnd.core.repairs import MOST_KEPT, Repair, Repairs
from vcnd.model.drift import DriftKind


def repair(number: int, at: float = 0.0) -> Repair:
    return Repair(kind=DriftKind.ROUTE, number=number, what="10.0.0.1", at=at)


def test_each_kind_has_a_count_from_the_start() -> None:
    repairs = Repairs()
    assert repairs.counts() == dict.fromkeys(DriftKind, 0)
    repairs.note(repair(1))
    repairs.note(repair(2))
    assert repairs.counts() == dict.fromkeys(DriftKind, 0) | {DriftKind.ROUTE: 3}


def test_only_the_latest_are_remembered() -> None:
    repairs = Repairs()
    for n in range(MOST_KEPT + 5):
        repairs.note(repair(1, at=n))
    assert [x.at for x in repairs.latest()] == [*range(5, MOST_KEPT + 5)]
    assert repairs.counts()[DriftKind.ROUTE] == MOST_KEPT + 5
