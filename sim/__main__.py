"""The command line of ``./vcn sim``."""

import os
import sys
import time

import click
import msgspec
from rich.console import Console
from rich.table import Table

from sim import report
from sim.many import ORDER, many


@click.command()
@click.option("--nodes", default=20, show_default=True, type=click.IntRange(1, 5000))
@click.option(
    "--hours", default=1.0, show_default=True, type=click.FloatRange(0.01, 1000)
)
@click.option("--seed", default=1, show_default=True, help="The first seed.")
@click.option(
    "--seeds",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    help="How many seeds, one after another.",
)
@click.option(
    "--processes",
    default=0,
    type=click.IntRange(0),
    help="How many runs at once; one for each core where it is left out.",
)
@click.option("--json", "to_json", is_flag=True, help="Print figures as JSON.")
def main(
    nodes: int, hours: float, seed: int, seeds: int, processes: int, *, to_json: bool
) -> None:
    """Run whole clusters in virtual time, with faults, and check the invariants.

    The same seed gives the same run.
    """
    _repeatable()
    began, outcomes = time.monotonic(), []
    console = Console(stderr=True)
    numbers = range(seed, seed + seeds)
    for outcome in many(numbers, nodes=nodes, hours=hours, processes=processes):
        outcomes.append(outcome)
        for line in report.lines(outcome):
            console.print(line, highlight=False, markup=False)
        if outcome.violations:
            again = f"./vcn sim --nodes {nodes} --hours {hours:g} --seed {outcome.seed}"
            console.print(f"  again: {again}", highlight=False)
    figures = report.of(
        outcomes, nodes=nodes, hours=hours, wall_seconds=time.monotonic() - began
    )
    if to_json:
        click.echo(msgspec.json.format(msgspec.json.encode(figures)).decode())
    else:
        _show(figures)
    sys.exit(1 if figures.violations else 0)


def _repeatable() -> None:
    """Start again with a fixed hash of texts, unless it is fixed."""
    if os.environ.get("PYTHONHASHSEED") != ORDER:
        os.environ["PYTHONHASHSEED"] = ORDER
        os.execv(  # noqa: S606 - this program itself
            sys.executable, [sys.executable, "-m", "sim", *sys.argv[1:]]
        )


def _show(figures: report.Report) -> None:
    table = Table("what", "number")
    for name, value in msgspec.to_builtins(figures).items():
        shown = len(value) if isinstance(value, list) else value
        table.add_row(name.replace("_", " "), f"{shown:,}")
    Console().print(table)


if __name__ == "__main__":
    main()
