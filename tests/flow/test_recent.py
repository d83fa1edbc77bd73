"""Recent OCIDs: for a minute, their absence from a list proves nothing."""

from trio.testing import MockClock

from vcnd.core.recent import RECENT_SECONDS
from vcnd.flow.recent import RecentObjects


async def test_an_ocid_is_recent_for_a_minute(autojump_clock: MockClock) -> None:
    recent = RecentObjects()
    recent.note(["a"])
    autojump_clock.jump(RECENT_SECONDS - 1)
    recent.note(["b"])
    assert ("a" in recent, "b" in recent, "c" in recent) == (True, True, False)
    autojump_clock.jump(1)
    assert ("a" in recent, "b" in recent) == (False, True)


async def test_an_earlier_life_noted_some(autojump_clock: MockClock) -> None:
    recent = RecentObjects()
    recent.recall({"a": RECENT_SECONDS - 1, "b": RECENT_SECONDS})
    assert ("a" in recent, "b" in recent) == (True, False)
    autojump_clock.jump(1)
    assert "a" not in recent
