"""Run a network configuration list as the CNI specification says (section 3).

What a container runtime does: each plugin in turn with the former's result,
executed in the node's network namespace; DEL in reverse with the stored result.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trio

from fakeoci.fabric import netns


class CniError(Exception):
    """A plugin failed; has its error object."""

    def __init__(self, plugin: str, error: Mapping[str, Any]) -> None:
        super().__init__(f"{plugin}: {error.get('msg')}: {error.get('details', '')}")
        self.error = error
        self.code = error.get("code")


WITH_STATUS = "1.1.0"
"""The version of CNI that brought STATUS and GC."""


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """The data that a runtime keeps of a container's attachment."""

    container_id: str
    netns: str
    ifname: str = "eth0"
    arguments: Mapping[str, str] = field(default_factory=dict)
    capabilities: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class NetworkList:
    """A configuration list, and where its plugins are and run."""

    configuration: Mapping[str, Any]
    node_netns: str
    path: str
    environment: Mapping[str, str] = field(default_factory=dict)

    async def add(self, a: Attachment, *, trace: str = "") -> dict[str, Any]:
        """Attach; return the last plugin's result."""
        result: dict[str, Any] | None = None
        for plugin in self.configuration["plugins"]:
            out = await self._execute("ADD", plugin, a, result, trace)
            result = json.loads(out)
        return result or {}

    async def delete(self, a: Attachment, result: Mapping[str, Any] | None) -> None:
        """Detach."""
        for plugin in reversed(self.configuration["plugins"]):
            await self._execute("DEL", plugin, a, result, "")

    async def check(self, a: Attachment, result: Mapping[str, Any]) -> None:
        """Check."""
        for plugin in self.configuration["plugins"]:
            await self._execute("CHECK", plugin, a, result, "")

    async def collect_garbage(self, valid: Iterable[Attachment]) -> None:
        """Let plugins remove what belongs to no valid attachment (CNI GC)."""
        listed = [{"containerID": a.container_id, "ifname": a.ifname} for a in valid]
        nobody = Attachment(container_id="", netns="", ifname="")
        for plugin in self.configuration["plugins"]:
            known = {**plugin, "cni.dev/valid-attachments": listed}
            await self._execute("GC", known, nobody, None, "")

    async def status(self) -> None:
        """Ask whether ADD would work; plugins older than CNI 1.1 know no STATUS."""
        nobody = Attachment(container_id="", netns="", ifname="")
        for plugin in self.configuration["plugins"]:
            known = json.loads(await self._execute("VERSION", plugin, nobody, None, ""))
            if WITH_STATUS in known["supportedVersions"]:
                await self._execute("STATUS", plugin, nobody, None, "")

    async def _execute(
        self,
        command: str,
        plugin: Mapping[str, Any],
        a: Attachment,
        previous: Mapping[str, Any] | None,
        trace: str,
    ) -> bytes:
        configuration: dict[str, Any] = {
            k: v for k, v in plugin.items() if k != "capabilities"
        }
        configuration["cniVersion"] = self.configuration["cniVersion"]
        configuration["name"] = self.configuration["name"]
        if previous is not None:
            configuration["prevResult"] = previous
        wanted = plugin.get("capabilities", {})
        runtime = {k: v for k, v in a.capabilities.items() if wanted.get(k)}
        if runtime:
            configuration["runtimeConfig"] = runtime
        environment = {
            **self.environment,
            "PATH": os.environ["PATH"],
            "CNI_COMMAND": command,
            "CNI_PATH": self.path,
            "CNI_CONTAINERID": a.container_id,
            "CNI_NETNS": str(netns.DIRECTORY / a.netns) if a.netns else "",
            "CNI_IFNAME": a.ifname,
            "CNI_ARGS": ";".join(f"{k}={v}" for k, v in a.arguments.items()),
        }
        if trace:
            environment["TRACEPARENT"] = f"00-{trace}-{trace[:16]}-01"
        node = f"--net={netns.DIRECTORY / self.node_netns}"
        done = await trio.run_process(
            ["/usr/bin/nsenter", node, self._find(plugin["type"])],
            stdin=json.dumps(configuration).encode(),
            capture_stdout=True,
            capture_stderr=True,
            check=False,
            env=environment,
        )
        if done.returncode:
            try:
                error = json.loads(done.stdout)
            except ValueError:
                error = {"msg": (done.stdout + done.stderr).decode(errors="replace")}
            raise CniError(plugin["type"], error)
        return done.stdout

    def _find(self, kind: str) -> str:
        for directory in self.path.split(":"):
            candidate = Path(directory) / kind
            if candidate.exists():
                return str(candidate)
        raise CniError(kind, {"msg": f"no plugin {kind} in {self.path}"})
