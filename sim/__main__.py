"""The command line of ``./vcn sim``."""

import os
import sys
import tempfile
import time
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table

from sim import report
from sim.fleet.events import Schedule
from sim.fleet.run import run
from sim.fleet.shrink import shrunk
from sim.many import ORDER, Size, many, schedule_of

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.option("--nodes", default=20, show_default=True, type=click.IntRange(1, 5000))
@click.option(
    "--hours", default=1.0, show_default=True, type=click.FloatRange(0.01, 1000)
)
@click.option(
    "--pods-per-hour",
    default=4.0,
    show_default=True,
    type=click.FloatRange(0, 1000),
    help="Pods that a node gets; by the seed half as many to four times as many.",
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
@click.option("--replay", type=FILE, help="Run a schedule that was kept in a file.")
@click.option(
    "--shrink/--no-shrink",
    default=True,
    help="Leave out what the first violation does not need, and keep that in a file.",
)
@click.option("--json", "to_json", is_flag=True, help="Print figures as JSON.")
def main(
    nodes: int,
    hours: float,
    pods_per_hour: float,
    seed: int,
    seeds: int,
    processes: int,
    replay: Path | None,
    *,
    shrink: bool,
    to_json: bool,
) -> None:
    """Run whole clusters in virtual time, with faults, and check the invariants.

    The same seed gives the same run.
    """
    _repeatable()
    if replay is not None:
        sys.exit(_replay(replay))
    began, outcomes = time.monotonic(), []
    size = Size(nodes, hours, pods_per_hour)
    for outcome in many(range(seed, seed + seeds), size, processes=processes):
        outcomes.append(outcome)
        for line in report.lines(outcome):
            _say(line)
        if outcome.violations:
            _say(f"  again: ./vcn sim {_options(size)} --seed {outcome.seed}")
        if outcome.violations and shrink:
            _shrink(schedule_of(outcome.seed, size))
            shrink = False
    figures = report.of(outcomes, size, wall_seconds=time.monotonic() - began)
    if to_json:
        click.echo(msgspec.json.format(msgspec.json.encode(figures)).decode())
    else:
        _show(figures)
    sys.exit(1 if figures.violations else 0)


def _options(size: Size) -> str:
    """Return the options that lead to fleets of a size."""
    pods = f"--pods-per-hour {size.pods_per_hour:g}"
    return f"--nodes {size.nodes} --hours {size.hours:g} {pods}"


def _say(line: str) -> None:
    click.echo(line, err=True)


def _shrink(schedule: Schedule) -> None:
    """Show the events that a violation needs, and keep them in a file."""
    _say(f"  shrinking {len(schedule.events)} events")
    smaller = shrunk(schedule)
    for event in smaller.events:
        _say(f"  {event}")
    path = Path(tempfile.gettempdir()) / f"vcn-sim-{schedule.seed}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(smaller)))
    _say(f"  these alone: ./vcn sim --replay {path}")


def _replay(path: Path) -> int:
    """Run the schedule of a file; return 1 if it violates a rule."""
    outcome = run(msgspec.json.decode(path.read_bytes(), type=Schedule))
    for line in report.lines(outcome):
        click.echo(line)
    click.echo(f"{outcome.events} events, trace {outcome.trace[:16]}")
    return 1 if outcome.violations else 0


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
