"""Calls, counted by operation and by how they ended."""

from random import Random

import pytest
import trio
from trio.testing import MockClock

from tests.ociapi.test_retry import Server, refusal
from vcnd.model.cause import Cause
from vcnd.model.metrics import MetricFamily
from vcnd.model.urgency import Urgency
from vcnd.ociapi.errors import BadAnswerError, NoAnswerError
from vcnd.ociapi.meter import CALL_SECONDS, CALLS, METRICS, RETRIES, WAITED, ApiMeter
from vcnd.ociapi.retry import Retrier


def read(meter: ApiMeter) -> dict[str, MetricFamily]:
    families = list(meter.families())
    assert [f.metric for f in families] == [*METRICS]
    return {family.metric.name: family for family in families}


def values(meter: ApiMeter, name: str) -> dict[tuple[str, ...], float]:
    return {s.labels: s.value for s in read(meter)[name].samples}


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (None, "ok"),
        (refusal(429), "throttled"),
        (refusal(404), "not_found"),
        (refusal(400, "LimitExceeded"), "limit_reached"),
        (refusal(503), "server_error"),
        (NoAnswerError("reset"), "unreachable"),
        (BadAnswerError("GetVnic", "packed"), "bad_answer"),
    ],
)
async def test_call_is_counted_by_its_answer(
    autojump_clock: MockClock, error: Exception | None, result: str
) -> None:
    meter = ApiMeter()
    try:
        with meter.calling("GetVnic"):
            await trio.sleep(0.2)
            if error is not None:
                raise error
    except type(error or Exception()) as caught:
        assert caught is error
    assert values(meter, CALLS.name) == {("GetVnic", result): 1}
    (sample,) = read(meter)[CALL_SECONDS.name].samples
    assert sample.labels == ("GetVnic",)
    assert sample.value == pytest.approx(0.2)
    assert sample.counts[2] == sum(sample.counts) == 1


async def test_cancelled_call_is_not_counted(autojump_clock: MockClock) -> None:
    meter = ApiMeter()
    with trio.move_on_after(1), meter.calling("GetVnic"):
        await trio.sleep_forever()
    assert values(meter, CALLS.name) == {}


async def test_retries_and_waits_are_counted(autojump_clock: MockClock) -> None:
    meter = ApiMeter()
    retrier = Retrier(random=Random(1), give_up_seconds=60.0, meter=meter)
    await retrier(Server(refusal(429), refusal(429), NoAnswerError("reset")).ask)
    assert values(meter, RETRIES.name) == {
        (Cause.THROTTLED,): 2,
        (Cause.UNREACHABLE,): 1,
    }
    meter.waited(Urgency.WARM_UP, 1.5)
    assert values(meter, WAITED.name)["warm_up",] == 1.5
    assert len(values(meter, WAITED.name)) == len(Urgency)
