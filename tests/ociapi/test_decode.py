"""OCI's bytes as values, and errors with a part of the malformed bytes."""

import msgspec
import pytest

from vcnd.ociapi.decode import MOST_TEXT, decode, printable
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


@pytest.mark.parametrize(
    ("text", "most", "expected"),
    [
        ("plain", 512, "plain"),
        ("a\nb\tc\x1b[0m\x00", 512, "a b c [0m "),
        (b"bytes \xff", 512, "bytes \ufffd"),
        ("a\u202eb", 512, "a b"),  # U+202E: the rest runs right to left
        ("abcdef", 3, "abc"),
        (b"abcdef", 3, "abc"),
        ("äöü".encode(), 2, "äö"),
        ("", 512, ""),
    ],
)
def test_foreign_text_is_cut_and_made_printable(
    text: str | bytes, most: int, expected: str
) -> None:
    assert printable(text, most) == expected


def test_long_text_is_cut_to_the_default() -> None:
    assert len(printable("x" * 5000)) == MOST_TEXT
    assert len(printable(b"x" * 5000)) == MOST_TEXT
