"""The app over HTTP: listeners in the namespaces where the world's hosts look."""

import socket
from dataclasses import dataclass

import trio
from hypercorn.config import Config
from hypercorn.trio import serve
from starlette.types import ASGIApp, Receive, Scope, Send


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A listening socket, and who comes in by it."""

    socket: socket.socket
    vcn_id: str | None = None
    admin: bool = False


def door_at(host: str, port: int) -> Door:
    """Return a door in this process's own namespace, for its operator."""
    return Door(socket=listen(host, port), admin=True)


def listen(host: str, port: int) -> socket.socket:
    """Return a listening TCP socket in this thread's namespace."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((host, port))
    sock.listen(256)
    return sock


async def serve_doors(app: ASGIApp, doors: list[Door], nursery: trio.Nursery) -> None:
    """Serve the app at each door, in the nursery, until it is cancelled."""
    for door in doors:
        config = Config()
        config.bind = [f"fd://{door.socket.detach()}"]
        config.accesslog = None
        config.loglevel = "WARNING"
        config.graceful_timeout = 0.5
        await nursery.start(_serve, _Marked(app, door), config)


async def _serve(
    app: ASGIApp,
    config: Config,
    *,
    task_status: trio.TaskStatus[object] = trio.TASK_STATUS_IGNORED,
) -> None:
    await serve(
        app,  # type: ignore[arg-type]  # hypercorn's types of an ASGI app are narrower
        config,
        shutdown_trigger=trio.sleep_forever,
        task_status=task_status,
    )


class _Marked:
    """The app, told by which door a request came."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["fakeoci.vcn"] = self._door.vcn_id
        scope["fakeoci.admin"] = self._door.admin
        await self._app(scope, receive, send)
