"""``vcndctl audit``: what differs from what the daemon knows, and its repair."""

import sys
from collections.abc import Sequence

import click

from vcnd.ctl.exits import Exit
from vcnd.ctl.telling import as_json, plain, show_json, telling
from vcnd.model.audit import AuditReport, Difference, PastRepair
from vcnd.serve.ask import ask_for
from vcnd.serve.verbs import AUDIT, AUDIT_REPAIR

MOST_PAST = 5
HEAD = ("WITNESS", "KIND", "WHAT", "FOUND", "WANTED", "FOR", "REPAIR")


@click.command()
@click.option("--repair", is_flag=True, help="Repair what differs.")
@as_json
@click.pass_obj
def audit(path: str, *, repair: bool, as_json: bool) -> None:
    """Compare journal, kernel, cloud, runtime and Kubernetes.

    Without --repair nothing is changed.  Exit codes: 0, all agree; 3, something
    differs; 4, nothing differs, but something could not be compared.
    """
    with telling():
        report = ask_for(path, AUDIT_REPAIR if repair else AUDIT)
    if as_json:
        show_json(report)
    else:
        click.echo(describe(report))
    if report.differs:
        sys.exit(Exit.WRONG)
    if report.unread:
        sys.exit(Exit.UNSURE)


def describe(report: AuditReport) -> str:
    """Return an audit in lines for a person."""
    rows = [_row(d, d.repair or "none: only told") for d in report.differences]
    rows += [_row(d, "done") for d in report.repaired]
    lines = _table([HEAD, *rows]) if rows else []
    lines += [f"not compared: {w}: {why}" for w, why in report.unread.items()]
    if report.refused:
        lines.append(f"the repair: {report.refused}")
    if not report.differs and not report.unread:
        lines.append("journal, kernel, cloud and runtime agree")
    lines += [_past(x) for x in report.past[:MOST_PAST]]
    return plain("\n".join(lines))


def _row(difference: Difference, repair: str) -> tuple[str, ...]:
    d = difference
    what = f"{d.what} ({d.pod})" if d.pod else d.what
    found, wanted = d.found or "missing", d.wanted or "none"
    return (d.witness, d.kind, what, found, wanted, f"{d.since_seconds:.0f} s", repair)


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = ((x.ljust(w) for x, w in zip(r, widths, strict=True)) for r in rows)
    return ["  ".join(cells).rstrip() for cells in padded]


def _past(repair: PastRepair) -> str:
    by = f", changed by {repair.by}" if repair.by else ""
    return (
        f"repaired {repair.seconds_ago:.0f} s ago: {repair.number} {repair.kind}:"
        f" {repair.what}{by}"
    )
