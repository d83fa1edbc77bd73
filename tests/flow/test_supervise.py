"""A task or a change with a defect is reported and restarted; the daemon goes on."""

from collections.abc import Sequence
from random import Random
from typing import Never

import pytest
import trio
import trio.lowlevel

from sim.cluster import MemoryCluster
from sim.host import MemoryHost
from sim.invariants import check_invariants
from sim.world import World, add, settings, until_warm, world
from vcnd.flow.pool import Pool
from vcnd.flow.supervise import HEALTHY_SECONDS, Supervisor
from vcnd.model.sandbox import BoundPod
from vcnd.model.vnic import VnicSlot

Clock = trio.testing.MockClock
NEVER: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED


class BrokenHost(MemoryHost):
    """Fails its next calls of ``apply`` by a defect."""

    def __init__(self) -> None:
        super().__init__()
        self.defects = 0

    async def apply(self, slots: Sequence[VnicSlot]) -> None:
        if self.defects:
            self.defects -= 1
            raise ZeroDivisionError("a defect")
        await super().apply(slots)


class BrokenCluster(MemoryCluster):
    """Fails its next answers about pods by a defect."""

    def __init__(self) -> None:
        super().__init__()
        self.defects = 0

    def pods(self) -> list[BoundPod] | None:
        if self.defects:
            self.defects -= 1
            raise ExceptionGroup("two", [KeyError("uid"), ValueError("no")])
        return super().pods()


def reasons(world_pool: Pool) -> str:
    return " | ".join(f"{p.place}: {p.reason}" for p in world_pool.problems)


@pytest.mark.slow
async def test_a_change_that_fails_unexpectedly_is_made_again(
    autojump_clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    host = BrokenHost()
    w = World(world().service, host=host)
    async with w.node(settings(audit_seconds=60.0)) as node:
        while not node.pool.conditions.observed:
            await trio.sleep(0.1)
        host.defects = 3  # after the attach of the VNIC, and at audits
        await until_warm(node)
        with trio.fail_after(60):  # the audit that it requests applies the rules
            while node.pool.vnics.pod_slots[0] not in host.slots:
                await trio.sleep(1)
        await add(node, 1)
        check_invariants(w, node)
        assert len(w.pod_vnics()) == 1
        await trio.sleep(HEALTHY_SECONDS + 300)
        assert not node.pool.problems
    logged = capsys.readouterr().err
    assert "change_failed" in logged
    assert "ZeroDivisionError: a defect" in logged
    assert "Traceback" in logged


@pytest.mark.slow
async def test_an_audit_that_fails_unexpectedly_is_made_again(
    autojump_clock: Clock,
) -> None:
    host = BrokenHost()
    w = World(world().service, host=host)
    async with w.node(settings(audit_seconds=60.0)) as node:
        await until_warm(node)
        host.defects = 1
        with trio.fail_after(300):
            while "task audit" not in reasons(node.pool):
                await trio.sleep(1)
        assert "ZeroDivisionError: a defect" in reasons(node.pool)
        await add(node, 1)
        await trio.sleep(HEALTHY_SECONDS + 60)
        assert not node.pool.problems
        assert not host.defects


async def test_a_follower_that_fails_misses_no_pod(autojump_clock: Clock) -> None:
    cluster = BrokenCluster()
    w = world()
    async with w.node(settings(batch=1), cluster=cluster) as node:
        await until_warm(node, free=1)
        cluster.defects = 1
        cluster.bind("one", "two", "three")
        await trio.sleep(1)
        assert "task follower" in reasons(node.pool)
        await trio.sleep(60)
        assert len(node.pool.demand.unserved()) == 3


@pytest.mark.slow
async def test_a_task_that_always_fails_is_started_more_and_more_seldom(
    autojump_clock: Clock,
) -> None:
    w = world()
    starts = 0

    async def broken(*, task_status: trio.TaskStatus[None] = NEVER) -> Never:
        nonlocal starts
        starts += 1
        task_status.started()
        await trio.lowlevel.checkpoint()
        raise RuntimeError("always")

    async with w.node() as node, trio.open_nursery() as nursery:
        keep = Supervisor(pool=node.pool, random=Random(1)).keep
        await nursery.start(keep, "broken", broken)
        await trio.sleep(3600)
        assert "task broken" in reasons(node.pool)
        nursery.cancel_scope.cancel()
    assert 30 < starts < 200


async def test_a_task_is_cancelled_as_ever(autojump_clock: Clock) -> None:
    async def sound(*, task_status: trio.TaskStatus[None] = NEVER) -> Never:
        task_status.started()
        await trio.sleep_forever()
        raise AssertionError

    async with world().node() as node:
        with trio.move_on_after(5) as scope:
            await Supervisor(pool=node.pool, random=Random(1)).keep("x", sound)
        assert scope.cancelled_caught
        assert not node.pool.problems
