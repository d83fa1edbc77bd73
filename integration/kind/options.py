"""Options of several of ``./vcn kind``'s commands."""

from typing import Any

import click
from click.core import ParameterSource
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

HELM = click.option(
    "--helm/--kustomize",
    default=False,
    help="What installs vcnd; kustomize by default.",
)


def given() -> dict[str, Any]:
    """Return the options that the command line gives, by name: no defaults."""
    context = click.get_current_context()
    return {
        name: value
        for name, value in context.params.items()
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    }


def console_of(*, as_json: bool) -> Console:
    """Return where a command says what it does; its JSON alone goes to the output."""
    return Console(stderr=as_json, highlight=False)
