"""Network policies on the lab's nodes: vcnd-policy, with its objects in files."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import trio

from fakeoci.fabric import netns
from integration.lab.node import Node
from integration.lab.pods import Pod
from integration.lab.service import environment_of
from vcnd.model.policy_status import PolicyStatus
from vcnd.serve.ask import AskError, ask
from vcnd.serve.policy_verbs import STATUS

IN_FORCE_SECONDS, LOOK_SECONDS = 60.0, 0.1
STOP_SECONDS = 60.0
LIKE_THE_UNIT = environment_of("vcnd-policy.service")


def status(path: str) -> PolicyStatus:
    """Return the state of vcnd-policy.

    Raises:
        AskError: no answer came.
    """
    return msgspec.convert(ask(path, STATUS), PolicyStatus)


class Policies:
    """The objects of a cluster without an API server, as files."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(exist_ok=True)

    def write(self, name: str, objects: Iterable[Mapping[str, Any]]) -> None:
        """Write some objects as one file, whole or not at all."""
        text = "\n---\n".join(json.dumps(x, indent=2) for x in objects)
        fresh = self._directory / f"{name}.new"
        fresh.write_text(text)
        fresh.rename(self._directory / f"{name}.yaml")

    def write_pods(self, pods: Iterable[Pod], labels: Mapping[str, Any]) -> None:
        """Write what Kubernetes would say of pods.

        Args:
            pods: all of them.
            labels: by the names of pods; others have none.
        """
        self.write("pods", [_pod(pod, labels.get(pod.name, {})) for pod in pods])

    def clear(self) -> None:
        """Remove all objects."""
        for path in self._directory.iterdir():
            path.unlink()


def _pod(pod: Pod, labels: Mapping[str, str]) -> dict[str, Any]:
    addresses = pod.addresses if pod.result else []  # before ADD it has none
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": pod.name, "namespace": "default", "labels": labels},
        "spec": {"nodeName": pod.node.name},
        "status": {"podIPs": [{"ip": address} for address in addresses]},
    }


class PolicyProcess:
    """vcnd-policy of a node."""

    def __init__(self, node: Node, manifests: Path, metrics: str = "") -> None:
        self._node, self._metrics = node, metrics
        self._manifests = manifests
        self._log = node.directory / "policy.log"
        self.socket = str(node.directory / "policy.sock")

    def _open(self, enforcement: str) -> subprocess.Popen[bytes]:
        policy = {
            "enforcement": enforcement,
            "manifests": str(self._manifests),
            "socket": self.socket,
            "metrics": self._metrics,
        }
        lines = ["[policy]", *(f"{k} = {json.dumps(v)}" for k, v in policy.items())]
        config = self._node.directory / "policy.toml"
        config.write_text(self._node.config_path.read_text() + "\n".join(lines))
        command = [
            *("/usr/bin/nsenter", f"--net={netns.DIRECTORY / self._node.name}"),
            *(sys.executable, "-I", "-m", "vcnd.policy_main", "--config", str(config)),
        ]
        with self._log.open("ab") as log:
            return subprocess.Popen(
                command, stderr=log, env={**os.environ, **LIKE_THE_UNIT}
            )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run it; afterwards, switch it off, so that its table is gone."""
        process = self._open("strict")
        try:
            await self._until_in_force()
            yield
        finally:
            with trio.CancelScope(shield=True):
                process.terminate()
                await _ended(process)
                await _ended(self._open("off"))
                os.unlink(self.socket)  # the socket unit's part

    async def _until_in_force(self) -> None:
        tries = int(IN_FORCE_SECONDS / LOOK_SECONDS)
        for _ in range(tries):
            if await self._is_in_force():
                return
            await trio.sleep(LOOK_SECONDS)
        log = await trio.Path(self._log).read_text()
        raise RuntimeError(f"{self._node.name}: no policies are in force:\n{log}")

    async def _is_in_force(self) -> bool:
        """Return True if rules of this life are in force."""
        try:
            found = await trio.to_thread.run_sync(status, self.socket)
        except AskError:
            return False
        return found.rules.in_force_seconds is not None


async def _ended(process: subprocess.Popen[bytes]) -> None:
    await trio.to_thread.run_sync(lambda: process.wait(timeout=STOP_SECONDS))


@asynccontextmanager
async def enforced(
    directory: Path, nodes: Iterable[Node], metrics: str = ""
) -> AsyncIterator[None]:
    """Run the processes of some nodes.

    Args:
        directory: has the objects.
        nodes: where.
        metrics: where each serves its metrics; empty: nowhere.
    """
    async with AsyncExitStack() as stack:
        for node in nodes:
            await stack.enter_async_context(
                PolicyProcess(node, directory, metrics).running()
            )
        yield
