"""The commands ``bundle`` and ``replay``."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vcnd.ctl.exits import Exit
from vcnd.ctl.policy_asking import DEFAULT_SOCKET as POLICY_SOCKET
from vcnd.ctl.telling import as_json, plain, show_json, telling

if TYPE_CHECKING:
    from vcnd.ctl.bundle.archive import Bundle
    from vcnd.ctl.bundle.comparison import Replayed

CONFIGURATION = "/etc/vcnd/vcnd.toml"


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--config",
    "configuration",
    default=CONFIGURATION,
    show_default=True,
    type=click.Path(path_type=Path),
    help="The daemon's configuration.",
)
@click.option(
    "--policy-socket",
    default=POLICY_SOCKET,
    show_default=True,
    help="The socket of vcnd-policy.",
)
@click.option("--no-audit", is_flag=True, help="Ask neither the cloud nor Kubernetes.")
@click.pass_obj
def bundle(
    path: str,
    file: Path | None,
    configuration: Path,
    policy_socket: str,
    *,
    no_audit: bool,
) -> None:
    """Write everything that explains this node's state into one FILE, without secrets.

    It has state, journal, configuration, kernel listings and logs: with addresses,
    OCIDs and names of pods, without keys and tokens.  Only its owner can read it.
    Nothing else is changed.  Exit codes: 0, it is written; 1, it cannot be
    written; 4, it is written without the daemon's state or the journal.
    """
    from vcnd.ctl.bundle import archive, sources  # noqa: PLC0415

    made = sources.collect(path, configuration, policy_socket, audit=not no_audit)
    target = file or Path(_name(made.manifest.made_at))
    with telling(archive.BundleError):
        archive.write(target, archive.pack(made))
    click.echo(plain(describe(made, str(target))))
    if not {sources.STATUS, sources.JOURNAL} <= made.members.keys():
        sys.exit(Exit.UNSURE)


def _name(made_at: float) -> str:
    at = datetime.fromtimestamp(made_at, UTC).strftime("%Y%m%dT%H%M%SZ")
    return f"vcnd-{os.uname().nodename}-{at}.tar.gz"


def describe(made: "Bundle", name: str) -> str:
    """Return what became of a bundle's parts, in lines for a person."""
    notes = made.manifest.members
    absent = {n: note.missing for n, note in notes.items() if note.missing}
    lines = [f"missing   {n}: {why}" for n, why in absent.items()]
    lines += [f"cut       {n}: too large" for n, note in notes.items() if note.cut]
    removed = sum(note.removed for note in notes.values())
    if removed:
        lines.append(f"removed   {removed} texts that look like secrets")
    there = len(notes) - len(absent)
    return "\n".join([*lines, f"{name} is written: {there} of {len(notes)} parts"])


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@as_json
def replay(file: Path, *, as_json: bool) -> None:
    """Run a bundle's journal through the pool; say where the node's state differs.

    It needs neither the node nor root.  Exit codes: 0, nothing differs; 1, the bundle
    cannot be used; 3, something differs; 4, nothing differs, but a part is missing.
    """
    from vcnd.ctl.bundle import archive, comparison  # noqa: PLC0415

    with telling(archive.BundleError):
        replayed = comparison.replay(archive.read(file))
    if as_json:
        show_json(replayed)
    else:
        click.echo(plain(describe_replay(replayed)))
    if replayed.divergences:
        sys.exit(Exit.WRONG)
    if replayed.unread or replayed.damaged_lines:
        sys.exit(Exit.UNSURE)


def describe_replay(replayed: "Replayed") -> str:
    """Return a replay in lines for a person."""
    made = datetime.fromtimestamp(replayed.made_at, UTC).isoformat(" ", "seconds")
    lines = [
        f"bundle    of {made}, by vcndctl {replayed.vcnd}",
        f"journal   leads to {replayed.leases} leases and {replayed.vnics} VNICs",
    ]
    lines += [
        f"{family:<9} {n.leased} leased, {n.free} free, {n.cooling} cooling"
        for family, n in replayed.families.items()
    ]
    if replayed.damaged_lines:
        lines.append(f"damaged   {replayed.damaged_lines} lines of the journal")
    if replayed.unknown_lines:
        lines.append(f"unknown   {replayed.unknown_lines} lines of another version")
    lines += [
        f"differs   {d.subject} {d.name}: journal: {d.journal}; told: {d.told}"
        for d in replayed.divergences
    ]
    if replayed.divergences and not replayed.steady:
        lines.append(
            "note      the journal changed while the bundle was made: a pod that came"
            " or went then differs, too"
        )
    lines += [f"unread    {name}: {why}" for name, why in replayed.unread.items()]
    if not replayed.divergences:
        lines.append("what could be compared agrees")
    return "\n".join(lines)
