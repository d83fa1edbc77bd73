"""What is tried again, with which arguments, and until when."""

from random import Random

import pytest
import trio

from vcnd.model.errors import CloudError, CloudGoneError
from vcnd.ociapi.errors import NoAnswerError, OciError
from vcnd.ociapi.polling import Poller
from vcnd.ociapi.retry import Retrier

Clock = trio.testing.MockClock


def refusal(status: int) -> OciError:
    return OciError(
        operation="GetVnic", status=status, code="", message="", request_id="r"
    )


class Api:
    """Answers with these, one after another, and notes what it was asked."""

    def __init__(self, *answers: str | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str]] = []

    async def create(self, vnic_id: str, *, retry_token: str) -> str:
        self.asked.append((vnic_id, retry_token))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def retry() -> Retrier:
    return Retrier(random=Random(1), give_up_seconds=60.0)


async def test_each_try_has_the_same_arguments(
    autojump_clock: Clock, retry: Retrier
) -> None:
    api = Api(refusal(500), NoAnswerError("reset"), refusal(409), "made")
    assert await retry(api.create, "vnic", retry_token="token") == "made"  # noqa: S106
    assert api.asked == [("vnic", "token")] * 4


async def test_a_final_refusal_is_not_tried_again(
    autojump_clock: Clock, retry: Retrier
) -> None:
    api = Api(refusal(404))
    with pytest.raises(CloudGoneError):
        await retry(api.create, "vnic", retry_token="token")  # noqa: S106
    assert len(api.asked) == 1


async def test_tries_end(autojump_clock: Clock, retry: Retrier) -> None:
    api = Api(*[refusal(500)] * 1000)
    began = trio.current_time()
    with pytest.raises(CloudError, match="500"):
        await retry(api.create, "vnic", retry_token="token")  # noqa: S106
    assert trio.current_time() - began <= 60.0


async def test_a_poll_asks_the_same_until_it_is_done(
    autojump_clock: Clock, retry: Retrier
) -> None:
    api = Api("coming", refusal(500), refusal(404), "coming", "done")
    poll = Poller(retry, wait_seconds=60.0)

    def done(answer: str) -> int | None:
        return len(answer) if answer == "done" else None

    assert await poll("it", done, api.create, "vnic", retry_token="t") == 4  # noqa: S106
    assert api.asked == [("vnic", "t")] * 5
