"""Random days of a node's daemon on a failing API server: right, and with bugs."""

from collections.abc import Callable

import pytest

from sim.kubernetes.node_drill import NotSettledError, drill
from tests.sim import planted
from vcnd.log import log

pytestmark = pytest.mark.slow

SEEDS = 50
Plant = Callable[[pytest.MonkeyPatch], None]


def search() -> None:
    for seed in range(SEEDS):
        drill(seed)


@pytest.mark.parametrize("seed", range(4))
def test_daemon_knows_and_writes_all_in_the_end(seed: int) -> None:
    with log.collected():
        drill(seed)


@pytest.mark.parametrize(
    "plant",
    [
        planted.resume_one_later,
        planted.resume_after_410,
        planted.never_doubt,
        planted.status_by_name,
    ],
)
def test_planted_bug_is_found_within_fifty_days(
    monkeypatch: pytest.MonkeyPatch, plant: Plant
) -> None:
    plant(monkeypatch)
    with log.collected(), pytest.raises(NotSettledError):
        search()
