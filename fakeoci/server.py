"""The app over HTTP: listeners in the namespaces where the world's hosts look."""

import socket
from dataclasses import dataclass
from pathlib import Path

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
    client_address: str = ""
    """Whom callers are taken for; empty: for who they are."""
    tls: tuple[Path, Path] | None = None
    """Files of a certificate and its key: the door speaks TLS."""


def door_at(host: str, port: int, client_address: str = "") -> Door:
    """Return a door in this process's own namespace, for its operator."""
    return Door(socket=listen(host, port), admin=True, client_address=client_address)


def listen(host: str, port: int) -> socket.socket:
    """Return a listening TCP socket in this thread's namespace."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((host, port))
    sock.listen(256)
    return sock


async def serve_doors(app: ASGIApp, doors: list[Door], nursery: trio.Nursery) -> None:
    """Serve the app at each door, in the nursery, until it is cancelled."""
    for door in doors:
        config = Config()
        config.bind = [f"fd://{door.socket.detach()}"]
        if door.tls is not None:
            config.certfile, config.keyfile = map(str, door.tls)
        config.accesslog = None
        config.include_date_header = False  # the app sends its own: the cloud's time
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
        if self._door.client_address:
            scope["client"] = (self._door.client_address, 0)
        await self._app(scope, receive, send)
