"""OCI's bytes as values, and errors with a part of the malformed bytes."""

import msgspec
import pytest

from vcnd.ociapi.decode import decode
from vcnd.ociapi.errors import BadAnswerError


class Thing(msgspec.Struct):
    """A value with a rule for its field."""

    size: int

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError("a size below zero")


def test_answer_becomes_a_value() -> None:
    found = decode(b'{"size": 7, "later": 1}', Thing, operation="Get", request_id="A")
    assert found == Thing(7)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no body"),
        (b" \n", "no body"),
        (b"null", "Expected `object`, got `null` in 4 bytes that begin 'null'"),
        (b"[7]", "got `array`"),
        (b'{"size": "7"}', r"Expected `int`, got `str` - at `\$.size`"),
        (b'{"size": -1}', "a size below zero"),
        (b"<html>502</html>", "JSON is malformed.*begin '<html>502</html>'"),
        (b'{"size": "\xff"}', "in 13 bytes"),
        (b'{"deep": ' + b"[" * 100_000, "nested too deep"),
        (b"x" * 10_000, "in 10000 bytes that begin '" + "x" * 48 + "'"),
        (b"\x1b[31mno\x00", "begin ' .31mno '"),
    ],
)
def test_answer_that_makes_no_sense_is_an_error(body: bytes, words: str) -> None:
    with pytest.raises(BadAnswerError, match=words) as caught:
        decode(body, Thing, operation="GetThing", request_id="ABC")
    assert str(caught.value).startswith("GetThing: the answer makes no sense: ")
    assert str(caught.value).endswith("(opc-request-id ABC)")
    assert str(caught.value).isprintable()
