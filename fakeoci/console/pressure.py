"""How full each subnet is, over time.  Pure."""

from collections import deque

import msgspec

from fakeoci.world.resources import Subnet
from fakeoci.world.world import World

KEPT = 240
"""Samples for each subnet."""


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """How many IPv4 addresses of a subnet are taken, at a time."""

    at: float
    taken: int
    size: int


class Pressure:
    """Owns the samples."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._samples: dict[str, deque[Sample]] = {}

    def sample(self, now: float) -> dict[str, Sample]:
        """Take a sample of each subnet that has IPv4, and return them by OCID."""
        fresh = {}
        for subnet in self._world.all(Subnet):
            space, _ = self._world.blocks(subnet.id)
            if not space.blocks:
                continue
            size = sum(len(space.usable(b)) for b in space.blocks)
            taken = sum(space.in_use(b) for b in space.blocks)
            fresh[subnet.id] = Sample(round(now, 2), taken, size)
        for gone in self._samples.keys() - fresh.keys():
            del self._samples[gone]
        for subnet_id, sample in fresh.items():
            self._samples.setdefault(subnet_id, deque(maxlen=KEPT)).append(sample)
        return fresh

    def history(self) -> dict[str, list[Sample]]:
        """Return all samples, by subnet, oldest first."""
        return {key: list(samples) for key, samples in self._samples.items()}
