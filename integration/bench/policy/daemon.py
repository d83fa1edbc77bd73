"""``vcnd-policy`` on a measured node, as systemd would run it."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Never

from fakeoci.fabric import netns
from integration.lab import policies
from vcnd.linux.layout import POLICY_TABLES
from vcnd.model.policy_status import PolicyStatus

READY_SECONDS = 120.0
STOP_SECONDS = 10.0
LIKE_THE_IMAGE = """
import sys
sys.modules["h2"] = None  # fakeoci's; httpcore2 imports it where it is
from vcnd.policy_main import main
main()
"""


class StartError(Exception):
    """A process did not come up."""


def socket_of(directory: Path, node: str) -> Path:
    """Return the socket of a node's process, before or after that is made."""
    return directory / f"policy-{node}" / "policy.sock"


class PolicyDaemon:
    """The process of one node; its rules outlive it."""

    def __init__(self, node: str, kubeconfig: Path, directory: Path) -> None:
        """Make it; ``start`` starts it.

        Args:
            node: the node's network namespace, and its name in the API.
            kubeconfig: the way to the API server.
            directory: takes its files.
        """
        self.node = node
        self.socket_path = socket_of(directory, node)
        self._directory = self.socket_path.parent
        self._directory.mkdir(parents=True)
        self.log_path = self._directory / "log"
        self._config_path = self._directory / "vcnd.toml"
        self._process: subprocess.Popen[bytes] | None = None
        self._write_config(kubeconfig)

    def _write_config(self, kubeconfig: Path) -> None:
        sections = {
            "kubernetes": {"kubeconfig": str(kubeconfig), "node_name": self.node},
            "policy": {"enforcement": "strict", "socket": str(self.socket_path)},
            "log": {"format": "json"},
        }
        lines = []
        for name, values in sections.items():
            lines.append(f"[{name}]")
            lines += [f"{key} = {json.dumps(value)}" for key, value in values.items()]
        self._config_path.write_text("\n".join(lines) + "\n")

    @property
    def pid(self) -> int:
        """Return its process id."""
        if self._process is None:
            raise RuntimeError(f"{self.node}: vcnd-policy does not run")
        return self._process.pid

    def start(self, *, wait: bool = True) -> float:
        """Start it; return the seconds until its rules are in force.

        Args:
            wait: if not, return when it counts as ready: without the API server its
                rules are those of before.

        Raises:
            StartError: they are not in time, or it has ended.
        """
        path = self._directory / "notify.sock"
        command = [
            *("/usr/bin/nsenter", f"--net={netns.DIRECTORY / self.node}"),
            *(sys.executable, "-I", "-c", LIKE_THE_IMAGE),
            *("--config", str(self._config_path)),
        ]
        began = time.monotonic()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(str(path))
            environment = {
                **os.environ,
                **policies.LIKE_THE_UNIT,
                "NOTIFY_SOCKET": str(path),
            }
            with self.log_path.open("ab") as log:
                self._process = subprocess.Popen(
                    command, stdout=log, stderr=log, env=environment
                )
            try:
                self._until_ready(notify, began + READY_SECONDS)
            finally:
                path.unlink()
        # It counts as ready before, if the cluster is large.
        while wait and self.status().rules.in_force_seconds is None:
            if time.monotonic() > began + READY_SECONDS:
                self._fail("has no rules in force")
            time.sleep(0.05)
        return time.monotonic() - began

    def status(self) -> PolicyStatus:
        """Return what it says of itself."""
        return policies.status(str(self.socket_path))

    def _until_ready(self, notify: socket.socket, give_up_at: float) -> None:
        while time.monotonic() < give_up_at and self._process is not None:
            if self._process.poll() is not None:
                break
            there, _, _ = select.select([notify], [], [], 0.05)
            if there and b"READY=1" in notify.recv(1024):
                return
        self._fail("is not ready")

    def _fail(self, what: str) -> Never:
        self.kill()
        text = self.log_path.read_text()[-3000:]
        raise StartError(f"vcnd-policy on {self.node} {what}:\n{text}")

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it by SIGKILL; its rules stay."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """Stop it as systemd does; its rules stay."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
            self._process = None
        except subprocess.TimeoutExpired:
            self.kill()

    def remove_rules(self) -> None:
        """Delete its tables."""
        for name in POLICY_TABLES:
            netns.nft(self.node, f"add table inet {name}\ndelete table inet {name}\n")
