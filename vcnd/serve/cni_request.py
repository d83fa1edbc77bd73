"""Receives a request: its bytes and its descriptors."""

import os
import socket
import struct
from dataclasses import dataclass
from types import TracebackType

import trio

from vcnd.model.errors import BadRequestError
from vcnd.serve import wire

MAX_DESCRIPTORS = 8
"""One is right; up to this number the answer names the excess."""


class HalfRequestError(Exception):
    """The peer closed before the end of its request; it gets no reply."""


@dataclass(frozen=True, slots=True)
class Request:
    """A whole request; its context's end closes its descriptors."""

    environment: dict[str, str]
    stdin: bytes
    descriptors: list[int]

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _close(self.descriptors)


async def receive(connection: trio.socket.SocketType) -> Request:
    """Return a request; the caller closes its descriptors.

    Raises:
        HalfRequestError: the connection ended before the request was whole.
        BadRequestError: it is no request.
    """
    data, descriptors = bytearray(), list[int]()
    try:
        header: wire.Header | None = None
        start = 0
        while header is None or len(data) < start + header.total:
            data += await _some(connection, descriptors, len(data))
            if header is None and b"\n" in data[: wire.MAX_HEADER_BYTES]:
                start = data.index(b"\n") + 1
                header = wire.parse_header(bytes(data[:start]))
            elif header is None and len(data) >= wire.MAX_HEADER_BYTES:
                raise BadRequestError("not a request of vcnd-cni")
        end = start + header.environment_bytes
        environment = wire.parse_environment(bytes(data[start:end]))
        stdin = bytes(data[end : end + header.stdin_bytes])
        return Request(environment, stdin, descriptors)
    except BaseException:
        _close(descriptors)
        raise


async def _some(
    connection: trio.socket.SocketType, descriptors: list[int], before: int
) -> bytes:
    """Return the next bytes, and append the descriptors that come with them."""
    try:
        chunk, ancillary, flags, _ = await connection.recvmsg(
            1 << 16,
            socket.CMSG_SPACE(4 * MAX_DESCRIPTORS),
            socket.MSG_CMSG_CLOEXEC,
        )
    except OSError as error:
        raise HalfRequestError(str(error)) from error
    for level, kind, payload in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            whole = len(payload) - len(payload) % 4
            descriptors += struct.unpack(f"={whole // 4}i", payload[:whole])
    if flags & socket.MSG_CTRUNC or len(descriptors) > MAX_DESCRIPTORS:
        raise BadRequestError("too many descriptors came with the call")
    if not chunk:
        raise HalfRequestError(f"{before} bytes, then the end")
    return chunk


def _close(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
