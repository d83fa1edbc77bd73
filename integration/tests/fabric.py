"""A world and its packets, without a server and without daemons."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import trio

from fakeoci.fabric.fabric import Fabric
from fakeoci.world import worldfile
from fakeoci.world.world import World
from integration.lab import traffic


@dataclass(frozen=True, kw_only=True)
class Running:
    """A world with its packets."""

    world: World
    fabric: Fabric
    servers: trio.Nursery

    async def serve(self, *hosts: str, port: int = traffic.SERVICE_PORT) -> None:
        """Let hosts answer who asks them."""
        for host in hosts:
            await self.servers.start(traffic.serve, host, port)


@asynccontextmanager
async def running_fabric(text: str) -> AsyncIterator[Running]:
    """Run a world file's fabric; all its namespaces are gone afterwards."""
    world = worldfile.parse(text)
    fabric = Fabric(world, trio.current_time)
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(fabric.run)
            yield Running(world=world, fabric=fabric, servers=nursery)
            nursery.cancel_scope.cancel()
    finally:
        fabric.teardown()
