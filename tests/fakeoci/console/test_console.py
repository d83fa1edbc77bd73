"""The console looks only while somebody looks at it, and misses nothing then."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import trio

from fakeoci.api.service import Fault, Service
from fakeoci.console.console import (
    CALLS_SHOWN,
    LINGER_SECONDS,
    LOOK_SECONDS,
    SAMPLE_SECONDS,
    Console,
)
from fakeoci.world.resources import Instance, Subnet


@pytest.fixture
async def running(console: Console, nursery: trio.Nursery) -> AsyncIterator[Console]:
    await nursery.start(console.run)
    yield console
    nursery.cancel_scope.cancel()


def _call(service: Service, operation: str = "ListVcns") -> None:
    service.record(
        operation=operation,
        principal="",
        client="10.0.0.2",
        status=200,
        code="",
        opc_request_id="r",
    )


def _parse(event: bytes) -> tuple[str, str, Any]:
    ident, kind, data = event.decode().strip().split("\n")
    return (
        ident.removeprefix("id: "),
        kind.removeprefix("event: "),
        msgspec.json.decode(data.removeprefix("data: ")),
    )


async def _next(queue: trio.MemoryReceiveChannel[bytes], kind: str) -> Any:
    """Return the data of the next event of a kind."""
    with trio.fail_after(60):
        while True:
            _, found, data = _parse(await queue.receive())
            if found == kind:
                return data


async def test_first_event_is_the_whole_picture(
    running: Console, autojump_clock: trio.abc.Clock
) -> None:
    _call(running.service)
    with running.follow("") as (_, (first,)):
        _, kind, picture = _parse(first)
    assert kind == "picture"
    names = {e["name"] for e in picture["map"] if e["kind"] == "subnet"}
    assert names == {"nodes", "pods", "peer-hosts"}
    assert [c["operation"] for c in picture["calls"]] == ["ListVcns"]
    assert picture["hasFlows"] is False
    assert len(picture["pressure"]) == 3


async def test_changes_come_as_events(
    running: Console, autojump_clock: trio.abc.Clock
) -> None:
    world = running.service.world
    with running.follow("") as (follower, _):
        _call(running.service, "GetVnic")
        assert (await _next(follower.queue, "calls"))["lines"][0]["caller"] == "node1"
        node = world.named(Instance, "node3")
        world.drop(node)
        assert (await _next(follower.queue, "map"))["gone"] == [node.id]
        running.service.occupants["10.0.0.2"] = "web"
        assert await _next(follower.queue, "occupants") == {"10.0.0.2": "web"}
        running.service.faults.append(Fault(operation="*", kind="cut"))
        assert (await _next(follower.queue, "faults"))["active"][0]["times"] == 1
        world.space(world.named(Subnet, "pods").id).exhaust()
        full = (await _next(follower.queue, "pressure")).values()
        assert any(taken == size for _, taken, size in full)


async def test_picture_and_queue_overlap_in_nothing(
    running: Console, autojump_clock: trio.abc.Clock
) -> None:
    with running.follow("") as (first, _):
        _call(running.service)
        with running.follow("") as (second, (picture,)):
            assert len(_parse(picture)[2]["calls"]) == 1
            await trio.sleep(4 * LOOK_SECONDS)
            kinds = []
            while second.queue.statistics().current_buffer_used:
                kinds.append(_parse(second.queue.receive_nowait())[1])
            assert "calls" not in kinds
        assert first.queue.statistics().current_buffer_used


async def test_browser_continues_from_its_last_event(
    running: Console, autojump_clock: trio.abc.Clock
) -> None:
    with running.follow("") as (follower, _):
        _call(running.service, "ListVcns")
        await _next(follower.queue, "calls")
        _call(running.service, "GetVnic")
        last = _parse(running.feed.event("", 0))[0]
    await trio.sleep(LINGER_SECONDS / 2)
    with running.follow(last) as (_, missed):
        found = [_parse(event) for event in missed]
    calls = [data for _, kind, data in found if kind == "calls"]
    assert [c["operation"] for d in calls for c in d["lines"]] == ["GetVnic"]
    assert "picture" not in [kind for _, kind, _ in found]


async def test_browser_that_comes_back_late_gets_a_picture(
    running: Console, autojump_clock: trio.abc.Clock
) -> None:
    with running.follow("") as (follower, _):
        _call(running.service)
        await _next(follower.queue, "calls")
        last = _parse(running.feed.event("", 0))[0]
    await trio.sleep(3 * LINGER_SECONDS)
    _call(running.service, "GetVnic")
    with running.follow(last) as (_, (first,)):
        _, kind, picture = _parse(first)
    assert kind == "picture"
    assert [c["operation"] for c in picture["calls"]] == ["ListVcns", "GetVnic"]


async def test_console_without_browsers_is_idle(
    running: Console, autojump_clock: trio.abc.Clock
) -> None:
    world = running.service.world
    await trio.sleep(2 * SAMPLE_SECONDS)
    assert world.listeners == []
    with running.follow(""):
        await trio.sleep(1)
        assert len(world.listeners) == 1
    await trio.sleep(2 * LINGER_SECONDS)
    assert world.listeners == []
    before = _parse(running.feed.event("", 0))[0]
    _call(running.service)
    world.changed()
    await trio.sleep(60)
    assert _parse(running.feed.event("", 0))[0] == before


async def test_flood_of_calls_is_cut_and_counted(
    running: Console, autojump_clock: trio.abc.Clock
) -> None:
    with running.follow("") as (follower, _):
        for _ in range(CALLS_SHOWN + 50):
            _call(running.service)
        found = await _next(follower.queue, "calls")
    assert len(found["lines"]) == CALLS_SHOWN
    assert found["leftOut"] == 50
