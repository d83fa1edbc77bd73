"""Messages with the port of the socket whose request they tell of.  Pure."""

from collections.abc import Iterator

from vcnd.netlink.messages import HEADER

MOST_PIDS = 1 << 22
"""The kernel's limit.  A process' first socket of a protocol gets its process ID as
port; further ones get numbers above the limit."""


def sent(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield (port, type, body) of each message in a datagram; port 0 is the kernel's.

    The kernel tells the port for addresses, routes and rules, for links seldom.
    """
    at = 0
    while at + HEADER.size <= len(data):
        length, kind, _, _, port = HEADER.unpack_from(data, at)
        if length < HEADER.size:
            return
        yield port, kind, data[at + HEADER.size : at + length]
        at += (length + 3) & ~3


def pid_of(port: int) -> int:
    """Return the process ID that a port stands for; 0 if it stands for none."""
    return port if 0 < port < MOST_PIDS else 0
