"""The feed: ids, the past, and browsers that fall behind."""

import pytest

from fakeoci.console.feed import (
    FOLLOWERS,
    KEPT_BYTES,
    QUEUED,
    Feed,
    TooManyFollowersError,
)


def test_event_has_id_kind_and_data() -> None:
    feed = Feed("a")
    feed.publish("calls", {"text": "two\nlines"})
    (event,) = feed.missed("a-0") or []
    assert event == b'id: a-1\nevent: calls\ndata: {"text":"two\\nlines"}\n\n'


@pytest.mark.parametrize(
    ("last_id", "missed"),
    [("a-3", []), ("a-2", [3]), ("a-0", [1, 2, 3])],
)
def test_browser_that_comes_back_gets_what_it_missed(
    last_id: str, missed: list[int]
) -> None:
    feed = Feed("a")
    for number in (1, 2, 3):
        feed.publish("n", number)
    got = feed.missed(last_id)
    assert got is not None
    assert [int(e.split(b"data: ")[1]) for e in got] == missed


@pytest.mark.parametrize(
    "last_id", ["b-1", "a-4", "a--1", "a-", "a", "", "a-²", "a-" + "9" * 5000]
)
def test_unknown_ids_get_a_whole_picture(last_id: str) -> None:
    feed = Feed("a")
    for number in (1, 2, 3):
        feed.publish("n", number)
    assert feed.missed(last_id) is None


def test_another_epoch_forgets_the_past() -> None:
    feed = Feed("a")
    feed.publish("n", 1)
    feed.begin("b")
    assert feed.missed("a-1") is None
    assert feed.missed("b-1") == []


def test_past_is_bounded() -> None:
    feed = Feed("a")
    for _ in range(10):
        feed.publish("n", "x" * (KEPT_BYTES // 4))
    assert feed.missed("a-5") is None
    kept = feed.missed("a-8")
    assert kept is not None
    assert sum(map(len, feed.missed("a-7") or kept)) <= KEPT_BYTES


async def test_browser_that_falls_behind_is_dropped() -> None:
    feed = Feed("a")
    with feed.follow() as slow, feed.follow() as quick:
        for number in range(QUEUED + 1):
            feed.publish("n", number)
            await quick.queue.receive()
        assert slow.is_dropped
        assert slow.scope.cancel_called
        assert not quick.is_dropped
    assert feed.followers == 0


def test_followers_are_bounded() -> None:
    feed = Feed("a")
    many = [feed.follow() for _ in range(FOLLOWERS)]
    for one in many:
        one.__enter__()
    with pytest.raises(TooManyFollowersError), feed.follow():
        pass
    for one in many:
        one.__exit__(None, None, None)
    assert feed.followers == 0
