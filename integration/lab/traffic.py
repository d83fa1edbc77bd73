"""Small servers and clients in any namespace, all in this one process.

A socket belongs to the namespace of the thread that makes it, and can then be used
from any namespace: no process per pod is needed.
"""

import socket
from collections.abc import Callable
from contextlib import ExitStack, suppress

import dns.message
import dns.rdatatype
import trio

from fakeoci.fabric import netns

SERVICE_PORT = 8080
BLOCKED_PORT = 9090
ANSWER_SECONDS = 20.0
"""Within this, on any machine; mostly it takes a millisecond."""
SILENCE_SECONDS = 2.0
"""A host that sends nothing for this long does not answer."""


def _socket(
    name: str,
    kind: int,
    prepare: Callable[[socket.socket], None],
    family: int = socket.AF_INET,
) -> trio.socket.SocketType:
    def make() -> socket.socket:
        with ExitStack() as failed:
            sock = failed.enter_context(socket.socket(family, kind))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            prepare(sock)
            failed.pop_all()
            return sock

    return trio.socket.from_stdlib_socket(netns.inside(name, make))


def _listen(port: int) -> Callable[[socket.socket], None]:
    def prepare(sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind(("::", port))
        sock.listen(64)

    return prepare


async def serve(
    name: str,
    port: int,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Answer each line of a client with the client's address as the server sees it."""
    stream, six = socket.SOCK_STREAM, socket.AF_INET6
    with _socket(name, stream, _listen(port), six) as listener:
        task_status.started()
        async with trio.open_nursery() as connections:
            while True:
                connection, peer = await listener.accept()
                seen = peer[0].removeprefix("::ffff:")
                connections.start_soon(_answer, connection, seen)


async def _answer(connection: trio.socket.SocketType, peer: str) -> None:
    with connection, suppress(OSError):
        while await connection.recv(1024):
            await connection.send(f"{peer}\n".encode())


class Conversation:
    """A connection that stays open, to check whether it works."""

    def __init__(self, sock: trio.socket.SocketType) -> None:
        self._sock = sock

    async def ask(self, seconds: float = ANSWER_SECONDS) -> str | None:
        """Return the server's answer, or None if none comes in time."""
        with trio.move_on_after(seconds), suppress(OSError):
            await self._sock.send(b"?\n")
            return (await self._sock.recv(1024)).decode().strip() or None
        return None

    @property
    def segment_bytes(self) -> int:
        """Return how many bytes of data a segment has at most."""
        return self._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)

    def close(self) -> None:
        """Hang up."""
        self._sock.close()


async def connect(
    name: str, address: str, port: int, seconds: float = ANSWER_SECONDS
) -> Conversation | None:
    """Connect from a namespace; None when it is refused or nobody answers."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = _socket(name, socket.SOCK_STREAM, lambda _: None, family)
    with ExitStack() as failed:
        failed.enter_context(sock)
        with trio.move_on_after(seconds), suppress(OSError):
            await sock.connect((address, port))
            failed.pop_all()
            return Conversation(sock)
    return None


async def ask(
    name: str, address: str, port: int = SERVICE_PORT, seconds: float = ANSWER_SECONDS
) -> str | None:
    """Return the address under which a server sees a namespace, or None."""
    conversation = await connect(name, address, port, seconds)
    if conversation is None:
        return None
    try:
        return await conversation.ask(seconds)
    finally:
        conversation.close()


def datagrams(
    name: str, address: str = "", port: int = 0, *, six: bool = False
) -> trio.socket.SocketType:
    """Return a UDP socket of a namespace, bound where an address is given."""
    family = socket.AF_INET6 if six or ":" in address else socket.AF_INET

    def bind(sock: socket.socket) -> None:
        if address:
            sock.bind((address, port))

    return _socket(name, socket.SOCK_DGRAM, bind, family)


async def resolve(name: str, host: str, server: str = "169.254.169.254") -> str | None:
    """Return a resolver's answer for a host, asked from a namespace."""
    query = dns.message.make_query(host, dns.rdatatype.A)
    with (
        _socket(name, socket.SOCK_DGRAM, lambda _: None) as sock,
        trio.move_on_after(ANSWER_SECONDS),
        suppress(OSError),
    ):
        await sock.connect((server, 53))
        await sock.send(query.to_wire())
        response = dns.message.from_wire(await sock.recv(4096))
        return response.answer[0][0].to_text() if response.answer else None
    return None
