"""Options of several of ``./vcn kind``'s commands."""

import click
from rich.console import Console

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
OFFLINE = click.option(
    "--offline",
    is_flag=True,
    help="Build everything from package registries, with a Docker of our own.",
)
NODES = click.option("--nodes", default=3, show_default=True, type=click.IntRange(2, 6))

EXPRESS = click.option(
    "--express/--no-express",
    default=True,
    help="Whether vcnd may use its express lane.",
)
POLICY = click.option(
    "--policy",
    type=click.Choice(["strict", "standard", "off"]),
    default="strict",
    show_default=True,
    help="How vcnd-policy enforces network policies.",
)


def console_of(*, as_json: bool) -> Console:
    """Return where a command says what it does; its JSON alone goes to the output."""
    return Console(stderr=as_json, highlight=False)
