"""The node's own problems, by place, and who is woken by them."""

import trio
from trio.testing import wait_all_tasks_blocked

from vcnd.linux.node_problems import NodeProblems
from vcnd.model.cause import Cause, Fault
from vcnd.model.place import Place, PlaceKind

FIREWALL, SETTING = PlaceKind.FIREWALL, PlaceKind.SETTINGS
DROPS = Fault(Cause.KERNEL_REFUSED, "it drops")


def test_a_report_replaces_the_problems_of_its_kind() -> None:
    problems = NodeProblems()
    problems.report(FIREWALL, {"a": DROPS, "b": DROPS})
    problems.report(SETTING, {"c": DROPS})
    problems.report(FIREWALL, {"b": DROPS})
    named = {(place.kind, place.name) for place in problems.now()}
    assert named == {(FIREWALL, "b"), (SETTING, "c")}
    assert problems.now()[Place(kind=SETTING, name="c")] == DROPS


async def test_only_a_change_wakes_followers(nursery: trio.Nursery) -> None:
    problems, woken = NodeProblems(), list[int]()

    async def follow() -> None:
        while True:
            await problems.until_changed()
            woken.append(1)

    nursery.start_soon(follow)
    await wait_all_tasks_blocked()
    for faults, times in (({"a": DROPS}, 1), ({"a": DROPS}, 1), ({}, 2)):
        problems.report(FIREWALL, faults)
        await wait_all_tasks_blocked()
        assert len(woken) == times
