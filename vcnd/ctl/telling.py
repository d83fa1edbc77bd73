"""How commands end, and what they print."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import msgspec

from vcnd.ctl.exits import exit_of
from vcnd.serve.ask import AskError

kubeconfig = click.option(
    "--kubeconfig",
    required=True,
    envvar="KUBECONFIG",
    type=click.Path(path_type=Path),
    help="How the API server is reached; KUBECONFIG by default.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")


@contextmanager
def telling(*failures: type[Exception]) -> Iterator[None]:
    """End with one line, and the exit code for it, when something cannot be asked.

    Args:
        failures: errors that end the command so, beside those of a daemon.
    """
    expected: tuple[type[Exception], ...] = (AskError, *failures)
    try:
        yield
    except expected as error:
        click.echo(f"vcndctl: {plain(' '.join(str(error).splitlines()))}", err=True)
        sys.exit(exit_of(error))


def show_json(answer: Any) -> None:
    """Print an answer as it is, in ASCII: no character of it moves the cursor."""
    click.echo(json.dumps(msgspec.to_builtins(answer), indent=2))


def plain(text: str) -> str:
    """Return a text whose characters move no cursor: others gave us parts of it."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)
