"""ADD on a node with many pods beside ADD on an empty one."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import trio

from integration.bench.samples import Samples, turns
from integration.bench.spawn import namespaces, one_by_one, ours
from integration.lab.lab import running_lab, world_text
from integration.lab.profile import Profile

PODS = 250
EMPTY, FULL = "0 pods", f"{PODS} pods"
NODES = {EMPTY: "node1", FULL: "node2"}
FREE = 60
POOL = {
    "batch": 40,
    "minimum": PODS + FREE,
    "maximum": PODS + 2 * FREE,
    "cooling_seconds": 0.0,
}
"""Both nodes hold equally many addresses: only the pods make a difference."""
WARM_SECONDS = 120.0


async def measure(
    directory: Path, *, rounds: int, calls: int, progress: Callable[[int], None]
) -> Samples:
    """Return the seconds of ADD on both nodes."""
    await trio.Path(directory).mkdir()
    text = world_text(nodes=len(NODES), seed=1, slow=False)
    plain = Profile("plain")
    nodes = [*NODES.values()]
    async with running_lab(
        text, directory, nodes=nodes, pool=POOL, profile=plain
    ) as lab:
        # A link goes some time after DEL: no namespace is attached twice in a row,
        # and none by both nodes.
        names = {
            (side, turn): namespaces(f"{node}-{turn}-", calls)
            for side, node in NODES.items()
            for turn in (0, 1)
        }
        crowd = namespaces("crowd", PODS)
        plugins = []
        for side, node in zip(NODES, lab.nodes, strict=True):
            await node.start()
            await node.until_warm(PODS + FREE // 2, WARM_SECONDS)
            plugin = ours(node.socket_path, directory / node.name)
            plugin.prepare()
            plugins.append(replace(plugin, name=side.replace(" ", "-")))
        full = plugins[-1]
        await trio.to_thread.run_sync(one_by_one, full, "ADD", NODES[FULL], crowd)
        samples = Samples()
        sides = [*zip(NODES, plugins, strict=True)]
        for number, (side, plugin) in turns(sides, rounds):
            node_name, chosen = NODES[side], names[side, number % 2]
            took = await trio.to_thread.run_sync(
                one_by_one, plugin, "ADD", node_name, chosen
            )
            await trio.to_thread.run_sync(one_by_one, plugin, "DEL", node_name, chosen)
            if number:
                samples.add(side, took)
            if side == FULL:
                progress(number)
        return samples
