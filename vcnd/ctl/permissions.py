"""``vcndctl permissions``: which policy statements the node has."""

import sys

import click
from rich.table import Table

from vcnd.ctl import screen
from vcnd.ctl.exits import Exit
from vcnd.ctl.screen import BAD, DIM, DOUBT, GOOD, cell, table
from vcnd.ctl.telling import as_json, show_json, telling
from vcnd.model.permissions import Held, PermissionsAnswer
from vcnd.serve.ask import ask_for
from vcnd.serve.verbs import PERMISSIONS

STYLES = {Held.USED: GOOD, Held.REFUSED: BAD, Held.UNKNOWN: DIM}


@click.command()
@as_json
@click.pass_obj
def permissions(path: str, *, as_json: bool) -> None:
    """Say which statements of OCI's policy the node has used, or was refused.

    The daemon reads the rules and routes of its VNICs' subnets first, and changes
    nothing; what it has changed since its start shows the other statements.
    docs/oci-policy.md says what each is for.

    Exit codes: 3, one was refused; 4, OCI did not answer all reads.
    """
    with telling():
        answer = ask_for(path, PERMISSIONS)
    if as_json:
        show_json(answer)
    else:
        screen.show(screen_of(answer))
    if any(x.held is Held.REFUSED for x in answer.statements):
        sys.exit(Exit.WRONG)
    if answer.unread:
        sys.exit(Exit.UNSURE)


def screen_of(answer: PermissionsAnswer) -> Table:
    """Return the statements as they are shown."""
    rows = table("", "statement", "by", "for")
    for one in answer.statements:
        held = cell(one.held, STYLES[one.held])
        rows.add_row(held, cell(one.statement), cell(one.operation), cell(one.purpose))
    if answer.unread:
        rows.add_row("", cell(answer.unread, DOUBT))
    return rows
