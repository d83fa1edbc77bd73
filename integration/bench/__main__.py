"""The command line of ``./vcn bench``."""

import json
import sys
import tempfile
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import Any

import click
import msgspec
import trio
from rich.console import Console

from integration.bench import add as add_bench
from integration.bench import every, phases, plot, text
from integration.bench import memory as memory_bench
from integration.bench import start as start_bench
from integration.bench.cloud import report as cloud_report
from integration.bench.cloud import rows
from integration.bench.cloud.stage import TIMING
from integration.bench.datapath import bench as datapath_bench
from integration.bench.datapath import build as datapath_build
from integration.bench.datapath import profile as datapath_profile
from integration.bench.policy import parts as policy_parts
from integration.bench.report import Report
from integration.bench.spawn import PLUGINS
from integration.build.cache import Cache
from integration.lab import enclosure
from vcnd.log import log

ROUNDS = click.option(
    "--rounds", default=8, show_default=True, type=click.IntRange(1, 200)
)
JSON = click.option("--json", "to_json", is_flag=True, help="Print figures as JSON.")
FILE = click.Path(dir_okay=False, writable=True, path_type=Path)
PLOT = click.option(
    "--plot",
    "plot_file",
    type=FILE,
    help="Write a picture of the figures, as SVG.",
)


@click.group()
def main() -> None:
    """Measure, beside others, in one interleaved run."""


def enclosed(
    command: Callable[..., Any], prepare: Callable[[], None] | None = None
) -> Callable[..., Any]:
    """Run a command in namespaces of its own, which end with it.

    The command gets a folder of its own, too.  What it needs from outside is prepared
    before.
    """

    @wraps(command)
    def inside(**options: Any) -> Any:
        if prepare is not None and not enclosure.inside():
            prepare()
        enclosure.enter("integration.bench", sys.argv[1:])
        with tempfile.TemporaryDirectory(prefix="vcnd-bench-") as directory:
            return command(Path(directory), **options)

    return inside


def shown(command: Callable[..., Report]) -> Callable[..., None]:
    """Add --json and --plot to a command, and show the report that it returns."""

    @wraps(command)
    def show(*, to_json: bool, plot_file: Path | None, **options: Any) -> None:
        report = command(**options)
        if plot_file is not None:
            plot_file.write_text(plot.svg([report], report.aims()))
        text.print_report(report, to_json=to_json)

    return JSON(PLOT(show))


def counted(rounds: int) -> Callable[[int], None]:
    """Return what tells people how far a bench is."""
    return lambda number: _say(f"round {number} of {rounds}")


def _cache() -> Cache:
    return Cache(Console(stderr=True))


def _say(words: str) -> None:
    click.echo(words, err=True)


@main.command()
@ROUNDS
@click.option("--calls", default=24, show_default=True, type=click.IntRange(4, 32))
@click.option(
    "--phases",
    "phases_file",
    type=FILE,
    help="Write a picture of where a call's microseconds go, as SVG.",
)
@shown
@enclosed
def add(directory: Path, rounds: int, calls: int, phases_file: Path | None) -> Report:
    """Time ADD and DEL, one caller and 32, beside Debian's ptp + host-local."""
    if not (PLUGINS / "ptp").exists():
        sys.exit("bench add: needs Debian's containernetworking-plugins")
    measure = partial(
        add_bench.measure, rounds=rounds, calls=calls, progress=counted(rounds)
    )
    report = trio.run(measure, directory)
    if phases_file is not None:
        phases_file.write_text(phases.picture(report))
    return report


@main.command()
@click.option("--rounds", default=100, show_default=True, type=click.IntRange(1, 1000))
@click.option(
    "--pods",
    multiple=True,
    default=(110, 250),
    show_default=True,
    type=click.IntRange(2, 1000),
    help="Pods a node, each beside nodes with one pod.",
)
@shown
@partial(enclosed, prepare=lambda: datapath_build.build(_cache(), _say))
def datapath(directory: Path, rounds: int, pods: tuple[int, ...]) -> Report:
    """Time a packet between pods, beside Flannel's VXLAN and host to host."""
    return datapath_bench.measure(
        directory, _cache(), rounds=rounds, pods=pods, progress=_say
    )


