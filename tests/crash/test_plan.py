"""At which steps a plan stops the daemon."""

import pytest

from integration.crash.plan import Plan
from integration.crash.steps import Kind, Step


def step(kind: Kind, call: str, *, changes: bool) -> Step:
    return Step(number=5, kind=kind, call=call, target="", changes=changes)


CHANGE = step(Kind.NETLINK, "sendto", changes=True)
READ = step(Kind.NETLINK, "recvfrom", changes=False)
AWAITED = step(Kind.HTTP, "recvfrom", changes=False)
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
    assert tuple(s for s in every if plan.stops_at(s)) == stops
