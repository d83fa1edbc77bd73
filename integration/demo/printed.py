"""What the demo prints, as a picture: docs/demo.svg."""

import re
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console

WIDTH = 84
FONT = "DejaVu Sans Mono, Menlo, Consolas, monospace"
FONT_FACE = re.compile(r"@font-face {{.*?}}\s*", re.DOTALL)
"""A font that a page would load from another host."""


def recording(*, as_json: bool) -> Console:
    """Return a console that remembers what it prints, in colours.

    Args:
        as_json: the standard output is for JSON, so print on standard error.
    """
    return Console(stderr=as_json, record=True, width=WIDTH)


def write(console: Console, path: Path) -> None:
    """Write what a console has printed."""
    path.write_text(picture(console))


def picture(console: Console) -> str:
    """Return what a console has printed, as SVG that loads nothing."""
    form = FONT_FACE.sub("", CONSOLE_SVG_FORMAT)
    form = form.replace("Fira Code, monospace", FONT)
    return console.export_svg(title="./vcn demo", code_format=form)
