"""When a pod that is plugged is told that its policies are in force."""

import pytest
import trio
from msgspec.structs import replace
from trio.testing import MockClock

from tests.policy.engines import (
    CLUSTER,
    ISOLATING,
    asked,
    plug,
    question,
    with_pods,
)
from vcnd.core.policy.rule_set import HOLD, OPEN
from vcnd.policy.engine import GATHER_SECONDS


async def test_a_question_is_answered_without_gathering(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    engine, _, host = await asked(nursery, with_pods(2))
    plug(host, 2)
    began = trio.current_time()
    await engine.admit(question(2))
    assert trio.current_time() == began
    assert host.rules.egress["oci2"] == OPEN


async def test_a_question_ends_the_gathering_of_others(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    engine, source, host = await asked(nursery)
    plug(host, 2)
    source.change(with_pods(2))
    await trio.sleep(GATHER_SECONDS / 2)
    began = trio.current_time()
    await engine.admit(question(2))
    assert trio.current_time() == began


async def test_many_questions_share_a_change(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    numbers = range(2, 102)
    engine, _, host = await asked(nursery, with_pods(*numbers))
    plug(host, *numbers)
    host.put_at.clear()
    host.put_seconds = 0.05
    began = trio.current_time()
    async with trio.open_nursery() as asking:
        for number in numbers:
            asking.start_soon(engine.admit, question(number))
    assert trio.current_time() - began == pytest.approx(0.05)
    assert len(host.put_at) == 1


async def test_questions_during_a_change_share_the_next(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    engine, _, host = await asked(nursery, with_pods(2, 3, 4))
    host.put_at.clear()
    host.put_seconds = 0.05
    async with trio.open_nursery() as asking:
        for number in (2, 3, 4):
            plug(host, number)
            asking.start_soon(engine.admit, question(number))
            await trio.sleep(0.01)
    assert len(host.put_at) == 2


async def test_a_question_about_an_unknown_pod_waits_for_its_object(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    engine, source, host = await asked(nursery)
    plug(host, 2)
    answered: list[float] = []

    async def ask() -> None:
        await engine.admit(question(2))
        answered.append(trio.current_time())

    nursery.start_soon(ask)
    await trio.sleep(10)
    assert answered == []
    assert host.rules.egress["oci2"] == HOLD
    source.change(with_pods(2))
    began = trio.current_time()
    await trio.sleep(1)
    (at,) = answered
    assert at - began < 0.1


async def test_a_pod_deleted_while_it_waits_disturbs_nobody(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    engine, _, host = await asked(nursery, with_pods(3))
    plug(host, 2)
    with trio.move_on_after(0.3):
        await engine.admit(question(2))
    del host.links[-1]
    plug(host, 3)
    await engine.admit(question(3))
    assert host.rules.egress.keys() == {"oci1", "oci3"}


async def test_a_waiting_question_costs_no_further_change(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    engine, source, _ = await asked(nursery)
    nursery.start_soon(engine.admit, question(2))
    await trio.sleep(1)
    source.asked.clear()
    source.change(replace(CLUSTER, policies=(ISOLATING,)))
    await trio.sleep(1)
    assert len(source.asked) == 1


async def test_a_question_is_answered_once_the_kernel_takes_the_rules(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    engine, _, host = await asked(nursery, with_pods(2))
    plug(host, 2)
    host.refuses = True
    with trio.move_on_after(1) as scope:
        await engine.admit(question(2))
    assert scope.cancelled_caught
    host.refuses = False
    await engine.admit(question(2))


async def test_a_question_waits_until_the_cluster_is_known(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    engine, source, host = await asked(nursery, known=None)
    plug(host, 2)
    with trio.move_on_after(1) as scope:
        await engine.admit(question(2))
    assert scope.cancelled_caught
    source.change(with_pods(2))
    await engine.admit(question(2))
