"""Connections with both ends in this thread.

The kernel carries a packet through namespaces within the call that sends it: when the
call returns, the packet has arrived.
"""

import select
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from fakeoci.fabric import netns

ANSWER_SECONDS = 20.0
"""The kernel sends a lost packet again in this time; other packets take none."""
PUSH_SECONDS = 40.0
"""Megabytes take less; if they took retransmissions, they would take minutes."""
CHUNK = 1 << 20
TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ = 19, 20, 21
REPAIR_OFF, SEND_QUEUE = -1, 2

Address = tuple[str, int]
"""An IP address and a port."""


def bound(name: str, kind: int, address: Address) -> socket.socket:
    """Return a socket of a namespace that has an address.

    Args:
        name: the namespace.
        kind: SOCK_STREAM or SOCK_DGRAM.
        address: its own address.
    """
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET

    def make() -> socket.socket:
        sock = socket.socket(family, kind)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.settimeout(ANSWER_SECONDS)
        sock.bind(address)
        return sock

    return netns.inside(name, make)


@dataclass(kw_only=True)
class Ends:
    """Two sockets that are connected to each other; the body's end closes them."""

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

    def in_order(self, *, back: bool) -> tuple[socket.socket, socket.socket]:
        """Return client and server; if ``back``, server and client."""
        return (self.server, self.client) if back else (self.client, self.server)

    def arrives(self, *, back: bool = False, size: int = 1, seconds: float = 0) -> bool:
        """Send bytes from the client, and return True if they arrive.

        Args:
            back: the server sends instead.
            size: the number of bytes.
            seconds: how long to wait for them.
        """
        source, target = self.in_order(back=back)
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
        """Send bytes to the server and as many back; do so several times."""
        for _ in range(times):
            push(self.client, self.server, size)
            push(self.server, self.client, size)

    def vanish(self) -> None:
        """Close both ends without a packet that says so."""
        for end in (self.client, self.server):
            end.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
            end.close()


def push(source: socket.socket, target: socket.socket, size: int) -> None:
    """Send bytes from one end to the other, in parts that a socket takes at once.

    Raises:
        TimeoutError: they take too long.
        ConnectionResetError: the other end is closed.
    """
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


def listen(name: str, address: Address) -> socket.socket:
    """Return a socket of a namespace that accepts connections to its address."""
    sock = bound(name, socket.SOCK_STREAM, address)
    sock.listen(8)
    return sock


def connect(
    name: str, source: Address, listener: socket.socket, *, to: Address | None = None
) -> Stream:
    """Return a connection.

    Args:
        name: the client's namespace.
        source: the client's address.
        listener: accepts the connection.
        to: the address to which the client connects; else the listener's own.

    Raises:
        OSError: it is refused, or nobody answers.
    """
    client = bound(name, socket.SOCK_STREAM, source)
    try:
        client.connect(to or listener.getsockname()[:2])
        server, _ = listener.accept()
        server.settimeout(ANSWER_SECONDS)  # else it sends all or nothing
        return Stream(client=client, server=server)
    except OSError:
        client.close()
        raise


class Datagrams(Ends):
    """A UDP conversation."""

    def exchange(self, times: int = 1, size: int = 1) -> None:
        """Send a datagram to the server and one back; do so several times."""
        for _ in range(times):
            for back in (False, True):
                source, target = self.in_order(back=back)
                source.send(b"." * size)
                target.recv(CHUNK)


def talk(
    client: tuple[str, Address],
    server: tuple[str, Address],
    *,
    to: Address | None = None,
) -> Datagrams:
    """Return a UDP conversation.

    Args:
        client: namespace and address of one end.
        server: those of the other end.
        to: the address to which the client sends; else the server's own.
    """
    ends = [bound(name, socket.SOCK_DGRAM, own) for name, own in (client, server)]
    ends[0].connect(to or server[1])
    ends[1].connect(client[1])
    return Datagrams(client=ends[0], server=ends[1])


def next_sequence(end: socket.socket) -> int:
    """Return the sequence number of the next byte that one end sends."""
    tcp = socket.IPPROTO_TCP
    end.setsockopt(tcp, TCP_REPAIR, 1)
    end.setsockopt(tcp, TCP_REPAIR_QUEUE, SEND_QUEUE)
    found = end.getsockopt(tcp, TCP_QUEUE_SEQ)
    end.setsockopt(tcp, TCP_REPAIR, REPAIR_OFF)
    return found % (1 << 32)
