"""ADD waits for the policies of its pod, and never fails because of them."""

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from sim.invariants import check_invariants
from sim.policies import MemoryPolicies
from sim.world import add, key, problems, until_warm, world
from vcnd.log import log
from vcnd.model.cause import Cause, Fault
from vcnd.model.errors import JournalError
from vcnd.model.phases import Phase, Phases
from vcnd.model.place import POLICIES, PlaceKind
from vcnd.model.sandbox import PodRef
from vcnd.node import Node

LATE = Fault(Cause.TIMED_OUT, "no answer in time")


async def timed(node: Node, number: int) -> Phases:
    """Call ADD; return its phases."""
    phases = Phases(trio.current_time)
    pod = PodRef(name=f"pod{number}")
    await node.attacher.add(key(number), pod, 100 + number, phases=phases)
    return phases


def told(events: list[dict[str, Any]]) -> list[str]:
    return [e["event"] for e in events if e["event"].startswith("problem_")]


async def test_add_asks_while_the_disk_works(autojump_clock: MockClock) -> None:
    w, policies = world(), MemoryPolicies(seconds=0.2)
    async with w.node(policies=policies) as node:
        await until_warm(node)
        w.journal.seconds = 0.15
        phases = await timed(node, 1)
        assert phases.spent == pytest.approx(0.2)
        assert phases.seconds[Phase.JOURNAL] == pytest.approx(0.15)
        assert phases.seconds[Phase.POLICY] == pytest.approx(0.05)
    (lease,) = policies.answered
    assert lease.host_ifname in w.host.links


async def test_add_asks_after_the_pod_is_plugged(autojump_clock: MockClock) -> None:
    w = world()

    class Looking(MemoryPolicies):
        async def admit(self, lease):  # type: ignore[no-untyped-def]
            assert lease.host_ifname in w.host.links
            return await super().admit(lease)

    policies = Looking()
    async with w.node(policies=policies) as node:
        await until_warm(node)
        await add(node, 1)
    assert len(policies.answered) == 1


async def test_repeated_add_asks_again(autojump_clock: MockClock) -> None:
    w, policies = world(), MemoryPolicies(seconds=0.2)
    async with w.node(policies=policies) as node:
        await until_warm(node)
        await add(node, 1)
        phases = await timed(node, 1)
        assert phases.seconds[Phase.POLICY] == pytest.approx(0.2)
    first, second = policies.answered
    assert first == second


async def test_pods_do_not_wait_for_each_other(autojump_clock: MockClock) -> None:
    w, policies = world(), MemoryPolicies(seconds=0.2)
    async with w.node(policies=policies) as node:
        await until_warm(node)
        began = trio.current_time()
        async with trio.open_nursery() as pods:
            for number in range(4):
                pods.start_soon(add, node, number)
        assert trio.current_time() - began == pytest.approx(0.2)


async def test_late_policies_are_one_problem(autojump_clock: MockClock) -> None:
    w, policies = world(), MemoryPolicies(seconds=0.3)
    policies.fault = LATE
    async with w.node(policies=policies) as node:
        await until_warm(node)
        with log.collected() as events:
            for number in range(3):
                await add(node, number)
        assert len(node.pool.ledger.leases()) == 3
        (problem,) = problems(node)
        assert (problem.kind, problem.cause) == (PlaceKind.POLICIES, LATE.cause)
        assert problem.count == 3
        assert told(events) == ["problem_reported"]
        policies.fault = None
        with log.collected() as events:
            await add(node, 3)
        assert problems(node) == []
        assert told(events) == ["problem_cleared"]


async def test_refusing_disk_fails_the_add_at_once(autojump_clock: MockClock) -> None:
    w, policies = world(), MemoryPolicies(seconds=100.0)
    async with w.node(policies=policies) as node:
        await until_warm(node)
        w.journal.unsafe = True
        began = trio.current_time()
        with pytest.raises(JournalError):
            await add(node, 1)
        assert trio.current_time() - began < 1
        w.journal.unsafe = False
        assert node.pool.ledger.leases() == []
        assert w.host.links == {}
        assert node.pool.problems.at(POLICIES) is None
        check_invariants(w, node)


async def test_caller_that_hangs_up_leaves_nothing(autojump_clock: MockClock) -> None:
    w, policies = world(), MemoryPolicies(seconds=100.0)
    async with w.node(policies=policies) as node:
        await until_warm(node)
        with trio.move_on_after(0.1):
            await add(node, 1)
        assert node.pool.ledger.leases() == []
        assert w.host.links == {}
        check_invariants(w, node)
        await node.attacher.delete(key(1))
    assert policies.answered == []


async def test_nobody_is_asked_where_policies_are_left_to_others(
    autojump_clock: MockClock,
) -> None:
    async with world().node() as node:
        await until_warm(node)
        phases = await timed(node, 1)
    assert Phase.POLICY not in phases.seconds
