"""What the shell completes as an argument: the pods of this node.

Somebody waits at the keyboard: the daemon has a moment, and if it is down, hangs or is
of another version, nothing is completed and nothing is said.
"""

from typing import Any

import click
from click.shell_completion import CompletionItem

from vcnd.ctl.node_socket import socket_path
from vcnd.serve.ask import AskError, ask
from vcnd.serve.verbs import STATUS

SECONDS = 1.0
"""How long the shell waits at most."""


def pods(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return the pods of this node whose name, or full name, begins so."""
    del parameter
    root = context.find_root()
    try:
        state = ask(
            str(root.params.get("path") or socket_path()), STATUS.name, seconds=SECONDS
        )
    except AskError:
        return []
    names = sorted({*_names(state)})
    found = [n for n in names if n.startswith(incomplete)]
    if not found and "/" not in incomplete:
        found = [n for n in names if n.partition("/")[2].startswith(incomplete)]
    return [CompletionItem(name) for name in found]


def _names(state: Any) -> list[str]:
    """Return the full names of the pods that hold leases."""
    leases = state.get("leases") if isinstance(state, dict) else None
    if not isinstance(leases, list):
        return []
    told = [x.get("pod") for x in leases if isinstance(x, dict)]
    return [name for name in told if isinstance(name, str) and name]
