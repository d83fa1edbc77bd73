"""STATUS, the metric and ADD say whether the node serves new pods."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import pytest
import trio
from trio.testing import MockClock

from sim.journal import RETRY_SECONDS
from sim.world import World, add, settings, until_warm, world
from vcnd.flow import status
from vcnd.flow.conditions import Phase
from vcnd.model.cause import Cause
from vcnd.model.errors import NotServingError, VcndError
from vcnd.node import Node


@contextmanager
def refused_by_status() -> Iterator[None]:
    with pytest.raises(NotServingError, match="release") as caught:
        yield
    assert (caught.value.code, caught.value.cause) == (50, Cause.RELEASED)


async def drain(_: World, node: Node) -> None:
    await node.drain(on=True)


async def fill_disk(w: World, _: Node) -> None:
    w.journal.full = True
    await trio.sleep(RETRY_SECONDS)


async def release(_: World, node: Node) -> None:
    await node.release.run()


@pytest.mark.parametrize(
    ("change", "leaving"), [(drain, True), (fill_disk, False), (release, True)]
)
async def test_metric_is_0_where_no_add_can_succeed(
    autojump_clock: MockClock,
    change: Callable[[World, Node], Awaitable[None]],
    leaving: bool,
) -> None:
    w = world()
    async with w.node(settings(batch=4)) as node:
        await until_warm(node)
        assert status.may_add(node.pool)
        assert not status.is_leaving(node.pool)
        await change(w, node)
        with pytest.raises(VcndError):
            await add(node, 1)
        assert not status.may_add(node.pool)
        assert status.is_leaving(node.pool) is leaving
        if change is release:
            with refused_by_status():
                status.ready(node.pool)
        else:
            # Pods that run would be evicted from a node that is NotReady.
            status.ready(node.pool)


async def test_status_fails_while_the_node_is_released(
    autojump_clock: MockClock,
) -> None:
    async with world().node(settings(batch=4)) as node:
        await until_warm(node)
        node.pool.conditions.enter(Phase.RELEASING)
        with refused_by_status():
            status.ready(node.pool)
        assert not status.may_add(node.pool)
        node.pool.conditions.enter(Phase.SERVING)
        status.ready(node.pool)
        assert status.may_add(node.pool)
