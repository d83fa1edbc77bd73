"""Faults of network policies, each planted on a node of the lab."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trio

from fakeoci.fabric import netns
from integration.lab import pods
from integration.lab.faults import POOL
from integration.lab.lab import Lab, running_lab, world_text
from integration.lab.node import Node
from integration.lab.pods import Pod
from integration.lab.policies import LIKE_THE_UNIT, Policies

SOCKET = "policy.sock"
PATIENCE_SECONDS = 1.0
DENY_ALL: dict[str, Any] = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "deny-all", "namespace": "default"},
    "spec": {"podSelector": {}, "policyTypes": ["Ingress"]},
}
FLAWED: dict[str, Any] = {
    **DENY_ALL,
    "metadata": {"name": "odd", "namespace": "default"},
    "spec": {"podSelector": {}, "policyTypes": ["Sideways"]},
}


@dataclass(kw_only=True)
class PolicyScene:
    """A node with the daemon, and perhaps vcnd-policy."""

    lab: Lab
    objects: Policies
    process: subprocess.Popen[bytes] | None

    @property
    def node(self) -> Node:
        """Return the node."""
        return self.lab.nodes[0]

    @property
    def socket(self) -> str:
        """Return the socket of vcnd-policy."""
        return str(self.node.directory / SOCKET)

    def tell(self, *known: Pod, more: tuple[dict[str, Any], ...] = ()) -> None:
        """Let vcnd-policy know pods, and policies besides deny-all."""
        self.objects.write_pods(known, {})
        self.objects.write("policies", [DENY_ALL, *more])


@dataclass(frozen=True, kw_only=True)
class PolicyFault:
    """A fault, and how it is planted once pod web runs."""

    runs: bool = True
    """False: vcnd-policy is not started."""
    has_files: bool = True
    """False: the directory of the objects is missing."""
    plant: Callable[[PolicyScene, Pod], None] = lambda scene, web: scene.tell(web)


def _stop(scene: PolicyScene, web: Pod) -> None:
    scene.tell(web)
    if scene.process is not None:
        scene.process.send_signal(signal.SIGSTOP)


FAULTS = {
    "process away": PolicyFault(runs=False),
    "process hangs": PolicyFault(plant=_stop),
    "policy flawed": PolicyFault(
        plant=lambda scene, web: scene.tell(web, more=(FLAWED,))
    ),
    "pod not known": PolicyFault(plant=lambda scene, _: scene.tell()),
    "objects not listed": PolicyFault(has_files=False, plant=lambda *_: None),
}


@asynccontextmanager
async def policy_scene(
    fault: PolicyFault, directory: Path
) -> AsyncIterator[PolicyScene]:
    """Run a node with a fault of its network policies, and pods web and late.

    Args:
        fault: the fault.
        directory: for the lab's files.
    """
    objects = directory / "objects"
    made = Policies(objects)
    policy = {
        "enforcement": "strict",
        "socket": str(directory / "node1" / SOCKET),
        "manifests": str(objects if fault.has_files else directory / "missing"),
        "patience_seconds": PATIENCE_SECONDS,
    }
    text = world_text(nodes=1, seed=1, slow=False)
    async with running_lab(
        text, directory, nodes=["node1"], pool=POOL, further={"policy": policy}
    ) as lab:
        node = lab.nodes[0]
        process = _started(node) if fault.runs else None
        try:
            await node.start()
            await node.until_warm(2)
            scene = PolicyScene(lab=lab, objects=made, process=process)
            web = await pods.start(node, "web", lab.servers)
            await trio.to_thread.run_sync(fault.plant, scene, web)
            late = await pods.start(node, "late", lab.servers)
            yield scene
            await pods.stop(late)
            await pods.stop(web)
        finally:
            if process is not None:
                process.kill()
                process.wait()


def _started(node: Node) -> subprocess.Popen[bytes]:
    command = [
        *("/usr/bin/nsenter", f"--net={netns.DIRECTORY / node.name}"),
        *(sys.executable, "-I", "-m", "vcnd.policy_main"),
        *("--config", str(node.config_path)),
    ]
    with (node.directory / "policy.log").open("ab") as log:
        environment = {**os.environ, **LIKE_THE_UNIT}
        return subprocess.Popen(command, stderr=log, env=environment)
