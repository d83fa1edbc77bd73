"""Answers of the API server become values, or an error with the request's name."""

import msgspec
import pytest

from vcnd.kubeapi.decode import decode
from vcnd.kubeapi.errors import BadAnswerError
from vcnd.model.cause import Cause


class Thing(msgspec.Struct):
    """What an answer should be."""

    size: int


def test_answer_becomes_a_value() -> None:
    assert decode("GET /x", b'{"size": 7, "later": 1}', Thing) == Thing(7)


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>\x1b[0m", b"[]", b'{"size": "7"}', b'{"x": "\xff"}', b"[" * 100_000],
)
def test_answer_that_makes_no_sense_is_an_error(content: bytes) -> None:
    with pytest.raises(BadAnswerError) as caught:
        decode("GET /x", content, Thing)
    assert str(caught.value).startswith("GET /x: the answer makes no sense: ")
    assert str(caught.value).isprintable()
    assert (caught.value.status, caught.value.cause) == (0, Cause.BAD_ANSWER)
