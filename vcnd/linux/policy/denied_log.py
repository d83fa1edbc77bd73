"""Hears of the packets that the rules of network policies drop."""

import os
import socket
from collections.abc import Iterator

import trio

from vcnd.core.policy.denials import DeniedPacket
from vcnd.linux.policy.drops import GROUP, read_prefix
from vcnd.model.policy import Direction
from vcnd.netlink import nflog
from vcnd.netlink.messages import (
    CODE,
    LOSSES,
    NLM_F_ACK,
    NLM_F_REQUEST,
    NLMSG_ERROR,
    RECEIVE_BYTES,
    fields,
    message,
    numbered,
)
from vcnd.netlink.nftables import NETLINK_NETFILTER

RECEIVE_BUFFER = 1 << 20
MOST_AT_ONCE = 4096
"""So many datagrams are read before other tasks have their turn.  The buffer has no
room for more, so all that was logged before is read."""


class DeniedLog:
    """The log of one network namespace, that of the thread that makes it."""

    def __init__(self) -> None:
        """Bind the group.

        Raises:
            OSError: another program has it, or the kernel has no NFLOG.
        """
        self._socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_NETFILTER
        )
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            self._socket.bind((0, 0))
            _bind(self._socket)
            self._socket.settimeout(0.0)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Hear no more; the rules drop as before."""
        self._socket.close()

    async def until_denied(self) -> None:
        """Return when there is something to take."""
        await trio.lowlevel.wait_readable(self._socket)

    def take(self) -> list[DeniedPacket]:
        """Return packets that were dropped.

        Of those that came faster than they were read, some are lost.
        """
        return [packet for data in self._datagrams() for packet in _denied(data)]

    def _datagrams(self) -> Iterator[bytes]:
        for _ in range(MOST_AT_ONCE):
            try:
                yield self._socket.recv(RECEIVE_BYTES)
            except BlockingIOError:
                return
            except OSError as error:
                # What came after the buffer was full is lost; what is in it is not.
                if error.errno not in LOSSES:
                    raise


def _bind(sock: socket.socket) -> None:
    """Bind the group, and wait for the kernel's answer, which comes at once."""
    kind, _, body = nflog.bind(GROUP)
    sock.settimeout(10)
    sock.send(message(kind, NLM_F_REQUEST | NLM_F_ACK, body, sequence=1))
    while True:
        for _, answer, _, content in numbered(sock.recv(RECEIVE_BYTES)):
            if answer == NLMSG_ERROR:
                (code,) = fields(CODE, content)
                if code in map(int.__neg__, nflog.TAKEN):
                    what = f"another program has group {GROUP} of NFLOG"
                    raise OSError(-code, f"{what}, or CAP_NET_ADMIN is missing")
                if code:
                    what = f"NFLOG's group {GROUP} cannot be bound"
                    raise OSError(-code, f"{what}: {os.strerror(-code)}")
                return


def _denied(data: bytes) -> Iterator[DeniedPacket]:
    for packet in nflog.logged(data):
        drop = read_prefix(packet.prefix)
        if drop is not None:
            egress = drop.direction is Direction.EGRESS
            headers = packet.headers
            yield DeniedPacket(
                drop=drop,
                link=_link(packet.arrived_by if egress else packet.leaves_by),
                address=headers.source if egress else headers.destination,
                peer=headers.destination if egress else headers.source,
                protocol=headers.protocol,
                port=headers.port,
            )


def _link(index: int) -> str:
    """Return a link's name; empty if it is gone by now."""
    try:
        return socket.if_indextoname(index) if index else ""
    except OSError:
        return ""
