"""The state that the demo's checks share: the lab, its pods, and the state before."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from integration.checking import CheckError, require
from integration.cloudview import addresses_of
from integration.lab import pods, traffic
from integration.lab.lab import Lab
from integration.lab.node import Node
from integration.lab.pods import Pod
from integration.lab.snapshot import Snapshot

BEGAN = time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(kw_only=True)
class Stage:
    """State of a demo."""

    lab: Lab
    express: bool = True
    """Whether the nodes' configuration lets the express lane be on."""
    baseline: Snapshot = field(default_factory=dict)
    pods: dict[str, list[Pod]] = field(default_factory=dict)
    """Node → its pods."""
    held_with_pods: dict[str, int] = field(default_factory=dict)
    """Node → how many addresses it held when its pods were still there."""
    blocks: dict[str, str] = field(default_factory=dict)
    """The blocks of then: OCID → CIDR."""
    pids: list[int] = field(default_factory=list)
    """Every daemon that was started."""
    first_pod_seconds: float | None = None
    """Seconds from the command's start until a pod had a VCN address."""

    @property
    def nodes(self) -> list[Node]:
        """Return the nodes."""
        return self.lab.nodes

    def pod(self, node: int, number: int = 0) -> Pod:
        """Return a pod of a node, both by number."""
        return self.pods[self.nodes[node].name][number]

    def all_pods(self) -> list[Pod]:
        """Return every pod."""
        return [pod for of_node in self.pods.values() for pod in of_node]

    async def start_pod(
        self, node: Node, annotations: Mapping[str, str] | None = None
    ) -> Pod:
        """Start one more pod on a node."""
        mine = self.pods.setdefault(node.name, [])
        taken = {pod.name for pod in mine}
        names = (f"{node.name}-pod{number}" for number in count(1))
        name = next(n for n in names if n not in taken)
        pod = await pods.start(node, name, self.lab.servers, annotations)
        mine.append(pod)
        if self.first_pod_seconds is None:
            self.first_pod_seconds = round(seconds_since_command(), 1)
        await self.lab.cloud.name_occupants(dict.fromkeys(pod.addresses, pod.name))
        return pod

    async def stop_pod(self, pod: Pod) -> None:
        """Stop a pod."""
        self.pods[pod.node.name].remove(pod)
        await pods.stop(pod)
        await self.lab.cloud.name_occupants(dict.fromkeys(pod.addresses, ""))

    async def restart_with(self, node: Node, /, **further: Mapping[str, Any]) -> None:
        """Start a node's daemon anew with these settings, by section."""
        await node.restart_with(**further)
        self.pids.append(node.pid)

    async def start_daemon(self, node: Node) -> None:
        """Start a node's daemon."""
        await node.start()
        self.pids.append(node.pid)


def seconds_since_command() -> float:
    """Return the seconds since ./vcn was called, or else since this process began."""
    began = float(os.environ.get("VCN_BEGAN") or BEGAN)
    return time.clock_gettime(time.CLOCK_BOOTTIME) - began


async def sees(client: str, address: str, port: int = traffic.SERVICE_PORT) -> str:
    """Return the address under which a server sees a client.

    Raises:
        CheckError: no answer.
    """
    seen = await traffic.ask(client, address, port)
    if seen is None:
        raise CheckError(f"{client} gets no answer from {address}:{port}")
    return seen


async def connect(
    client: Pod, address: str, port: int = traffic.SERVICE_PORT
) -> traffic.Conversation:
    """Return a pod's connection to a server.

    Raises:
        CheckError: no connection.
    """
    conversation = await traffic.connect(client.netns, address, port)
    if conversation is None:
        raise CheckError(f"{client.name} cannot connect to {address}:{port}")
    return conversation


def private_ip_of(
    world: dict[str, list[dict[str, Any]]], address: str, kind: str = "PrivateIp"
) -> dict[str, Any]:
    """Return the one object that the API lists for an address."""
    found = [p for p in world[kind] if address in addresses_of(p)]
    require(len(found) == 1, f"the API lists {address} {len(found)} times")
    return found[0]
