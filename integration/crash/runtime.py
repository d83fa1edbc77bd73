"""The container runtime: what it has called, and which pods must have a network."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import count

import trio

from fakeoci.fabric import netns
from integration.lab import pods
from integration.lab.cni_exec import NetworkList
from integration.lab.node import Node
from integration.lab.pods import Pod

COOLING_SECONDS = 0.25
"""Of the node's pool."""


@dataclass(kw_only=True)
class Runtime:
    """Calls the plugin on a node, and remembers its sandboxes."""

    node: Node
    running: dict[str, Pod] = field(default_factory=dict)
    """The pods that must have a network, by container id."""
    sandboxes: dict[str, Pod] = field(default_factory=dict)
    """All that are there, by container id."""
    ended_at: dict[str, float] = field(default_factory=dict)
    """Address → when the DEL of its last pod was called."""
    violations: list[str] = field(default_factory=list)
    """Those of the run that goes on."""
    _names: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def network(self) -> NetworkList:
        """Return the node's CNI network; others' plugins are left out."""
        whole = self.node.network()
        plugins = [p for p in whole.configuration["plugins"] if p["type"] == "vcnd-cni"]
        # GC came with CNI 1.1.
        return replace(
            whole,
            configuration={
                **whole.configuration,
                "cniVersion": "1.1.0",
                "plugins": plugins,
            },
        )

    async def sandbox(self) -> Pod:
        """Make a sandbox that no ADD was called for yet."""
        name = f"pod{next(self._names)}"
        made = await trio.to_thread.run_sync(pods.prepare, self.node, name)
        self.sandboxes[made.attachment.container_id] = made
        return made

    async def add(self, pod: Pod) -> None:
        """Call ADD of a sandbox; from its answer on it must have a network."""
        pod.result = await self.network.add(pod.attachment, trace=pod.trace)
        now = trio.current_time()
        for address in pod.addresses:
            ended = self.ended_at.get(address, -COOLING_SECONDS)
            if now < ended + COOLING_SECONDS:
                early = now - ended
                self.violations.append(
                    f"I3: {address} serves a pod {early:.3f} s after its DEL was called"
                )
        self.running[pod.attachment.container_id] = pod

    async def delete(self, pod: Pod) -> None:
        """Call DEL of a sandbox: from the call on it needs no network."""
        self.forget(pod)
        await self.network.delete(pod.attachment, pod.result or None)

    def forget(self, pod: Pod) -> None:
        """Note that a sandbox needs no network from now on."""
        if self.running.pop(pod.attachment.container_id, None) is not None:
            for address in pod.addresses:
                self.ended_at[address] = trio.current_time()

    async def remove(self, pod: Pod) -> None:
        """Call DEL of a sandbox, and remove it."""
        await self.delete(pod)
        await self.discard(pod)

    async def discard(self, pod: Pod) -> None:
        """Remove a sandbox's namespace, if it is there still."""
        self.sandboxes.pop(pod.attachment.container_id, None)
        if netns.exists(pod.netns):
            await trio.to_thread.run_sync(netns.remove, pod.netns)
