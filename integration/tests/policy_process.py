"""vcnd-policy as a process of this node, and vcndctl beside it."""

import json
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from integration.lab import policies
from integration.lab.children import logged_lines
from vcnd.model.policy_status import PolicyStatus
from vcnd.serve.ask import AskError


class Process:
    """vcnd-policy of this node."""

    def __init__(self, folder: Path, kubeconfig: Path) -> None:
        self._folder, self._kubeconfig = folder, kubeconfig
        self.socket = str(folder / "policy.sock")
        self._running: subprocess.Popen[bytes] | None = None

    def start(self, enforcement: str = "strict", more: str = "") -> None:
        """Start it.

        Args:
            enforcement: how strict it is.
            more: lines for ``[policy]``.
        """
        config = self._folder / "vcnd.toml"
        config.write_text(
            f"""
            [kubernetes]
            kubeconfig = "{self._kubeconfig}"
            node_name = "one"
            [policy]
            enforcement = "{enforcement}"
            socket = "{self.socket}"
            {more}
            """
        )
        command = [sys.executable, "-m", "vcnd.policy_main", "--config", str(config)]
        with (self._folder / "log").open("ab") as log:
            self._running = subprocess.Popen(command, stderr=log)

    def end(self, how: signal.Signals) -> int:
        """Send a signal; return the exit code."""
        self.signal(how)
        return self.ended()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        assert self._running is not None
        self._running.send_signal(number)

    def ended(self) -> int:
        """Return the exit code once it has ended by itself."""
        assert self._running is not None
        return self._running.wait(timeout=60)

    def kill(self) -> None:
        if self._running is not None:
            self._running.kill()
            self._running.wait()

    def told(self, event: str) -> list[str]:
        """Return the lines of its log that have an event."""
        lines = logged_lines(self._folder / "log")
        return [line for line in lines if f"event={event} " in line]

    def status(self) -> PolicyStatus | None:
        with suppress(AskError):
            return policies.status(self.socket)
        return None

    def has_put(self) -> bool:
        """Return True if rules of this life are in force."""
        found = self.status()
        return found is not None and found.rules.in_force_seconds is not None

    def ctl(self, *words: str) -> tuple[int, str]:
        """Return the exit code of ``vcndctl policy``, and what it printed."""
        command = [sys.executable, "-m", "vcnd.ctl", "policy"]
        done = subprocess.run(
            [*command, "--policy-socket", self.socket, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    def ctl_json(self, *words: str) -> Any:
        """Return the answer that it prints as JSON."""
        code, text = self.ctl(*words, "--json")
        assert code == 0, text
        return json.loads(text)
