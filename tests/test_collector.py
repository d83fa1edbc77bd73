"""The garbage collector, once the daemon has started."""

import gc

import pytest
import trio

from vcnd.daemon import START_SECONDS, spare_the_collector


@pytest.mark.slow
async def test_what_the_start_made_is_not_collected_again(
    autojump_clock: trio.testing.MockClock,
) -> None:
    gc.unfreeze()  # the tests, which are spared from the beginning
    before = trio.current_time()
    await spare_the_collector()
    assert trio.current_time() - before == START_SECONDS
    assert gc.get_freeze_count() > 10_000
