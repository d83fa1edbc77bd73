"""Recent OCIDs: for a minute, their absence from a list proves nothing."""

from trio.testing import MockClock

from vcnd.flow.recent import RECENT_SECONDS, RecentObjects


async def test_an_ocid_is_recent_for_a_minute(autojump_clock: MockClock) -> None:
    recent = RecentObjects()
    recent.note(["a"])
    autojump_clock.jump(RECENT_SECONDS - 1)
    recent.note(["b"])
    assert ("a" in recent, "b" in recent, "c" in recent) == (True, True, False)
    autojump_clock.jump(1)
    assert ("a" in recent, "b" in recent) == (False, True)
