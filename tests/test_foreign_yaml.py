"""Foreign YAML becomes a value or one error, within bounds."""

from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from tests.odd_yaml import BOMB, DEEP, MERGES, NO_VALUES, SELF
from vcnd.foreign_yaml import MOST_DEPTH, BoundsError, check, loader, yaml_as


@pytest.mark.parametrize(
    "text", [*NO_VALUES, "a: [", "\x00", b"\xff", "a: !!python/name:x y", "? [a]\n: b"]
)
def test_yaml_that_is_no_value_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        yaml_as(text, Any)


def test_yaml_of_another_structure_is_a_value_error() -> None:
    assert yaml_as("a: 1", dict[str, int]) == {"a": 1}
    with pytest.raises(ValueError, match="Expected `int`"):
        yaml_as("a: b", dict[str, int])


def test_date_without_a_tag_is_read_as_text() -> None:
    assert yaml_as("a: 2026-01-01", dict[str, str]) == {"a": "2026-01-01"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (DEEP, "deeper"),
        ("- " * 3000, "deeper"),
        ("? " * 3000, "deeper"),
        ("&a [*a]", "deeper"),
        (SELF, "deeper"),
        ("a: &a " + "[" * 40 + "]" * 40 + "\nb: " + "[" * 40 + "*a" + "]" * 40, "deep"),
        (BOMB, "more than 100000 values"),
        (MERGES, "more than 100000 values"),
        ("a: 0x" + "f" * 4000, "more than 64 digits"),
        ("a: 1:" + "59:" * 2000 + "0", "more than 64 digits"),
        ("x" * (17 << 20), "longer than"),
    ],
    ids=range(11),
)
def test_yaml_beyond_the_bounds_is_refused_before_it_is_made(
    text: str, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        yaml_as(text, Any)


def test_yaml_up_to_the_bounds_is_read() -> None:
    deep: Any = yaml_as("[" * MOST_DEPTH + "]" * MOST_DEPTH, Any)
    for _ in range(MOST_DEPTH - 1):
        (deep,) = deep
    assert deep == []
    merged: Any = yaml_as("a: &a {x: 1}\nb: {<<: *a, y: 2}\nc: [*a, *a]\n", Any)
    assert merged == {"a": {"x": 1}, "b": {"x": 1, "y": 2}, "c": [{"x": 1}] * 2}
    assert yaml_as("a: 0xff\nb: 1_000", dict[str, int]) == {"a": 255, "b": 1000}


def test_bounds_may_be_wider() -> None:
    assert yaml_as("[1, 2]", list[int], most=3) == [1, 2]
    with pytest.raises(ValueError, match="more than 2 values"):
        yaml_as("[1, 2]", list[int], most=2)


def test_anchors_are_those_of_one_document() -> None:
    text = "--- &a [x]\n--- [*a]\n"
    check(yaml.parse(text, Loader=yaml.SafeLoader))
    made = loader(yaml.SafeLoader)(text)
    assert made.get_data() == ["x"]
    with pytest.raises(yaml.YAMLError, match="undefined alias"):
        made.get_data()


def test_what_is_beyond_the_bounds_has_a_line() -> None:
    with pytest.raises(BoundsError) as caught:
        check(yaml.parse("a: 1\nb: " + "[" * 100, Loader=yaml.SafeLoader))
    assert caught.value.line == 2
