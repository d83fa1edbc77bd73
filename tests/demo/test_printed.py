"""docs/demo.svg is what the demo prints now."""

import io
import re
from pathlib import Path

from integration.demo.checks import CHECKS
from integration.demo.printed import picture, recording

ROOT = Path(__file__).parents[2]
PICTURE = (ROOT / "docs" / "demo.svg").read_text()
MOST_MISSING = 3
"""Checks that are newer than the picture: it takes a run of some minutes."""
TOOL = re.compile(r"<!--.*?-->|xmlns=\S+")
"""Who made it, and the name of SVG: nothing that is loaded."""


def names(svg: str) -> list[str]:
    """Return the checks that a picture shows, in their order."""
    known = {check.__name__ for check in CHECKS}
    return [word for word in re.split(r"[^\w]+", svg) if word in known]


def test_picture_shows_the_demos_checks() -> None:
    shown = names(PICTURE)
    assert "FAILED" not in PICTURE
    assert len(shown) == PICTURE.count(">ok<"), "it shows a check that is gone"
    lacks = {check.__name__ for check in CHECKS} - {*shown}
    assert len(lacks) <= MOST_MISSING, "run: ./vcn demo --svg docs/demo.svg"


def test_picture_loads_nothing() -> None:
    console = recording(as_json=True)
    console.file = io.StringIO()
    console.print("[green]ok[/] one_check")
    made = picture(console)
    assert "one_check" in made
    for svg in (PICTURE, made):
        assert "http" not in TOOL.sub("", svg)
