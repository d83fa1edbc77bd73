"""Receives a request: its bytes and its descriptors."""

import os
import socket
import struct
from types import TracebackType

import msgspec
import trio

from vcnd.model.cause import Cause
from vcnd.model.errors import BadRequestError, TryAgainError
from vcnd.serve import wire

MAX_DESCRIPTORS = 8
"""One is right; up to this number the answer names the excess."""
REQUEST_SECONDS = 10.0
"""A connection without a whole request by then is closed."""
RECEIVE_BYTES = 1 << 15


class HalfRequestError(Exception):
    """The peer closed before the end of its request; it gets no reply."""


class Request(msgspec.Struct, frozen=True):
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


class _Incoming:
    """A request of which some bytes have come."""

    def __init__(self) -> None:
        self.descriptors: list[int] = []
        self._data = bytearray()
        self._header: wire.Header | None = None
        self._start = 0

    def take(self, connection: socket.socket) -> Request | None:
        """Read what is there; return the request if it is whole."""
        data = self._data
        while self._header is None or len(data) < self._start + self._header.total:
            try:
                data += _some(connection, self.descriptors, len(data))
            except BlockingIOError:
                return None
            if self._header is None and b"\n" in data[: wire.MAX_HEADER_BYTES]:
                self._start = data.index(b"\n") + 1
                self._header = wire.parse_header(bytes(data[: self._start]))
            elif self._header is None and len(data) >= wire.MAX_HEADER_BYTES:
                raise BadRequestError("not a request of vcnd-cni")
        end = self._start + self._header.environment_bytes
        environment = wire.parse_environment(bytes(data[self._start : end]))
        stdin = bytes(data[end : end + self._header.stdin_bytes])
        return Request(environment, stdin, self.descriptors)


async def receive(connection: socket.socket) -> Request:
    """Return a request; the caller closes its descriptors.

    Raises:
        HalfRequestError: the connection ended before the request was whole.
        BadRequestError: it is no request.
        TryAgainError: this process can open no more files.
        trio.TooSlowError: it was not whole in time.
    """
    incoming = _Incoming()
    try:
        # The shim sends at once and in one piece: as a rule there is no wait.
        return incoming.take(connection) or await _rest(incoming, connection)
    except BaseException:
        _close(incoming.descriptors)
        raise


async def _rest(incoming: _Incoming, connection: socket.socket) -> Request:
    request: Request | None = None
    with trio.fail_after(REQUEST_SECONDS):
        while request is None:
            await trio.lowlevel.wait_readable(connection)
            request = incoming.take(connection)
    return request


def _some(connection: socket.socket, descriptors: list[int], before: int) -> bytes:
    """Return the next bytes, and append the descriptors that come with them."""
    try:
        chunk, ancillary, flags, _ = connection.recvmsg(
            RECEIVE_BYTES,
            socket.CMSG_SPACE(4 * MAX_DESCRIPTORS),
            socket.MSG_CMSG_CLOEXEC,
        )
    except BlockingIOError:
        raise
    except OSError as error:
        raise HalfRequestError(str(error)) from error
    for level, kind, payload in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            whole = len(payload) - len(payload) % 4
            descriptors += struct.unpack(f"={whole // 4}i", payload[:whole])
    is_cut = bool(flags & socket.MSG_CTRUNC)
    if is_cut and len(descriptors) < MAX_DESCRIPTORS:
        # There was room for them in the message, and none in the table of files.
        raise TryAgainError(
            "the daemon can open no more files",
            details="it has reached LimitNOFILE of vcnd.service; do many calls wait?",
            cause=Cause.KERNEL_REFUSED,
        )
    if is_cut or len(descriptors) > MAX_DESCRIPTORS:
        raise BadRequestError("too many descriptors came with the call")
    if not chunk:
        raise HalfRequestError(f"{before} bytes, then the end")
    return chunk


def _close(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
