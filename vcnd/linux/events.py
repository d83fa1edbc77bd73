"""Netlink sockets that hear of changes, and reading what gathers in them."""

import socket
from collections.abc import Callable

import trio

from vcnd.netlink.messages import (
    HEADER,
    LOSSES,
    NETLINK_ADD_MEMBERSHIP,
    RECEIVE_BYTES,
    SOL_NETLINK,
)

GATHER_SECONDS = 0.02
"""Events are gathered for this long before they are judged."""


def subscribed(protocol: int, *groups: int) -> socket.socket:
    """Return a socket that hears of groups' changes in this thread's namespace."""
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    # Bound before it joins: an unbound socket hears nothing.
    sock.bind((0, 0))
    for group in groups:
        sock.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group)
    sock.settimeout(0.0)
    return sock


async def received(
    sock: socket.socket, may_wait: Callable[[bytes], bool] | None = None
) -> bytes | None:
    """Return the gathered messages, or None when some were lost: then check everything.

    Each pod makes a dozen events, and a loop woken for each of them would do
    nothing else when pods start by the hundred.

    Args:
        sock: the socket.
        may_wait: returns False, by the first message's header, if that cannot wait for
            others to gather.
    """
    await trio.lowlevel.wait_readable(sock)
    try:
        # A look takes the news of a loss away, so it is in here.
        if may_wait is None or may_wait(sock.recv(HEADER.size, socket.MSG_PEEK)):
            await trio.sleep(GATHER_SECONDS)
        gathered = bytearray()
        while True:
            try:
                gathered += sock.recv(RECEIVE_BYTES)
            except BlockingIOError:
                return bytes(gathered)
    except OSError as error:
        if error.errno in LOSSES:
            return None
        raise


def waiting(sock: socket.socket) -> bool:
    """Return True if a message waits to be received, or some were lost.

    The kernel tells of a change before it acknowledges it.
    """
    try:
        sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in LOSSES:
            raise
    return True
