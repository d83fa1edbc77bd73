"""vcndctl beside a node's daemon, with its exit code."""

import json
import subprocess
import sys
from typing import Any

import trio

from integration.lab.node import Node


async def ask(node: Node, *words: str) -> tuple[int, dict[str, Any]]:
    """Return vcndctl's exit code, and what it printed as JSON.

    Args:
        node: the daemon's.
        words: the command, without ``--json``.
    """
    command = [sys.executable, "-m", "vcnd.ctl", "--socket", str(node.socket_path)]
    done = await trio.run_process(
        [*command, *words, "--json"],
        capture_stdout=True,
        stderr=subprocess.STDOUT,
        check=False,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, answer
