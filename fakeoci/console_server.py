"""The console at a door of its own, on this machine's loopback address."""

import socket

import trio

from fakeoci.api.service import Service
from fakeoci.console.app import build
from fakeoci.console.console import Console, Flows
from fakeoci.console.guard import hosts
from fakeoci.server import Door, door_at, serve_doors

LOOPBACK = "127.0.0.1"


def console_door(port: int, inherited: int | None = None) -> Door:
    """Return the console's door.

    Args:
        port: on the loopback address; 0 takes a free one.
        inherited: the descriptor of a listening socket in place of a port; it may be
            of another network namespace.

    Raises:
        OSError: the port is in use, or the descriptor is no socket.
        ValueError: the inherited socket listens at another address.
    """
    if inherited is None:
        return door_at(LOOPBACK, port)
    sock = socket.socket(fileno=inherited)
    if sock.getsockname()[0] != LOOPBACK:
        sock.close()
        raise ValueError(f"the console listens at {LOOPBACK} only")
    return Door(socket=sock)


async def serve_console(
    service: Service, flows: Flows | None, door: Door, nursery: trio.Nursery
) -> None:
    """Serve a cloud's console in the nursery, until it is cancelled."""
    console = Console(service, flows)
    await nursery.start(console.run)
    own = hosts(door.socket.getsockname()[1])
    await serve_doors(build(console, own), [door], nursery)
