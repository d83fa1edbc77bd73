"""At which steps a plan stops the daemon."""

import errno

import pytest
from msgspec.structs import replace

from integration.crash.plan import Plan
from integration.crash.steps import Kind, Step, occasion, refusals


def step(kind: Kind, call: str, *, changes: bool) -> Step:
    return Step(number=5, kind=kind, call=call, target="", changes=changes)


CHANGE = step(Kind.NETLINK, "sendto", changes=True)
READ = step(Kind.NETLINK, "recvfrom", changes=False)
AWAITED = step(Kind.HTTP, "recvfrom", changes=True)
QUESTION = step(Kind.PROGRAM, "sendto", changes=False)


@pytest.mark.parametrize(
    ("plan", "stops"),
    [
        (Plan(), ()),
        (Plan(step=6), ()),
        (Plan(step=5), (CHANGE, AWAITED)),
        (Plan(step=1), (CHANGE, AWAITED)),
        (Plan(step=5, after=True), (CHANGE, AWAITED)),
        (Plan(step=5, reads=True), (CHANGE, READ, AWAITED, QUESTION)),
        (Plan(step=5, refuse=True), (CHANGE, READ, AWAITED)),
    ],
)
def test_plan_stops_where_something_is_left_or_refused(
    plan: Plan, stops: tuple[Step, ...]
) -> None:
    every = (CHANGE, READ, AWAITED, QUESTION)
    assert tuple(s for s in every if plan.stops_at([s])) == stops


def occasion_of(*calls: tuple[Kind, str]) -> str:
    return occasion(
        [
            Step(number=n, kind=k, call="sendto", target="", detail=d, changes=True)
            for n, (k, d) in enumerate(calls, 1)
        ]
    )


LIST, GET = "GET /20160918/vnics", "GET /20160918/workRequests/ocid1.x.a7"
ANOTHER = "GET /20160918/workRequests/ocid1.x.b8"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ([(Kind.HTTP, GET)] * 2, [(Kind.HTTP, GET)] * 3, True),
        ([(Kind.HTTP, GET)], [(Kind.HTTP, GET)] * 2, False),
        ([(Kind.HTTP, LIST), (Kind.HTTP, GET)], [(Kind.HTTP, GET)] * 2, False),
        # A name that is new in each run, and a step of another kind between.
        ([(Kind.HTTP, GET)] * 2, [(Kind.HTTP, GET), (Kind.HTTP, ANOTHER)], True),
        (
            [(Kind.HTTP, GET)] * 2,
            [(Kind.HTTP, GET), (Kind.BPF, ""), (Kind.HTTP, GET)],
            True,
        ),
    ],
)
def test_same_call_behind_the_same_call_is_one_occasion(
    one: list[tuple[Kind, str]], other: list[tuple[Kind, str]], *, same: bool
) -> None:
    assert (occasion_of(*one) == occasion_of(*other)) == same


def test_step_that_was_refused_before_is_passed_over() -> None:
    plan = Plan(step=1, refuse=True)
    assert plan.stops_at([READ])
    assert not replace(plan, tried=frozenset([occasion([READ])])).stops_at([READ])


@pytest.mark.parametrize(
    ("kind", "call", "changes", "errors"),
    [
        (Kind.SETTING, "openat", True, (errno.EROFS,)),
        (Kind.SETTING, "openat", False, (errno.EMFILE,)),
        (Kind.PROGRAM, "sendto", False, ()),
        (Kind.JOURNAL, "fdatasync", True, (errno.EIO,)),
    ],
)
def test_call_is_refused_as_the_kernel_may(
    kind: Kind, call: str, errors: tuple[int, ...], *, changes: bool
) -> None:
    assert refusals(step(kind, call, changes=changes)) == errors
