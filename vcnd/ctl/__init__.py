"""``vcndctl``: look at a node's daemons, and let go of the node."""

from collections.abc import Iterator

import click

from vcnd.ctl.audit import audit
from vcnd.ctl.bundle.command import bundle, replay
from vcnd.ctl.check.command import check
from vcnd.ctl.drain import drain
from vcnd.ctl.exits import ASKING
from vcnd.ctl.explain import explain
from vcnd.ctl.forecast import forecast
from vcnd.ctl.node import main
from vcnd.ctl.path import path
from vcnd.ctl.permissions import permissions
from vcnd.ctl.policy import policy
from vcnd.ctl.status import status
from vcnd.ctl.sweep import sweep
from vcnd.ctl.traffic import flows, top

__all__ = ["main"]

for command in (
    *(audit, bundle, check, drain, explain, flows, forecast),
    *(path, permissions, policy, replay, status, sweep, top),
):
    main.add_command(command)


def _leaves(command: click.Command) -> Iterator[click.Command]:
    """Yield a command, or those of a group."""
    if not isinstance(command, click.Group):
        yield command
        return
    for inner in command.commands.values():
        yield from _leaves(inner)


for command in _leaves(main):
    if command not in (bundle, check, forecast, replay, sweep):
        command.epilog = ASKING
