"""A node with as many leases as it has pods at the most, for memory and start."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from integration.bench.spawn import Plugin, namespaces, one_by_one, ours
from integration.lab.lab import running_lab, world_text
from integration.lab.node import Node
from integration.lab.profile import Profile

LEASES = 110
"""A kubelet's limit of pods, if nobody changes it."""
SPARE = 24
"""Addresses beyond the leases."""
MOST = LEASES + SPARE
NODE = "node1"
POOL = {"batch": 40, "minimum": MOST, "maximum": MOST, "cooling_seconds": 0.0}


@asynccontextmanager
async def full_node(directory: Path) -> AsyncIterator[tuple[Node, Plugin]]:
    """Run a node whose daemon holds the leases; yield it with our plugin."""
    text = world_text(nodes=1, seed=1, slow=False)
    plain = Profile("plain")  # the same on every machine, for comparison over years
    async with running_lab(
        text, directory, nodes=[NODE], pool=POOL, profile=plain
    ) as lab:
        node, plugin = lab.nodes[0], ours(lab.nodes[0].socket_path, directory)
        plugin.prepare()
        await node.start()
        await node.until_warm(MOST)
        names = namespaces("lease", LEASES)
        await trio.to_thread.run_sync(one_by_one, plugin, "ADD", NODE, names)
        yield node, plugin
        await node.stop()