@main.command()
@click.option("--calls", default=20_000, show_default=True, type=click.IntRange(100))
@shown
@enclosed
def memory(directory: Path, calls: int) -> Report:
    """Read the daemon's memory with 110 leases, and over many ADDs and DELs."""
    measure = partial(
        memory_bench.measure,
        calls=calls,
        progress=lambda made: _say(f"{made} of {calls} calls"),
    )
    return trio.run(measure, directory)


@main.command()
@ROUNDS
@shown
@enclosed
def start(directory: Path, rounds: int) -> Report:
    """Time the daemon's start with 110 leases, exec to READY=1."""
    measure = partial(start_bench.measure, rounds=rounds, progress=counted(rounds))
    return trio.run(measure, directory)


@main.command()
@click.option(
    "--test",
    default="rr",
    show_default=True,
    type=click.Choice([*datapath_bench.TESTS]),
    help="What is measured.",
)
@JSON
@PLOT
@partial(enclosed, prepare=lambda: datapath_build.build(_cache(), _say))
def profile(
    directory: Path, *, test: str, to_json: bool, plot_file: Path | None
) -> None:
    """Show where the microseconds of a packet go, by perf: a picture for docs."""
    try:
        bars = datapath_profile.measure(directory, _cache(), test, _say)
    except datapath_profile.ProfileError as error:
        sys.exit(f"bench profile: {error}")
    if plot_file is not None:
        plot_file.write_text(datapath_profile.picture(bars, test))
    if to_json:
        click.echo(json.dumps(msgspec.to_builtins(bars), indent=2))
        return
    for bar in bars:
        click.echo(f"{bar.side}: {bar.p50} us")
        for part, microseconds in bar.parts.items():
            click.echo(f"  {microseconds:7.2f}  {part}")


@main.command()
@click.option(
    "--part",
    "parts",
    multiple=True,
    type=click.Choice([*policy_parts.PARTS]),
    help="Measure this part only; may be given several times.",
)
@click.option(
    "--values", type=click.File(), help="What ./vcn kind policy --json printed."
)
@shown
def policy(parts: tuple[str, ...], values: Any) -> Report:
    """Measure network policies beside kube-router: starts, changes, packets, memory."""
    suites = json.load(values)["suites"] if values else {}
    elsewhere = policy_parts.of_suites(suites)
    return policy_parts.run(parts or [*policy_parts.PARTS], elsewhere, _say)


@main.command("all")
@click.option(
    "--values",
    type=click.File(),
    help="What ./vcn kind bench --against flannel --json printed.",
)
@JSON
@PLOT
def all_(values: Any, *, to_json: bool, plot_file: Path | None) -> None:
    """Run all benches but cloud and policy, one after another; show all aims."""
    elsewhere = json.load(values)["values"] if values else {}
    got = every.run(elsewhere=elsewhere, progress=_say)
    if plot_file is not None:
        plot_file.write_text(plot.svg(got.reports, got.aims()))
    if to_json:
        click.echo(json.dumps(got.as_json(), indent=2))
        return
    console = Console()
    for report in got.reports:
        text.show(console, report)
    text.show_aims(console, got.aims())
    for name, why in got.failed.items():
        console.print(f"bench {name}: {why}", highlight=False)


@main.command()
@click.option("--nodes/--no-nodes", default=True, help="The thousand nodes too.")
@JSON
def cloud(*, nodes: bool, to_json: bool) -> None:
    """Count API calls and virtual seconds, beside a replay of OKE's controller."""
    # The daemon's log is of no use here: a thousand nodes write it at once.
    log.set_up(level="critical", form="logfmt", for_journal=False)
    figures = rows.measure(nodes=nodes, progress=_say)
    figures["timing"] = TIMING
    click.echo(json.dumps(figures, indent=2) if to_json else cloud_report.text(figures))
    if not all(aim["met"] for aim in figures["aims"]):
        sys.exit(1)


if __name__ == "__main__":
    main()
