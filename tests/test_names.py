"""Tests are named by subject, verb and object, in the field's words."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
NAME = re.compile(r"^ *(?:async )?def (test_\w+)", re.MULTILINE)
MOST_CHARACTERS = 70
DIALECT = {
    *("came", "forgives", "look", "looks", "nonsense", "relief", "said", "somebody"),
    *("trouble", "whoever", "wish", "wishes"),
}
"""Words of our own, for which the field has others."""


def test_names_are_short_and_plain() -> None:
    paths = [
        p for room in ("tests", "integration") for p in (ROOT / room).rglob("*.py")
    ]
    names = {name for path in paths for name in NAME.findall(path.read_text())}
    assert "test_names_are_short_and_plain" in names
    assert {n for n in names if len(n) > MOST_CHARACTERS} == set()
    assert {n for n in names if not DIALECT.isdisjoint(n.split("_"))} == set()
