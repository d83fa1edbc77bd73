"""A reflector's rate of requests, and objects that it cannot decode."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
import trio

from tests.doubles.apiserver import MemoryApiServer
from tests.kubeapi.test_cache import line, pod
from vcnd.kube.wire import Pod
from vcnd.kubeapi.cache import Cache
from vcnd.kubeapi.follow_counts import FollowCounts
from vcnd.kubeapi.reflector import Reflector
from vcnd.log import log
from vcnd.model.cause import Cause, Fault

Clock = trio.testing.MockClock
PATH = "/api/v1/pods"
HOUR = 3600.0
MOST_ASKED = 300
"""The most requests in an hour to a server that always fails."""
GONE = line("ERROR", {"kind": "Status", "code": 410, "reason": "Expired"})
BROKEN = line("ERROR", {"kind": "Status", "code": 500, "message": "etcd is away"})


class Heard:
    def __init__(self) -> None:
        self.syncs = 0
        self.changes: list[Sequence[Pod]] = []

    def synced(self) -> None:
        self.syncs += 1


@asynccontextmanager
async def following(
    server: MemoryApiServer, folder: Path, heard: Heard | None = None, page: int = 0
) -> AsyncIterator[Reflector[Pod]]:
    heard = heard or Heard()
    client = server.client(folder)
    reflector = Reflector(
        client,
        Cache(Pod),
        path=PATH,
        selector="spec.nodeName=one",
        random=Random(1),
        synced=heard.synced,
        changed=heard.changes.append,
        page=page,
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(reflector.run)
        yield reflector
        nursery.cancel_scope.cancel()
    await client.aclose()


async def ends_at_once(server: MemoryApiServer) -> None:
    server.ends_after = 0.0


async def says_something_and_ends(server: MemoryApiServer) -> None:
    server.always, server.ends_after = [line("ADDED", pod("a", "11"))], 0.0


async def says_410(server: MemoryApiServer) -> None:
    server.always = [GONE]


async def says_500(server: MemoryApiServer) -> None:
    server.always = [BROKEN]


async def refuses_watches(server: MemoryApiServer) -> None:
    server.watch_status = 500


async def says_garbage(server: MemoryApiServer) -> None:
    server.always = ["<html>"]


async def lists_garbage(server: MemoryApiServer) -> None:
    server.list_text = "<html>"


async def lists_no_version(server: MemoryApiServer) -> None:
    server.list_text = '{"metadata": {}, "items": []}'


@pytest.mark.slow
@pytest.mark.parametrize(
    "spoil",
    [
        ends_at_once,
        says_something_and_ends,
        says_410,
        says_500,
        refuses_watches,
        says_garbage,
        lists_garbage,
        lists_no_version,
    ],
)
async def test_useless_server_is_asked_with_backoff(
    autojump_clock: Clock, tmp_path: Path, spoil: Any
) -> None:
    server = MemoryApiServer()
    await spoil(server)
    async with following(server, tmp_path):
        await trio.sleep(HOUR)
    assert server.count(watches=True) <= MOST_ASKED
    assert server.count(watches=False) <= MOST_ASKED


@pytest.mark.slow
async def test_a_watch_that_lived_is_opened_again_at_once(
    autojump_clock: Clock, tmp_path: Path
) -> None:
    server = MemoryApiServer()
    server.ends_after = 0.0
    async with following(server, tmp_path):
        await trio.sleep(600)  # the pauses have grown
        server.ends_after = 60.0
        await trio.sleep(120)
        before, began = server.count(watches=True), trio.current_time()
        while server.count(watches=True) == before:
            await trio.sleep(0.1)
        # After the long watch the pauses are short again.
        server.ends_after = 0.0
        await trio.sleep(60)
        assert trio.current_time() - began < 122
        before = server.count(watches=True)
        await trio.sleep(5)
        assert server.count(watches=True) > before
    assert server.count_lists() <= 2


REFUSED = Fault(Cause.NOT_AUTHORIZED, "403")
FAILED = Fault(Cause.SERVER_ERROR, "500")


async def test_lasting_server_failure_is_reported_until_it_ends(
    autojump_clock: Clock, tmp_path: Path
) -> None:
    server, heard = MemoryApiServer(), Heard()
    async with following(server, tmp_path, heard) as reflector:
        await trio.sleep(10)
        known, found = len(heard.changes), list[tuple[Fault | None, int]]()
        for fault, pause in ((REFUSED, 29), (REFUSED, 2), (FAILED, 0)):
            reflector._note_failure(fault)
            found.append((reflector.failure, len(heard.changes) - known))
            await trio.sleep(pause)
        reflector._note_success()
        found.append((reflector.failure, len(heard.changes) - known))
    assert found == [(None, 0), (None, 0), (FAILED, 1), (None, 2)]


@pytest.mark.parametrize("spoil", [ends_at_once, refuses_watches, lists_garbage])
async def test_a_failure_of_the_server_comes_and_goes(
    autojump_clock: Clock, tmp_path: Path, spoil: Any
) -> None:
    """A restart of the server for twenty seconds is no problem."""
    server, heard, found = MemoryApiServer(), Heard(), list[bool]()
    await spoil(server)
    async with following(server, tmp_path, heard) as reflector:
        for _ in range(2):
            await trio.sleep(20)
            found.append(bool(reflector.failure))
            await trio.sleep(100)
            found.append(bool(reflector.failure))
            server.ends_after, server.watch_status, server.list_text = 60.0, 200, None
            await trio.sleep(100)
    assert found == [False, True, False, False]


async def breaks_off(server: MemoryApiServer) -> None:
    server.always, server.ends_after = [BROKEN], 0.0


async def is_silent(server: MemoryApiServer) -> None:
    server.ends_after = HOUR


async def ends_early(server: MemoryApiServer) -> None:
    server.ends_after = 60.0


@pytest.mark.parametrize("spoil", [breaks_off, is_silent, ends_early])
async def test_server_that_went_back_is_listed_anew(
    autojump_clock: Clock, tmp_path: Path, spoil: Any
) -> None:
    """It was restored from a backup: watches of our version pass over what is new."""
    server = MemoryApiServer()
    server.items[PATH] = [pod("lost", "9")]
    await spoil(server)
    async with following(server, tmp_path) as reflector:
        await trio.sleep(1)
        server.version, server.items[PATH] = 7, [pod("restored", "6")]
        await trio.sleep(160)
        assert reflector.cache.objects.keys() == {"restored"}
        assert reflector.cache.resource_version == "7"
        assert reflector.counts.lists == 2


async def test_server_that_has_caught_up_is_listed_within_hours(
    autojump_clock: Clock, tmp_path: Path
) -> None:
    """Versions do not tell then that what we know is of another past."""
    server = MemoryApiServer()
    server.items[PATH] = [pod("lost", "9")]
    server.ends_after = 60.0
    async with following(server, tmp_path) as reflector:
        await trio.sleep(1)
        server.version, server.items[PATH] = 11, [pod("restored", "6")]
        await trio.sleep(60)
        server.ends_after = 300.0
        server.always = []
        await trio.sleep(2 * HOUR)
        assert reflector.cache.objects.keys() == {"restored"}
        assert server.count_lists() <= 6


async def test_patience_asked_for_has_an_end(
    autojump_clock: Clock, tmp_path: Path
) -> None:
    server = MemoryApiServer()
    server.watch_status, server.retry_after = 429, "99999999"
    async with following(server, tmp_path):
        await trio.sleep(200)
        assert server.count(watches=True) >= 2


async def test_an_object_that_cannot_be_decoded_is_named_and_passed_over(
    autojump_clock: Clock, tmp_path: Path
) -> None:
    server, heard = MemoryApiServer(), Heard()
    bad = pod("bad", "11")
    bad["spec"]["hostNetwork"] = "perhaps"
    server.items[PATH] = [pod("a", "5"), bad, None]
    server.lines[PATH] = [
        line("MODIFIED", {**bad, "metadata": {"name": "bad", "uid": "bad"}}),
        line("ADDED", pod("b", "12")),
    ]
    with log.collected() as logged:
        async with following(server, tmp_path, heard) as reflector:
            await trio.sleep(60)
            assert reflector.cache.objects.keys() == {"a", "b"}
            assert reflector.cache.resource_version == "12"
    assert server.count(watches=True) == 1
    skipped = {x["name"]: x for x in logged if x["event"] == "cluster_object_skipped"}
    assert skipped.keys() == {"bad", "without a name"}
    assert skipped["bad"]["kind"] == "Pod"
    assert "hostNetwork" in skipped["bad"]["reason"]
    assert heard.syncs == 1


async def test_a_refused_write_makes_the_next_version_news(
    autojump_clock: Clock, tmp_path: Path
) -> None:
    server, heard = MemoryApiServer(), Heard()
    server.items[PATH] = [pod("a", "5")]
    server.lines[PATH] = [line("MODIFIED", pod("a", "11"))]
    async with following(server, tmp_path, heard) as reflector:
        await trio.sleep(1)
        known = len(heard.changes)
        reflector.await_newer("5")  # the cache already has version 11
        assert len(heard.changes) == known + 1
        reflector.await_newer("11")
        assert len(heard.changes) == known + 1
        reflector._take_in(json.dumps(json.loads(line("MODIFIED", pod("a", "12")))))
        assert len(heard.changes) == known + 2
        reflector._take_in(line("MODIFIED", pod("a", "13")))
        assert len(heard.changes) == known + 2


async def test_lists_watches_and_failures_are_counted(
    autojump_clock: Clock, tmp_path: Path
) -> None:
    server = MemoryApiServer()
    async with following(server, tmp_path) as reflector:
        await trio.sleep(1)
        counts = reflector.counts
        assert (counts.lists, counts.watches) == (1, 1)
        assert counts.failures == {}
        server.watch_status = 500
        await trio.sleep(HOUR)
        refusals = counts.failures[Cause.SERVER_ERROR]
        assert counts.failures == {Cause.UNREACHABLE: 1, Cause.SERVER_ERROR: refusals}
        assert refusals > 10  # after one silence
    assert isinstance(counts, FollowCounts)
