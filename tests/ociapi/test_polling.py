"""Polls of a slow object: their pauses, and their end."""

from random import Random

import pytest
import trio
from trio.testing import MockClock

from vcnd.model.errors import CloudError, CloudGoneError, CloudRefusedError
from vcnd.ociapi.errors import OciError
from vcnd.ociapi.meter import ApiMeter
from vcnd.ociapi.polling import YOUNG_SECONDS, Poller
from vcnd.ociapi.retry import Retrier

MOST_SECONDS = 100.0
GONE = OciError(operation="Get", status=404, code="", message="no", request_id="ABC")
REFUSED = OciError(operation="Get", status=400, code="", message="no", request_id="ABC")


class Slow:
    """Is done after some seconds; until then it is in progress, or refused."""

    def __init__(self, seconds: float, error: OciError | None = None) -> None:
        self._done_at = trio.current_time() + seconds
        self._error = error
        self.asked_at: list[float] = []

    async def ask(self) -> str:
        now = trio.current_time()
        self.asked_at.append(now)
        if now >= self._done_at:
            return "SUCCEEDED"
        if self._error is not None:
            raise self._error
        return "IN_PROGRESS"


def poller() -> Poller:
    retry = Retrier(random=Random(1), give_up_seconds=10.0, meter=ApiMeter())
    return Poller(retry, wait_seconds=MOST_SECONDS)


def done(state: str) -> str | None:
    return "it is done" if state == "SUCCEEDED" else None


async def test_result_comes_back_at_once(autojump_clock: MockClock) -> None:
    slow = Slow(0)
    assert await poller()("attach", done, slow.ask) == "it is done"
    assert slow.asked_at == [trio.current_time()]


async def test_pauses_grow_to_two_seconds(autojump_clock: MockClock) -> None:
    slow = Slow(9)
    assert await poller()("attach", done, slow.ask) == "it is done"
    pauses = [b - a for a, b in zip(slow.asked_at, slow.asked_at[1:], strict=False)]
    assert pauses == pytest.approx([0.5, 0.75, 1.125, 1.6875, 2.0, 2.0, 2.0])


async def test_what_has_just_begun_is_asked_about_later(
    autojump_clock: MockClock,
) -> None:
    slow = Slow(0.4)
    assert await poller().begun("bulk", done, slow.ask) == "it is done"
    assert slow.asked_at == [trio.current_time()] == pytest.approx([0.5])


async def test_waiting_ends(autojump_clock: MockClock) -> None:
    await trio.sleep(500)
    slow, began = Slow(MOST_SECONDS * 2), trio.current_time()
    with pytest.raises(CloudError, match=r"^attach: not done after 100 s$"):
        await poller()("attach", done, slow.ask)
    assert MOST_SECONDS - 2 < trio.current_time() - began <= MOST_SECONDS


@pytest.mark.parametrize("seconds", [0.1, YOUNG_SECONDS - 2])
async def test_new_object_may_be_missing_from_answers(
    autojump_clock: MockClock, seconds: float
) -> None:
    """OCI is eventually consistent."""
    await trio.sleep(500)
    slow = Slow(seconds, GONE)
    assert await poller()("attach", done, slow.ask) == "it is done"


async def test_object_that_stays_missing_is_gone(autojump_clock: MockClock) -> None:
    await trio.sleep(500)
    slow, began = Slow(MOST_SECONDS, GONE), trio.current_time()
    with pytest.raises(CloudGoneError):
        await poller()("attach", done, slow.ask)
    assert YOUNG_SECONDS < trio.current_time() - began <= YOUNG_SECONDS + 2


async def test_refusal_ends_the_waiting(autojump_clock: MockClock) -> None:
    slow = Slow(MOST_SECONDS, REFUSED)
    with pytest.raises(CloudRefusedError):
        await poller()("attach", done, slow.ask)
    assert slow.asked_at == [trio.current_time()]
