"""``./vcn bench``."""

import json
import logging
import sys
import tempfile
from pathlib import Path

import click
import structlog
import trio

from integration.bench import add as add_bench
from integration.bench.cloud import report, rows
from integration.bench.cloud.stage import TIMING
from integration.lab import enclosure


@click.group()
def main() -> None:
    """Measure, beside others, in one interleaved run."""


@main.command()
@click.option("--rounds", default=8, show_default=True, type=click.IntRange(1, 100))
@click.option("--calls", default=24, show_default=True, type=click.IntRange(4, 32))
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def add(rounds: int, calls: int, *, as_json: bool) -> None:
    """ADD and DEL, one caller and 32, beside Debian's ptp + host-local."""
    if not (add_bench.PLUGINS / "ptp").exists():
        sys.exit("bench add: needs Debian's containernetworking-plugins")
    enclosure.enter("integration.bench", sys.argv[1:])

    def progress(number: int) -> None:
        click.echo(f"round {number} of {rounds}", err=True)

    with tempfile.TemporaryDirectory(prefix="vcnd-bench-") as directory:
        figures = trio.run(
            lambda: add_bench.measure(
                Path(directory), rounds=rounds, calls=calls, progress=progress
            )
        )
    if as_json:
        click.echo(json.dumps(figures, indent=2))
        return
    for side in ("ours", "theirs"):
        click.echo(
            f"{side:<7} " + "  ".join(f"{k} {v}" for k, v in figures[side].items())
        )
    for name in [k for k in figures if k.endswith("_ratio")]:
        click.echo(f"{name:<20} {figures[name]}   (ours / ptp + host-local)")


@main.command()
@click.option("--nodes/--no-nodes", default=True, help="The thousand nodes too.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def cloud(*, nodes: bool, as_json: bool) -> None:
    """API calls and virtual seconds, beside a replay of OKE's controller."""
    # The daemon's log is of no use here: a thousand nodes write it at once.
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL)
    )
    figures = rows.measure(nodes=nodes, progress=lambda t: click.echo(t, err=True))
    figures["timing"] = TIMING
    click.echo(json.dumps(figures, indent=2) if as_json else report.text(figures))
    if not all(aim["met"] for aim in figures["aims"]):
        sys.exit(1)


if __name__ == "__main__":
    main()
