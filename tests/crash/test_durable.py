"""An ADD is answered when its lease is durable."""

import pytest

from integration.crash.durable import answered_too_early
from integration.crash.steps import Ended, Kind, Step

LEASE = (Kind.JOURNAL, "write", '1234 ["Leased",1.0')
SYNC = (Kind.JOURNAL, "fdatasync", "")
ANSWER = (Kind.SHIM, "write", '0 290 {"cniVersion":"1.1.0"')
REFUSAL = (Kind.SHIM, "write", '1 182 {"cniVersion":"1.1.0","code":11')
OTHER = (Kind.NETLINK, "sendto", "RTM_NEWLINK")


def steps(*what: tuple[Kind, str, str]) -> list[Step]:
    return [
        Step(number=n, kind=k, call=c, target="", detail=d, changes=True)
        for n, (k, c, d) in enumerate(what, 1)
    ]


@pytest.mark.parametrize(
    ("made", "ended", "early"),
    [
        ((LEASE, SYNC, ANSWER), (1, 2, 3), False),
        ((LEASE, ANSWER, SYNC), (1, 2, 3), True),
        # It began before the answer, and ended behind it.
        ((LEASE, SYNC, ANSWER), (1, 3, 2), True),
        # Killed before the sync came.
        ((LEASE, OTHER, ANSWER), (1, 2, 3), True),
        ((SYNC, LEASE, ANSWER), (1, 2, 3), True),
        ((LEASE, SYNC, OTHER), (1, 2, 3), False),
        ((OTHER, ANSWER), (1, 2), False),
        ((LEASE, REFUSAL), (1, 2), False),
    ],
)
def test_answer_comes_behind_the_sync(
    made: tuple[tuple[Kind, str, str], ...], ended: tuple[int, ...], *, early: bool
) -> None:
    began = steps(*made)
    ends = [Ended(step=began[n - 1], result=0) for n in ended]
    assert bool(answered_too_early(began, ends)) == early
