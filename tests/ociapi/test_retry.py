"""Retries: the errors that are tried again, for how long, and the result."""

from random import Random

import pytest
import trio
from trio.testing import MockClock

from vcnd.model.errors import CloudError, CloudFullError, CloudGoneError
from vcnd.model.errors import CloudRefusedError as Refused
from vcnd.ociapi.errors import BadAnswerError, NoAnswerError, OciError
from vcnd.ociapi.meter import ApiMeter
from vcnd.ociapi.retry import CROWDED, Retrier

MOST_SECONDS = 60.0


def refusal(status: int, code: str = "") -> OciError:
    return OciError(
        operation="GetVnic", status=status, code=code, message="no", request_id="ABC"
    )


def retrier() -> Retrier:
    return Retrier(random=Random(1), give_up_seconds=MOST_SECONDS, meter=ApiMeter())


class Server:
    """Fails with each of its errors in turn, then answers."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = [*errors]
        self.asked_at: list[float] = []

    async def ask(self) -> str:
        self.asked_at.append(trio.current_time())
        if self._errors:
            raise self._errors.pop(0)
        return "answer"


@pytest.mark.parametrize(
    "error",
    [
        refusal(429, "TooManyRequests"),
        refusal(500, "InternalServerError"),
        refusal(503),
        refusal(409, "IncorrectState"),
        refusal(401, "NotAuthenticated"),
        NoAnswerError("reset"),
        BadAnswerError("GetVnic", "no body"),
    ],
)
async def test_transient_failures_are_tried_again(
    autojump_clock: MockClock, error: Exception
) -> None:
    server = Server(error, error, error)
    assert await retrier()(server.ask) == "answer"
    pauses = [b - a for a, b in zip(server.asked_at, server.asked_at[1:], strict=False)]
    assert len(pauses) == 3
    assert all(pause > 0 for pause in pauses)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (refusal(400, "InvalidParameter"), Refused),
        (refusal(403, "NotAuthorized"), Refused),
        (refusal(412, "NoEtagMatch"), Refused),
        (refusal(409, "InvalidatedRetryToken"), Refused),
        (refusal(404, "NotAuthorizedOrNotFound"), CloudGoneError),
        (refusal(400, "LimitExceeded"), CloudFullError),
    ],
)
async def test_final_refusals_come_out_at_once(
    autojump_clock: MockClock, error: OciError, kind: type[CloudError]
) -> None:
    server = Server(error)
    with pytest.raises(kind, match="opc-request-id ABC"):
        await retrier()(server.ask)
    assert len(server.asked_at) == 1


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (refusal(500, "InternalServerError"), "GetVnic: 500 InternalServerError: no"),
        (NoAnswerError("reset"), "OCI does not answer: reset"),
        (BadAnswerError("GetVnic", "no body"), "GetVnic: the answer makes no sense"),
    ],
)
async def test_last_failure_comes_out_when_time_is_up(
    autojump_clock: MockClock, error: Exception, words: str
) -> None:
    server = Server(*[error] * 1000)
    began = trio.current_time()
    with pytest.raises(CloudError, match=f"^{words}") as caught:
        await retrier()(server.ask)
    assert type(caught.value) is CloudError
    assert trio.current_time() - began <= MOST_SECONDS
    assert len(server.asked_at) > 5


async def test_throttled_caller_waits_longer(autojump_clock: MockClock) -> None:
    async def pause(error: OciError) -> float:
        server = Server(error)
        await retrier()(server.ask)
        return server.asked_at[1] - server.asked_at[0]

    slow, fast = await pause(refusal(429)), await pause(refusal(500))
    assert slow == pytest.approx(CROWDED * fast)


async def test_each_try_has_the_same_arguments(autojump_clock: MockClock) -> None:
    """A change is repeated with the one retry token of its caller."""
    tries: list[tuple[str, str]] = []

    async def create(vnic_id: str, *, retry_token: str) -> str:
        tries.append((vnic_id, retry_token))
        if len(tries) < 3:
            raise NoAnswerError("reset")
        return "made"

    assert await retrier()(create, "vnic1", retry_token="once") == "made"  # noqa: S106
    assert tries == [("vnic1", "once")] * 3


@pytest.mark.parametrize("defect", [ValueError("x"), KeyError("y"), CloudError("z")])
async def test_other_errors_pass_unchanged(
    autojump_clock: MockClock, defect: Exception
) -> None:
    server = Server(defect)
    with pytest.raises(type(defect)) as caught:
        await retrier()(server.ask)
    assert caught.value is defect
    assert len(server.asked_at) == 1
