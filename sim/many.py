"""Many seeds, side by side in processes; each process runs one at a time."""

import gc
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import NamedTuple

from sim.fleet.draw import schedule
from sim.fleet.events import Schedule
from sim.fleet.run import Outcome, run

ORDER = "0"
"""The hash of texts in all processes: runs are repeatable then."""


class Size(NamedTuple):
    """How large the fleets are."""

    nodes: int
    hours: float
    """How long each fleet runs."""
    pods_per_hour: float
    """How many pods a node gets: half as many to four times as many, by the seed."""

    @property
    def node_hours(self) -> float:
        """Return the hours of all nodes of one fleet."""
        return self.nodes * self.hours


def one(seed: int, size: Size) -> Outcome:
    """Run one seed."""
    return run(schedule_of(seed, size))


def schedule_of(seed: int, size: Size) -> Schedule:
    """Return a seed's schedule."""
    return schedule(
        seed,
        nodes=size.nodes,
        seconds=size.hours * 3600,
        pods_per_hour=size.pods_per_hour,
    )


def many(seeds: Sequence[int], size: Size, *, processes: int = 0) -> Iterator[Outcome]:
    """Run seeds, and yield their outcomes in their order.

    Args:
        seeds: which ones.
        size: of each fleet.
        processes: how many at once; 0: one for each core.
    """
    cores = len(os.sched_getaffinity(0))
    workers = min(len(seeds), processes or cores)
    each = partial(one, size=size)
    gc.freeze()  # the collection before each run need not look at modules again
    if workers < 2:
        yield from map(each, seeds)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(each, seeds)
