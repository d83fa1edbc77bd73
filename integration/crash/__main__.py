"""``./vcn crash``: kill the daemon at each step of its I/O, and compare."""

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import click
import msgspec
import trio
from rich.console import Console
from rich.table import Table

from integration.crash import policy_scenarios, pool_scenarios, ptrace, scenarios
from integration.crash.kills import Outcome
from integration.crash.staging import running_stage
from integration.crash.sweep import Summary, sweep
from integration.lab import enclosure

ALL = (
    *scenarios.ALL,
    *pool_scenarios.ALL,
    *policy_scenarios.ALL,
    *pool_scenarios.EMPTIED,
)
"""In the order in which they run."""
NAMES = [each.name for each in ALL]


class Stops(NamedTuple):
    """At which steps the daemon is stopped (``sweep``)."""

    every: int
    errnos: bool
    reads: bool


@click.command()
@click.option(
    "--scenario",
    "names",
    multiple=True,
    type=click.Choice(NAMES),
    help="Run this one; may be repeated.  [default: all]",
)
@click.option(
    "--every",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    help="Stop at each N-th step only.",
)
@click.option(
    "--errnos/--no-errnos",
    default=True,
    show_default=True,
    help="Refuse each step, too, with an error that the kernel may have.",
)
@click.option(
    "--reads",
    is_flag=True,
    help="Kill before steps, too, that only read: all is as after the last change.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--verbose", is_flag=True, help="Print each run.")
def main(
    names: tuple[str, ...],
    *,
    every: int,
    errnos: bool,
    reads: bool,
    as_json: bool,
    verbose: bool,
) -> None:
    """Kill the daemon at each step of its I/O on a real kernel, and compare."""
    ptrace.require()
    if not enclosure.inside():
        # Outside, so that nothing stays if all inside is killed.
        with tempfile.TemporaryDirectory(prefix="vcnd-crash-") as temporary:
            os.environ["TMPDIR"] = temporary
            enclosure.enter("integration.crash", sys.argv[1:])
    enclosure.prepare()
    console = Console(stderr=as_json)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="vcnd-crash-") as directory:
        chosen = [s for s in ALL if not names or s.name in names]
        found = trio.run(
            _run, Path(directory), chosen, Stops(every, errnos, reads), console, verbose
        )
    violations = [v for s in found.values() for v in s.violations]
    result = {
        "scenarios": {n: msgspec.to_builtins(s) for n, s in found.items()},
        "steps": sum(s.steps for s in found.values()),
        "kills": sum(s.kills for s in found.values()),
        "errnos": sum(s.errnos for s in found.values()),
        "violations": violations,
        "seconds": round(time.monotonic() - began, 1),
    }
    if as_json:
        click.echo(json.dumps(result, indent=2))
    else:
        console.print(_table(found))
        console.print(
            f"{result['kills']} kills and {result['errnos']} refused calls at"
            f" {result['steps']} steps in {result['seconds']} s:"
            f" {len(violations)} violations"
        )
    sys.exit(1 if violations else 0)


async def _run(
    directory: Path,
    chosen: list[type[scenarios.Scenario]],
    stops: Stops,
    console: Console,
    verbose: bool,  # noqa: FBT001 - trio.run passes no keywords
) -> dict[str, Summary]:
    found: dict[str, Summary] = {}

    def tell(words: str, outcome: Outcome) -> None:
        if verbose:
            console.print(f"  {words}", highlight=False, markup=False)
            if outcome.answer:
                console.print(f"    answer: {outcome.answer}", markup=False)
        for violation in outcome.violations:
            console.print(f"  {words}: {violation}", markup=False, style="red")

    async with running_stage(directory) as stage:
        for kind in chosen:
            began = time.monotonic()
            summary = await sweep(stage, kind(), tell=tell, **stops._asdict())
            summary.seconds = round(time.monotonic() - began, 1)
            found[kind.name] = summary
            console.print(
                f"[bold]{kind.name}[/]: {summary.steps} steps, {summary.kills} kills,"
                f" {summary.errnos} refused calls, {summary.seconds} s",
                highlight=False,
            )
    return found


def _table(found: dict[str, Summary]) -> Table:
    table = Table(title="Kills at each step", show_lines=False)
    for column in ("scenario", "steps", "kills", "refused calls", "violations"):
        table.add_column(column, no_wrap=True)
    for name, one in found.items():
        counts = (one.steps, one.kills, one.errnos, len(one.violations))
        table.add_row(name, *map(str, counts))
    return table


if __name__ == "__main__":
    main()
