"""Where vcndctl prints: colours on terminals alone, and screens drawn again."""

import io
import sys
import time
from collections.abc import Callable, Collection
from typing import Literal

import click
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.live import Live
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from vcnd.ctl.exits import exit_of
from vcnd.ctl.telling import plain
from vcnd.serve.ask import AskError

WIDE = 1000
"""Columns if the output is no terminal, so that programs find whole lines."""
SECONDS = 2.0
GOOD, BAD, DOUBT, DIM, HEAD = "green", "bold red", "yellow", "dim", "bold"
"""Styles of words."""

watch = click.option(
    "--watch",
    "watched",
    is_flag=True,
    help=f"Draw it again every {SECONDS:g} s, until Ctrl-C.",
)


def console() -> Console:
    """Return the standard output; NO_COLOR, TERM and COLUMNS count."""
    is_screen = sys.stdout.isatty()
    return Console(highlight=False, width=None if is_screen else WIDE, emoji=False)


class Still:
    """Something whose characters move no cursor: others gave us parts of it."""

    def __init__(self, what: RenderableType) -> None:
        self._what = what

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> RenderResult:
        """Render it, control characters spelled out."""
        for part in console.render(self._what, options):
            yield part if part.control else Segment(plain(part.text), part.style)


def show(what: RenderableType) -> None:
    """Print something once."""
    console().print(Still(what))


def as_text(what: RenderableType, width: int = WIDE) -> str:
    """Return something as lines without colours.

    Args:
        what: it.
        width: columns.
    """
    out = Console(
        file=io.StringIO(), width=width, highlight=False, emoji=False, no_color=True
    )
    with out.capture() as captured:
        out.print(Still(what))
    lines = captured.get().splitlines()
    return "\n".join(line.rstrip() for line in lines)


def keep_showing(draw: Callable[[], RenderableType]) -> None:
    """Draw something again and again, until Ctrl-C.

    While the daemon cannot be asked, its screen says so.

    Args:
        draw: asks, and returns what is shown.
    """
    if not sys.stdout.isatty():
        click.echo("vcndctl: --watch needs a terminal", err=True)
        sys.exit(2)
    error: AskError | None = None
    with Live(console=console(), screen=True, auto_refresh=False) as live:
        try:
            while True:
                try:
                    shown, error = draw(), None
                except AskError as refusal:
                    shown, error = Text(f"vcndctl: {refusal}"), refusal
                live.update(Still(shown), refresh=True)
                time.sleep(SECONDS)
        except KeyboardInterrupt:
            pass
    if error is not None:
        sys.exit(exit_of(error))


def cell(text: object, style: str = "") -> Text:
    """Return a text of one line that is no markup, as wide as it is shown."""
    # Not the style of the whole: what is appended has its own.
    return Text().append(plain(str(text)).replace("\n", " "), style=style)


def table(*heads: str, right: Collection[str] = ()) -> Table:
    """Return an empty table without lines.

    Args:
        heads: of the columns; if all are empty, no head is shown.
        right: heads of columns with numbers.
    """
    made = Table(
        box=None, padding=(0, 2, 0, 0), show_header=any(heads), header_style="dim"
    )
    for head in heads:
        is_number = head in right
        # On a narrow terminal texts get shorter, and numbers do not.
        justify: Literal["left", "right"] = "right" if is_number else "left"
        made.add_column(head, justify=justify, no_wrap=is_number)
    return made
