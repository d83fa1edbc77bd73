"""Connections whose two ends are in this thread: what was sent has arrived.

The kernel carries a packet through namespaces within the call that sends it.
"""

import select
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Self

from fakeoci.fabric import netns

ANSWER_SECONDS = 3.0
"""For a retransmission by the kernel; an answer itself is there at once."""
PUSH_SECONDS = 20.0
"""For megabytes; retransmissions alone would take minutes, and hide that they are."""
CHUNK = 1 << 20
TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ = 19, 20, 21
REPAIR_OFF, SEND_QUEUE = -1, 2


def make(
    name: str, kind: int, *, six: bool, prepare: Callable[[socket.socket], None]
) -> socket.socket:
    """Return a socket of a namespace."""

    def call() -> socket.socket:
        sock = socket.socket(socket.AF_INET6 if six else socket.AF_INET, kind)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.settimeout(ANSWER_SECONDS)
        prepare(sock)
        return sock

    return netns.inside(name, call)


@dataclass(kw_only=True)
class Ends:
    """Two sockets that are connected to each other, closed when the body ends."""

    client: socket.socket
    server: socket.socket

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close both ends."""
        self.close()

    def close(self) -> None:
        """Close both ends, the client's first."""
        self.client.close()
        self.server.close()

    def arrives(self, *, back: bool = False, size: int = 1, seconds: float = 0) -> bool:
        """Return True if what the client, or the server, sends arrives in time."""
        ends = (self.client, self.server)
        source, target = reversed(ends) if back else ends
        with suppress(OSError):
            source.send(b"." * size)
        with suppress(OSError):
            there, _, _ = select.select([target], [], [], seconds)
            # An ICMP error makes a socket readable, too.
            return bool(there) and bool(target.recv(CHUNK))
        return False


class Stream(Ends):
    """A TCP connection."""

    def exchange(self, times: int = 1, size: int = 1) -> None:
        """Send bytes to the server and back, one exchange after the other."""
        for _ in range(times):
            push(self.client, self.server, size)
            push(self.server, self.client, size)

    def works(self) -> bool:
        """Return True if one more exchange works."""
        try:
            self.exchange()
        except OSError:
            return False
        return True


def push(source: socket.socket, target: socket.socket, size: int) -> None:
    """Send bytes from one end to the other, in parts that a socket takes at once."""
    left, end = size, time.monotonic() + PUSH_SECONDS
    while left:
        sent = source.send(b"." * min(left, CHUNK))
        left -= sent
        while sent:
            if time.monotonic() > end:
                raise TimeoutError(f"{left + sent} of {size} bytes are left")
            part = target.recv(sent)
            if not part:
                raise ConnectionResetError("the other end is closed")
            sent -= len(part)


def listen(name: str, address: str, port: int) -> socket.socket:
    """Return a socket that accepts connections to an address of a namespace."""

    def prepare(sock: socket.socket) -> None:
        sock.bind((address, port))
        sock.listen(8)

    return make(name, socket.SOCK_STREAM, six=":" in address, prepare=prepare)


def connect(
    name: str,
    source: tuple[str, int],
    listener: socket.socket,
    *,
    to: tuple[str, int] | None = None,
) -> Stream:
    """Return a connection.

    Args:
        name: the client's namespace.
        source: its address and port.
        listener: where the connection arrives.
        to: where the client sends it; else to the listener's own address.

    Raises:
        OSError: it is refused, or nobody answers.
    """
    target = to or listener.getsockname()[:2]
    client = make(
        name,
        socket.SOCK_STREAM,
        six=":" in source[0],
        prepare=lambda sock: sock.bind(source),
    )
    try:
        client.connect(target)
        return Stream(client=client, server=listener.accept()[0])
    except OSError:
        client.close()
        raise


class Datagrams(Ends):
    """A UDP conversation."""

    def exchange(self, times: int = 1, size: int = 1) -> None:
        """Send a datagram to the server and one back, one after the other."""
        for _ in range(times):
            for source, target in (
                (self.client, self.server),
                (self.server, self.client),
            ):
                source.send(b"." * size)
                target.recv(CHUNK)


def talk(
    client: tuple[str, str, int],
    server: tuple[str, str, int],
    *,
    to: tuple[str, int] | None = None,
) -> Datagrams:
    """Return a UDP conversation.

    Args:
        client: namespace, address and port of one end.
        server: those of the other.
        to: where the client sends; else to the server's own address.
    """
    ends = []
    for name, address, port in (client, server):
        own = partial(bind, address=(address, port))
        ends.append(make(name, socket.SOCK_DGRAM, six=":" in address, prepare=own))
    ends[0].connect(to or server[1:])
    ends[1].connect(client[1:])
    return Datagrams(client=ends[0], server=ends[1])


def bind(sock: socket.socket, address: tuple[str, int]) -> None:
    """Bind a socket."""
    sock.bind(address)


def vanish(end: socket.socket) -> None:
    """Close one end of a TCP connection so that no packet tells the other."""
    end.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    end.close()


def next_sequence(end: socket.socket) -> int:
    """Return the sequence number of the next byte that one end sends."""
    tcp = socket.IPPROTO_TCP
    end.setsockopt(tcp, TCP_REPAIR, 1)
    end.setsockopt(tcp, TCP_REPAIR_QUEUE, SEND_QUEUE)
    found = end.getsockopt(tcp, TCP_QUEUE_SEQ)
    end.setsockopt(tcp, TCP_REPAIR, REPAIR_OFF)
    return found % (1 << 32)
