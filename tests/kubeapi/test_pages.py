"""Lists that come in pages."""

from pathlib import Path

import pytest
import trio

from tests.doubles.apiserver import MemoryApiServer
from tests.kubeapi.test_cache import line, listing, pod
from tests.kubeapi.test_reflector import GONE, PATH, Heard, following
from vcnd.kube.wire import Pod
from vcnd.kubeapi.cache import Cache
from vcnd.kubeapi.errors import KubeError
from vcnd.log import log

Clock = trio.testing.MockClock
PAGE = 2
ALL = {"a", "b", "c", "d", "e"}


def serving(*names: str) -> MemoryApiServer:
    server = MemoryApiServer()
    server.items[PATH] = [pod(name, "5") for name in names]
    return server


def lists(server: MemoryApiServer) -> list[dict[str, str]]:
    """Return what was asked of lists, the selector left out."""
    asked = [dict(r.url.params) for r in server.asked if "watch" not in r.url.params]
    return [{k: v for k, v in x.items() if k != "fieldSelector"} for x in asked]


async def test_a_list_comes_in_pages_and_is_told_once(
    autojump_clock: Clock, tmp_path: Path
) -> None:
    server, heard = serving(*sorted(ALL)), Heard()
    async with following(server, tmp_path, heard, page=PAGE) as reflector:
        await trio.sleep(1)
        assert reflector.cache.objects.keys() == ALL
        assert reflector.cache.resource_version == "10"
    assert lists(server) == [
        {"limit": "2"},
        {"limit": "2", "continue": "2"},
        {"limit": "2", "continue": "4"},
    ]
    assert [len(changes) for changes in heard.changes] == [5]
    assert heard.syncs == 1


async def test_an_expired_page_leads_to_a_whole_list(
    autojump_clock: Clock, tmp_path: Path
) -> None:
    server, heard = serving(*sorted(ALL)), Heard()
    server.page_statuses = [200, 410]
    with log.collected() as logged:
        async with following(server, tmp_path, heard, page=PAGE) as reflector:
            await trio.sleep(1)
            assert reflector.cache.objects.keys() == ALL
    assert lists(server)[-1] == {}
    assert len(lists(server)) == 4
    assert heard.syncs == 1
    assert [x["event"] for x in logged] == ["list_expired"]


async def test_a_page_that_fails_replaces_nothing(
    autojump_clock: Clock, tmp_path: Path
) -> None:
    """An object that is only on a page that was not sent is not gone."""
    server, heard = serving(*sorted(ALL)), Heard()
    async with following(server, tmp_path, heard, page=PAGE) as reflector:
        await trio.sleep(1)
        server.page_statuses = [500, 500]
        heard.changes.clear()
        reflector.cache.resource_version = ""
        server.always = [GONE]
        await trio.sleep(250)  # the watch ends by itself, and the list fails
        assert server.page_statuses == []
        assert reflector.cache.objects.keys() == ALL
        assert all(not changes for changes in heard.changes)


def test_nothing_is_replaced_before_the_last_page() -> None:
    cache = Cache(Pod)
    cache.replace(listing("10", pod("a", "5"), pod("b", "6")))
    cache.take_page(listing("20", pod("b", "15")), first=True)
    assert cache.objects.keys() == {"a", "b"}
    assert cache.resource_version == "10"
    cache.take_page(listing("20", pod("c", "16")), first=False)
    assert {x.metadata.uid for x in cache.finish()} == {"a", "c"}
    assert cache.objects.keys() == {"b", "c"}
    assert cache.resource_version == "20"


def test_a_list_that_begins_again_forgets_its_first_pages() -> None:
    cache = Cache(Pod)
    cache.take_page(listing("20", pod("a", "15")), first=True)
    cache.take_page(listing("30", pod("b", "25")), first=True)
    cache.finish()
    assert (cache.resource_version, list(cache.objects)) == ("30", ["b"])


def test_a_skipped_object_of_any_page_is_named_and_kept() -> None:
    cache = Cache(Pod)
    cache.replace(listing("10", pod("x", "5")))
    cache.take_page(listing("20", {**pod("x", "11"), "spec": 5}), first=True)
    assert cache.skipped == {}
    cache.take_page(listing("20", pod("y", "12")), first=False)
    cache.finish()
    assert cache.objects.keys() == {"x", "y"}
    assert cache.skipped.keys() == {"x"}


def test_a_malformed_page_changes_nothing() -> None:
    cache = Cache(Pod)
    cache.replace(listing("10", pod("a", "5")))
    cache.take_page(listing("20", pod("b", "6")), first=True)
    with pytest.raises(KubeError, match="cannot be decoded"):
        cache.take_page(b"{", first=False)
    assert cache.objects.keys() == {"a"}
    cache.apply_line(line("DELETED", pod("a", "13")))
    assert cache.objects == {}
