"""The daemon's start with 110 leases: from exec to READY=1.

Beside a Python that starts and does nothing, for the machine's share.
"""

import compileall
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import trio

import vcnd
from integration.bench.leases import LEASES, full_node
from integration.bench.noise import Meter
from integration.bench.process import processor_seconds
from integration.bench.report import Report, row
from integration.bench.samples import Samples, turns
from integration.lab.node import Node

OURS, NOTHING = "vcnd", "python -I -c pass"
EMPTY = [sys.executable, "-I", "-c", "pass"]


async def measure(
    directory: Path, *, rounds: int, progress: Callable[[int], None]
) -> Report:
    """Return the seconds of each start, wall and processor."""
    # A node's files are compiled when its image is made.
    compileall.compile_dir(Path(vcnd.__file__).parent, quiet=1)
    wall, processor, meter = Samples(), Samples(), Meter()
    async with full_node(directory) as (node, _):
        for number, side in turns((OURS, NOTHING), rounds):
            meter.tick()
            if side == OURS:
                took = await _start(node)
            else:
                took = await trio.to_thread.run_sync(_start_nothing)
            if number:
                wall.add(side, [took])
                if side == OURS:
                    processor.add(side, [processor_seconds(node.pid)])
            if side == OURS:
                progress(number)
    return Report(
        bench="start",
        rows=[
            row(f"exec to READY=1, {LEASES} leases", "s", wall, (OURS, NOTHING)),
            row("its processor time", "s", processor),
        ],
        values={"start_110_leases_seconds": round(wall.summary(OURS).p50, 3)},
        noise=meter.noise(),
    )


async def _start(node: Node) -> float:
    await node.stop()
    began = time.perf_counter()
    await node.start()
    return time.perf_counter() - began


def _start_nothing() -> float:
    began = time.perf_counter()
    subprocess.run(EMPTY, check=True)
    return time.perf_counter() - began
