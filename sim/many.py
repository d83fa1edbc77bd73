"""Many seeds, side by side in processes; each process runs one at a time."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from sim.fleet.draw import schedule
from sim.fleet.events import Schedule
from sim.fleet.run import Outcome, run

ORDER = "0"
"""The hash of texts in all processes: runs are repeatable then."""


def one(seed: int, *, nodes: int, hours: float) -> Outcome:
    """Run one seed."""
    return run(schedule_of(seed, nodes=nodes, hours=hours))


def schedule_of(seed: int, *, nodes: int, hours: float) -> Schedule:
    """Return a seed's schedule."""
    return schedule(seed, nodes=nodes, seconds=hours * 3600)


def many(
    seeds: Sequence[int], *, nodes: int, hours: float, processes: int = 0
) -> Iterator[Outcome]:
    """Run seeds, and yield their outcomes in their order.

    Args:
        seeds: which ones.
        nodes: of each fleet.
        hours: how long each fleet runs.
        processes: how many at once; 0: one for each core.
    """
    cores = len(os.sched_getaffinity(0))
    workers = min(len(seeds), processes or cores)
    each = partial(one, nodes=nodes, hours=hours)
    if workers < 2:
        yield from map(each, seeds)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(each, seeds)
