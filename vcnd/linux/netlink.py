"""Netlink by hand: messages as bytes, one request, one acknowledgement.

For the path of ADD and DEL, where a general library costs 8 to 40 times as much
(facts/performance.md §3a).  Message by message with an ACK each is as fast as a
batch, and an error says which step it was.
"""

import errno
import os
import socket
import struct
from collections.abc import Iterator
from types import TracebackType
from typing import Self

NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 0x1, 0x4, 0x300
NLM_F_REPLACE, NLM_F_EXCL, NLM_F_CREATE = 0x100, 0x200, 0x400
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLA_F_NESTED, NLA_TYPE_MASK = 0x8000, 0x3FFF
SOL_NETLINK, NETLINK_EXT_ACK, NETLINK_ADD_MEMBERSHIP = 270, 11, 1
NLMSGERR_ATTR_MSG, NLM_F_CAPPED, NLM_F_ACK_TLVS = 1, 0x100, 0x200
RECEIVE_BYTES = 1 << 16
ANSWER_TIME = struct.pack("@ll", 10, 0)

HEADER = struct.Struct("=IHHII")
ATTRIBUTE = struct.Struct("=HH")


class NetlinkError(OSError):
    """The kernel refused a request; ``step`` says which."""

    def __init__(self, code: int, step: str, message: str) -> None:
        super().__init__(code, f"{step}: {message or os.strerror(code)}")
        self.step = step


def attribute(kind: int, payload: bytes) -> bytes:
    """Return one attribute, padded to four bytes."""
    length = 4 + len(payload)
    return ATTRIBUTE.pack(length, kind) + payload + b"\0" * (-length % 4)


def nested(kind: int, *attributes: bytes) -> bytes:
    """Return an attribute that holds others."""
    return attribute(kind | NLA_F_NESTED, b"".join(attributes))


def u32(kind: int, value: int) -> bytes:
    """Return a 32-bit attribute."""
    return attribute(kind, struct.pack("=I", value))


def text(kind: int, value: str) -> bytes:
    """Return a string attribute, ended by NUL."""
    return attribute(kind, value.encode() + b"\0")


def message(kind: int, flags: int, body: bytes, sequence: int = 0) -> bytes:
    """Return one message."""
    return HEADER.pack(16 + len(body), kind, flags, sequence, 0) + body


def messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield (type, flags, body) of each message in a datagram."""
    at = 0
    while at + 16 <= len(data):
        length, kind, flags, _, _ = HEADER.unpack_from(data, at)
        if length < HEADER.size:
            return
        yield kind, flags, data[at + 16 : at + length]
        at += (length + 3) & ~3


def attributes(data: bytes) -> dict[int, bytes]:
    """Return attributes by type; of a repeated type, the last."""
    found: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(data):
        length, kind = ATTRIBUTE.unpack_from(data, at)
        if length < ATTRIBUTE.size:
            break
        found[kind & NLA_TYPE_MASK] = data[at + 4 : at + length]
        at += (length + 3) & ~3
    return found


class NetlinkSocket:
    """A socket in the network namespace of the thread that makes it.  Blocking."""

    def __init__(self, protocol: int) -> None:
        self._socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol
        )
        self._socket.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
        self._socket.bind((0, 0))
        # The kernel answers at once; a hang would be a defect, not a wait.  Not
        # settimeout(): it adds a poll to every call.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, ANSWER_TIME)

    def request(self, step: str, kind: int, flags: int, body: bytes) -> None:
        """Send a request and wait for its acknowledgement.

        Raises:
            NetlinkError: the kernel refused.
        """
        self.send(message(kind, flags | NLM_F_REQUEST | NLM_F_ACK, body))
        self.acknowledged(step)

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._socket.send(data)

    def acknowledged(self, step: str) -> None:
        """Wait for one acknowledgement."""
        while True:
            for kind, flags, body in messages(self._socket.recv(RECEIVE_BYTES)):
                if kind == NLMSG_ERROR:
                    _raise_refusal(step, flags, body)
                    return

    def dump(self, step: str, kind: int, body: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield (type, body) of what a dump lists."""
        self.send(message(kind, NLM_F_REQUEST | NLM_F_DUMP, body))
        while True:
            for said, flags, content in messages(self._socket.recv(RECEIVE_BYTES)):
                if said == NLMSG_DONE:
                    return
                if said == NLMSG_ERROR:
                    _raise_refusal(step, flags, content)
                else:
                    yield said, content

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _raise_refusal(step: str, flags: int, body: bytes) -> None:
    (code,) = struct.unpack_from("=i", body)
    if code == 0:
        return
    said = ""
    if flags & NLM_F_ACK_TLVS:
        (echoed,) = struct.unpack_from("=I", body, 4)
        start = 20 if flags & NLM_F_CAPPED else 4 + ((echoed + 3) & ~3)
        said = (
            attributes(body[start:]).get(NLMSGERR_ATTR_MSG, b"").rstrip(b"\0").decode()
        )
    raise NetlinkError(-code, step, said)


def is_missing(error: OSError) -> bool:
    """Tell whether an error says that the thing is not there (any more)."""
    return error.errno in (errno.ENOENT, errno.ESRCH, errno.ENODEV, errno.EADDRNOTAVAIL)
