"""Foreign documents become values or one error; foreign text is printable."""

from typing import Any

import pytest

from tests.odd_yaml import NO_VALUES
from vcnd.foreign import MOST_TEXT, printable, yaml_as


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


@pytest.mark.parametrize(
    "text", [*NO_VALUES, "a: [", "\x00", b"\xff", "[" * 3000, "a: !!python/name:x y"]
)
def test_yaml_that_is_no_value_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        yaml_as(text, Any)


def test_yaml_of_another_structure_is_a_value_error() -> None:
    assert yaml_as("a: 1", dict[str, int]) == {"a": 1}
    with pytest.raises(ValueError, match="Expected `int`"):
        yaml_as("a: b", dict[str, int])
