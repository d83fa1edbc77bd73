"""The daemon's resident memory with 110 leases, and while pods come and go."""

from collections.abc import Callable
from pathlib import Path

import trio

from integration.bench.leases import LEASES, NODE, SPARE, full_node
from integration.bench.noise import Meter
from integration.bench.process import memory
from integration.bench.report import Report, row
from integration.bench.samples import Samples
from integration.bench.spawn import Plugin, namespaces, side_by_side

SETTLE_SECONDS = 3.0
"""After a start or a series: audits, reaping and the log's last lines."""
WARM_CALLS = 1000
"""What the first calls allocate stays: buffers, caches, lazily imported modules."""
GROWN, RESTARTED = "after 110 ADDs", "after a restart"
FIRST, LAST = "before the calls", "after the calls"


async def measure(
    directory: Path, *, calls: int, progress: Callable[[int], None]
) -> Report:
    """Return the memory in MiB.

    Args:
        directory: for the lab's files.
        calls: how many ADDs, and as many DELs.
        progress: is told how many calls were made.
    """
    resident, private, churn = Samples(), Samples(), Samples()
    meter = Meter()

    async def note(into: Samples, side: str) -> float:
        meter.tick()
        await trio.sleep(SETTLE_SECONDS)
        now = memory(node.pid)
        into.add(side, [now.resident])
        if into is resident:
            private.add(side, [now.private])
        return now.resident

    async with full_node(directory) as (node, plugin):
        grown = await note(resident, GROWN)
        await node.stop()
        await node.start()
        restarted = await note(resident, RESTARTED)
        names = namespaces("churn", SPARE)
        await _churn(plugin, names, WARM_CALLS)
        first = await note(churn, FIRST)
        made = 0
        while made < calls:
            made += await _churn(plugin, names, min(calls - made, WARM_CALLS))
            progress(made)
        last = await note(churn, LAST)
    return Report(
        bench="memory",
        rows=[
            row(f"resident with {LEASES} leases", "MiB", resident),
            row(f"private with {LEASES} leases", "MiB", private),
            row(f"resident, {calls} ADDs and DELs", "MiB", churn),
        ],
        values={
            "rss_110_leases_mib": round(max(grown, restarted), 1),
            "rss_change_after_20000_calls_mib": round(abs(last - first), 2),
        },
        noise=meter.noise(),
    )


async def _churn(plugin: Plugin, names: list[str], calls: int) -> int:
    """Add and delete pods, many at once; return how many were added."""
    made = 0
    while made < calls:
        some = names[: calls - made]
        for command in ("ADD", "DEL"):
            await trio.to_thread.run_sync(side_by_side, plugin, command, NODE, some)
        made += len(some)
    return made
