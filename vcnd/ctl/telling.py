"""How commands end, and what they print."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from vcnd.serve.ask import AskError

as_json = click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")


@contextmanager
def telling() -> Iterator[None]:
    """End with one line when a daemon cannot be asked."""
    try:
        yield
    except AskError as error:
        sys.exit(f"vcndctl: {plain(str(error))}")


def show_json(answer: Any) -> None:
    """Print an answer as it is."""
    click.echo(json.dumps(answer, indent=2))


def plain(text: str) -> str:
    """Return a text whose characters move no cursor: others gave us parts of it."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)
