"""A fleet's Kubernetes: an API server, which can be away, and who writes to it."""

from collections.abc import Callable
from random import Random

import trio

from sim.kubernetes.control_plane import ControlPlane
from sim.kubernetes.server import ApiServer


class FleetCluster:
    """A control plane; while its API server is away nobody writes."""

    def __init__(self, random: Random, tasks: trio.Nursery) -> None:
        """Make it.

        Args:
            random: the server's.
            tasks: where its controllers run.
        """
        self.server = ApiServer(random=random)
        self.plane = ControlPlane(self.server)
        self.tasks = tasks
        self.when_up: list[Callable[[], None]] = []
        """Called when the server is there again."""
        self._outages = 0
        self._up = trio.Event()
        self._up.set()

    @property
    def is_up(self) -> bool:
        """Return True if the API server answers."""
        return not self._outages

    async def until_up(self) -> None:
        """Return when the API server answers."""
        while self._outages:
            await self._up.wait()

    def stop(self) -> None:
        """Let the API server be away."""
        self._outages += 1
        if self._outages == 1:
            self._up = trio.Event()
            self.server.stop()

    def start(self) -> None:
        """End a ``stop``; with the last one the API server is there again."""
        self._outages -= 1
        if self._outages:
            return
        self.server.start()
        self._up.set()
        for call in self.when_up:
            call()
