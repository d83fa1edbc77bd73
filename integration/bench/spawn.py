"""Run a CNI plugin as a runtime does, with as little overhead as possible."""

import json
import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fakeoci.fabric import netns
from integration.lab.node import SHIM_DIRECTORY

PLUGINS = Path("/usr/lib/cni")
"""Where Debian has the plugins of containernetworking-plugins."""


class PluginError(Exception):
    """A plugin failed while it was measured."""


@dataclass(frozen=True, kw_only=True)
class Plugin:
    """A plugin to measure."""

    name: str
    binary: Path
    configuration: Mapping[str, Any]
    environment: Mapping[str, str]
    directory: Path

    def prepare(self) -> None:
        """Write the configuration file that each call reads."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self._stdin.write_text(json.dumps(self.configuration))

    @property
    def _stdin(self) -> Path:
        return self.directory / "stdin.json"

    def call(self, command: str, namespace: str) -> float:
        """Run one call in this thread's network namespace; return its seconds."""
        environment = {
            **self.environment,
            "CNI_COMMAND": command,
            "CNI_CONTAINERID": f"{self.name}-{namespace}",
            "CNI_NETNS": str(netns.DIRECTORY / namespace),
            "CNI_IFNAME": "eth0",
            "CNI_PATH": str(self.binary.parent),
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        }
        output = self.directory / f"{namespace}.out"
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, str(self._stdin), os.O_RDONLY, 0),
            (
                os.POSIX_SPAWN_OPEN,
                1,
                str(output),
                os.O_WRONLY | os.O_CREAT | os.O_TRUNC,
                0o600,
            ),
        ]
        began = time.perf_counter()
        pid = os.posix_spawn(
            self.binary, [str(self.binary)], environment, file_actions=actions
        )
        _, status = os.waitpid(pid, 0)
        took = time.perf_counter() - began
        if status:
            raise PluginError(f"{self.name} {command}: {output.read_text()}")
        return took


def ours(socket_path: Path, directory: Path) -> Plugin:
    """Return our shim, for the daemon that listens at a socket."""
    return Plugin(
        name="vcnd",
        binary=SHIM_DIRECTORY / "vcnd-cni",
        configuration={"cniVersion": "1.0.0", "name": "vcnd", "type": "vcnd-cni"},
        environment={"VCND_SOCKET": str(socket_path)},
        directory=directory / "ours",
    )


def namespaces(prefix: str, count: int) -> list[str]:
    """Make network namespaces for pods; return their names."""
    names = [f"{prefix}{n}" for n in range(count)]
    for name in names:
        netns.add(name)
    return names


def one_by_one(
    plugin: Plugin, command: str, node: str, names: Sequence[str]
) -> list[float]:
    """Run calls one after another; return the seconds of each."""
    return netns.inside(node, lambda: [plugin.call(command, n) for n in names])


def side_by_side(
    plugin: Plugin, command: str, node: str, names: Sequence[str]
) -> tuple[list[float], float]:
    """Start all calls at once; return the seconds of each and of all together."""
    start = threading.Barrier(len(names) + 1)
    seconds: list[float] = []
    failures: list[BaseException] = []

    def caller(name: str) -> None:
        def run() -> None:
            start.wait()
            seconds.append(plugin.call(command, name))

        try:
            netns.inside(node, run)
        except (PluginError, OSError) as error:
            failures.append(error)

    threads = [threading.Thread(target=caller, args=(n,)) for n in names]
    for thread in threads:
        thread.start()
    start.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    whole = time.perf_counter() - began
    if failures:
        raise failures[0]
    return seconds, whole
