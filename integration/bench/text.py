"""Reports as tables for a terminal, or as JSON."""

import json
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from integration.bench.aims import Judged
from integration.bench.report import Report, as_json


def figure(value: float) -> str:
    """Return a measured value with the digits that mean something."""
    return f"{value:.4g}" if value < 1000 else f"{value:,.0f}"  # noqa: PLR2004


def show(console: Console, report: Report) -> None:
    """Print rows, ratios, noise and what is missing."""
    for row in report.rows:
        table = Table(f"{row.name}, {row.unit}", "p50", "p99", "min", "samples")
        for side, s in row.sides.items():
            figures = (figure(x) for x in (s.p50, s.p99, s.minimum))
            table.add_row(side, *figures, str(s.samples))
        console.print(table)
        for r in row.ratios:
            console.print(
                f"  {r.of} / {r.to}: [bold]{r.p50:.3f}[/]"
                f" (blocks {r.low:.3f} to {r.high:.3f}; p99 {r.p99:.3f})",
                highlight=False,
            )
    n = report.noise
    console.print(
        f"machine: loop of constant work {n.loop_us:.0f} us, spread {n.loop_spread},"
        f" {n.on_processor_percent} % on a processor; stolen {n.steal_percent} %,"
        f" busy {n.busy_percent} %",
        highlight=False,
    )
    for what, why in report.missing.items():
        console.print(f"not measured: {what}: {why}", highlight=False)


def print_report(report: Report, *, to_json: bool) -> None:
    """Print a report and its aims to standard output."""
    console = Console()
    if to_json:
        console.out(json.dumps(as_json(report), indent=2), highlight=False)
        return
    show(console, report)
    show_aims(console, report.aims())


def show_aims(console: Console, aims: Sequence[Judged]) -> None:
    """Print the aims beside the values."""
    table = Table("aim", "", "measured", "met")
    for aim in aims:
        value = "not measured" if aim.value is None else f"{aim.value:.3f}"
        met = "yes" if aim.met else "NO"
        table.add_row(aim.what, f"{aim.bound} {aim.aim:g}", value, met)
    console.print(table)
