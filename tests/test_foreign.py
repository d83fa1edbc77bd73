"""Foreign text is printable."""

import pytest

from vcnd.foreign import MOST_TEXT, printable


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
