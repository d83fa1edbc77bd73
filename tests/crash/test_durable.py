"""An ADD is answered when its lease is durable."""

import errno

import pytest

from integration.crash.durable import answered_too_early
from integration.crash.steps import Ended, Kind, Step

Made = tuple[Kind, str, str, str]

JOURNAL, FRESH, DIRECTORY = "/s/journal", "/s/journal.new", "/s"
LEASE = (Kind.JOURNAL, "write", JOURNAL, '1234 ["Leased",1.0')
SYNC = (Kind.JOURNAL, "fdatasync", JOURNAL, "")
WHOLE = (Kind.JOURNAL, "write", FRESH, '1234 ["Header",1.0')
SYNC_WHOLE = (Kind.JOURNAL, "fsync", FRESH, "")
RENAME = (Kind.JOURNAL, "rename", FRESH, "→ journal")
SYNC_NAMES = (Kind.JOURNAL, "fsync", DIRECTORY, "")
REPLACES = (WHOLE, SYNC_WHOLE, RENAME, SYNC_NAMES)
ANSWER = (Kind.SHIM, "write", "/s/cni.sock", '0 290 {"cniVersion":"1.1.0"')
REFUSAL = (Kind.SHIM, "write", "/s/cni.sock", '1 182 {"cniVersion":"1.1.0","code":11')
OTHER = (Kind.NETLINK, "sendto", "netlink route", "RTM_NEWLINK")


def steps(*what: Made) -> list[Step]:
    return [
        Step(number=n, kind=k, call=c, target=t, detail=d, changes=True)
        for n, (k, c, t, d) in enumerate(what, 1)
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
        # Another file was synced.
        ((LEASE, SYNC_NAMES, ANSWER), (1, 2, 3), True),
    ],
)
def test_answer_comes_behind_the_sync(
    made: tuple[Made, ...], ended: tuple[int, ...], *, early: bool
) -> None:
    began = steps(*made)
    ends = [Ended(step=began[n - 1], result=0) for n in ended]
    assert bool(answered_too_early(began, ends)) == early


@pytest.mark.parametrize(
    ("made", "refused", "early"),
    [
        ((LEASE, SYNC, ANSWER), 2, True),
        # The kernel may have dropped what was written: no later sync brings it back.
        ((LEASE, SYNC, SYNC, ANSWER), 2, True),
        ((LEASE, SYNC, LEASE, SYNC, ANSWER), 2, False),
        ((LEASE, SYNC, ANSWER), 1, True),
        ((LEASE, *REPLACES, ANSWER), 1, False),
        ((LEASE, SYNC, *REPLACES, ANSWER), 2, False),
        *(((LEASE, *REPLACES, ANSWER), part, True) for part in (3, 4, 5)),
        ((*REPLACES, LEASE, ANSWER), 5, True),
        ((LEASE, SYNC, *REPLACES, ANSWER), 3, False),
    ],
)
def test_refused_call_makes_nothing_durable(
    made: tuple[Made, ...], refused: int, *, early: bool
) -> None:
    began = steps(*made)
    ends = [
        Ended(step=s, result=-errno.EIO if s.number == refused else 0) for s in began
    ]
    assert bool(answered_too_early(began, ends)) == early
