"""The app over HTTP, with listeners in the namespaces of the world's hosts."""

import socket
import ssl
import struct
from dataclasses import dataclass

import trio
from hypercorn.config import Config
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState
from hypercorn.utils import wrap_app
from starlette.types import ASGIApp, Receive, Scope, Send

Stream = trio.SocketStream | trio.SSLStream[trio.SocketStream]


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A listening socket, and the identity of its callers."""

    socket: socket.socket
    vcn_id: str | None = None
    admin: bool = False
    client_address: str = ""
    """The address that callers are given; empty for their own."""
    tls: ssl.SSLContext | None = None
    """The door speaks TLS, with this certificate."""

    @property
    def url(self) -> str:
        """Return the address that clients use."""
        host, port = self.socket.getsockname()[:2]
        scheme = "http" if self.tls is None else "https"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def door_at(
    host: str, port: int, client_address: str = "", tls: ssl.SSLContext | None = None
) -> Door:
    """Return a door in this process's own namespace, for its operator."""
    sock = listen(host, port)
    return Door(socket=sock, admin=True, client_address=client_address, tls=tls)


def listen(host: str, port: int) -> socket.socket:
    """Return a listening TCP socket in this thread's namespace."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(256)
    except OSError:
        sock.close()
        raise
    return sock


async def serve_doors(app: ASGIApp, doors: list[Door], nursery: trio.Nursery) -> None:
    """Serve the app at each door, in the nursery, until it is cancelled."""
    for door in doors:
        await nursery.start(_serve, app, door)


async def _serve(
    app: ASGIApp,
    door: Door,
    *,
    task_status: trio.TaskStatus[object] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve at one door.

    Hypercorn's own ``serve`` hides the connection from the app, which has to reset it
    when a fault says so; hence each connection's server is made here.
    """
    config = Config()
    config.accesslog = None
    config.include_date_header = False  # the app sends its own: the cloud's time
    config.loglevel = "WARNING"
    context = WorkerContext(None)

    async def handle(stream: Stream) -> None:
        wrapped = wrap_app(_Marked(app, door, stream), 0, "asgi")  # type: ignore[arg-type]
        # Its type of a stream is narrower than what it serves.
        await TCPServer(wrapped, config, context, ConnectionState({}), stream)  # type: ignore[arg-type]

    plain = trio.SocketListener(trio.socket.from_stdlib_socket(door.socket))
    listener = (
        plain
        if door.tls is None
        else trio.SSLListener(plain, door.tls, https_compatible=True)
    )
    await trio.serve_listeners(handle, [listener], task_status=task_status)


class _Marked:
    """The app, with the door of each request and a way to reset its connection."""

    def __init__(self, app: ASGIApp, door: Door, stream: Stream) -> None:
        self._app = app
        self._door = door
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["fakeoci.vcn"] = self._door.vcn_id
        scope["fakeoci.admin"] = self._door.admin
        scope["fakeoci.reset"] = self._reset
        if self._door.client_address:
            scope["client"] = (self._door.client_address, 0)
        await self._app(scope, receive, send)

    def _reset(self) -> None:
        """Let the kernel send RST; data that is not read or sent is lost."""
        stream = self._stream
        tcp = stream.transport_stream if isinstance(stream, trio.SSLStream) else stream
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        tcp.socket.close()
