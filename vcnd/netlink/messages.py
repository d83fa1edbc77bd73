"""Netlink by hand: messages as bytes, one request, one acknowledgement.

For the path of ADD and DEL, where a general library costs 8 to 40 times as much
(docs/data-plane.md#netlink).  Several requests can go in one system call; an error says
which step it was.

Requests are numbered, and answers matched by number.  After a failure that leaves
answers outstanding (a timeout, a lost or truncated datagram, an abandoned dump) the
socket is closed, and the next request opens another.
"""

import errno
import fcntl
import os
import socket
import struct
from collections.abc import Collection, Generator, Iterator, Sequence
from types import TracebackType
from typing import Any, Self

NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 0x1, 0x4, 0x300
NLM_F_REPLACE, NLM_F_EXCL, NLM_F_CREATE = 0x100, 0x200, 0x400
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLA_F_NESTED, NLA_TYPE_MASK = 0x8000, 0x3FFF
SOL_NETLINK, NETLINK_EXT_ACK, NETLINK_ADD_MEMBERSHIP = 270, 11, 1
NLMSGERR_ATTR_MSG, NLM_F_CAPPED, NLM_F_ACK_TLVS = 1, 0x100, 0x200
NLM_F_DUMP_INTR = 0x10
SIOCGIFMTU, SIOCGIFINDEX = 0x8921, 0x8933
RECEIVE_BYTES = 1 << 16
ANSWER_SECONDS = 10
LOSSES = frozenset({errno.ENOBUFS, errno.ENOMEM})
"""With these a socket that listens tells that messages were lost: its buffer was full,
or the kernel had no memory for one."""
DUMP_TRIES = 8
MAX_SEQUENCE = 0x7FFFFFF0

HEADER, ATTRIBUTE = struct.Struct("=IHHII"), struct.Struct("=HH")
CODE, CODE_AND_ECHO, MOST_CODE = struct.Struct("=i"), struct.Struct("=iI"), 0x7FFFFFFF
IFREQ = struct.Struct("=16si20x")

Message = tuple[int, int, bytes]
"""Type, flags and body."""


class NetlinkError(OSError):
    """The kernel refused a request; ``step`` says which."""

    def __init__(self, code: int, step: str, message: str) -> None:
        super().__init__(code, f"{step}: {message or os.strerror(code)}")
        self.step = step


def fields(form: struct.Struct, body: bytes) -> tuple[Any, ...]:
    """Return the fields with which a message begins.

    Raises:
        NetlinkError: it is shorter (EBADMSG).
    """
    try:
        return form.unpack_from(body)
    except struct.error as error:
        words = f"it ends after {len(body)} bytes"
        raise NetlinkError(errno.EBADMSG, "read a message", words) from error


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


def messages(data: bytes) -> Iterator[Message]:
    """Yield (type, flags, body) of each message in a datagram."""
    return ((kind, flags, body) for _, kind, flags, body in numbered(data))


def numbered(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Yield (sequence number, type, flags, body) of each message in a datagram."""
    at = 0
    while at + 16 <= len(data):
        length, kind, flags, sequence, _ = HEADER.unpack_from(data, at)
        if length < HEADER.size:
            return
        yield sequence, kind, flags, data[at + 16 : at + length]
        at += (length + 3) & ~3


def of_others(data: bytes, ports: Collection[int]) -> bytes:
    """Return the messages of a datagram that are not about these ports' requests."""
    at, kept = 0, bytearray()
    while at + HEADER.size <= len(data):
        length, _, _, _, sender = HEADER.unpack_from(data, at)
        if length < HEADER.size:
            break
        end = at + ((length + 3) & ~3)
        if sender not in ports:
            kept += data[at:end]
        at = end
    return bytes(kept)


def attributes(data: bytes) -> dict[int, bytes]:
    """Return attributes by type; of a repeated type, the last."""
    return dict(_attributes(data))


def repeated(data: bytes) -> list[bytes]:
    """Return the attributes of a list, whose types are all the same."""
    return [value for _, value in _attributes(data)]


def _attributes(data: bytes) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    at, end, size = 0, len(data), ATTRIBUTE.size
    while at + size <= end:
        length, kind = ATTRIBUTE.unpack_from(data, at)
        if length < size:
            break
        found.append((kind & NLA_TYPE_MASK, data[at + size : at + length]))
        at += (length + 3) & ~3
    return found


class NetlinkSocket:
    """A socket in the network namespace of the thread that uses it first.  Blocking."""

    def __init__(self, protocol: int) -> None:
        self._protocol = protocol
        self._sequence = 0
        self._receive_bytes = RECEIVE_BYTES
        self._closed = False
        self.port = 0
        """The address that events about its requests name, unique in the namespace."""
        self._socket: socket.socket | None = self._opened()

    def _opened(self) -> socket.socket:
        made = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, self._protocol
        )
        made.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
        made.bind((0, 0))
        self.port = made.getsockname()[0]
        # The kernel answers at once; a hang would be a defect, not a wait.  Not
        # settimeout(): it adds a poll to every call.
        made.setsockopt(
            socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", ANSWER_SECONDS, 0)
        )
        return made

    def numbers(self, count: int) -> Sequence[int]:
        """Return the sequence numbers of the next messages to send."""
        first = self._sequence % MAX_SEQUENCE + 1
        self._sequence = first + count - 1
        return range(first, first + count)

    def request(self, step: str, kind: int, flags: int, body: bytes) -> None:
        """Send a request and wait for its acknowledgement.

        Raises:
            NetlinkError: the kernel refused, or its answer was lost.
        """
        self._sequence = number = self._sequence % MAX_SEQUENCE + 1
        flags |= NLM_F_REQUEST | NLM_F_ACK
        self.exchange((step,), message(kind, flags, body, number), number)

    def exchange(self, steps: Sequence[str], data: bytes, first: int) -> None:
        """Send messages and wait until one of them is acknowledged or refused.

        Args:
            steps: names each message's step in errors.
            data: the messages.
            first: the sequence number of the first; the others' follow it.

        Raises:
            NetlinkError: the kernel refused a step, or its answer was lost.
        """
        try:
            sock = self._open()
            sock.send(data)
            number, flags, body = self._answer(sock, steps, first)
        except BaseException:
            self._drop()
            raise
        _raise_refusal(steps[number - first], flags, body)

    def _answer(self, sock: socket.socket, steps: Sequence[str], first: int) -> Message:
        end = first + len(steps)
        while True:
            for number, kind, flags, body in numbered(self._receive(sock, steps[-1])):
                if kind == NLMSG_ERROR and first <= number < end:
                    return number, flags, body

    def index_of(self, ifname: str) -> int:
        """Return the index of a link in the socket's network namespace.

        Raises:
            OSError: there is no such link (ENODEV).
        """
        # if_nametoindex() opens and closes another socket.
        return self._ask(SIOCGIFINDEX, ifname)

    def mtu_of(self, ifname: str) -> int:
        """Return the MTU of a link, likewise (``index_of``)."""
        return self._ask(SIOCGIFMTU, ifname)

    def _ask(self, what: int, ifname: str) -> int:
        """Return a number about a link, in one system call that any socket takes."""
        answer = fcntl.ioctl(self._open(), what, IFREQ.pack(ifname.encode(), 0))
        return int(IFREQ.unpack(answer)[1])

    def get(self, step: str, kind: int, body: bytes) -> bytes:
        """Return the object that a request asks for.

        Raises:
            NetlinkError: the kernel refused, or its answer was lost.
        """
        try:
            sock, (number,) = self._open(), self.numbers(1)
            sock.send(message(kind, NLM_F_REQUEST, body, number))
            found = self._object(sock, step, number)
        except BaseException:
            self._drop()
            raise
        kind, flags, content = found
        if kind == NLMSG_ERROR:
            _raise_refusal(step, flags, content)
        return content

    def _object(self, sock: socket.socket, step: str, number: int) -> Message:
        """Return the first answer to a request that asks for no acknowledgement."""
        while True:
            for answered, kind, flags, body in numbered(self._receive(sock, step)):
                if answered == number:
                    return kind, flags, body

    def dump(self, step: str, kind: int, body: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield (type, body) of each object in a dump.

        A dump that the kernel calls inconsistent is repeated: entries may come twice.
        """
        for _ in range(DUMP_TRIES):
            if (yield from self._dump(step, kind, body)):
                return
        raise NetlinkError(errno.EINTR, step, "the table changed during each dump")

    def _dump(
        self, step: str, kind: int, body: bytes
    ) -> Generator[tuple[int, bytes], None, bool]:
        """Yield what one dump lists; return True if it is consistent."""
        consistent = True
        try:
            sock, (number,) = self._open(), self.numbers(1)
            sock.send(message(kind, NLM_F_REQUEST | NLM_F_DUMP, body, number))
            while True:
                for answered, answer, flags, content in numbered(
                    self._receive(sock, step)
                ):
                    if answered != number:
                        continue
                    consistent = consistent and not flags & NLM_F_DUMP_INTR
                    if answer in (NLMSG_DONE, NLMSG_ERROR):
                        # Both carry the error that ended the dump, or 0.
                        _raise_refusal(step, flags, content)
                        return consistent
                    yield answer, content
        except BaseException:
            self._drop()
            raise

    def _receive(self, sock: socket.socket, step: str) -> bytes:
        try:
            data = sock.recv(self._receive_bytes)
        except BlockingIOError as error:
            raise NetlinkError(
                errno.ETIMEDOUT, step, f"no answer within {ANSWER_SECONDS} s"
            ) from error
        except OSError as error:
            code = error.errno or errno.EIO
            raise NetlinkError(code, step, f"the answer was lost: {error}") from error
        # Twice what the kernel puts into one; recvmsg() would tell, and costs more.
        if len(data) >= self._receive_bytes:
            raise NetlinkError(errno.EMSGSIZE, step, "the answer was truncated")
        return data

    def _open(self) -> socket.socket:
        if self._closed:
            raise OSError(errno.EBADF, "the netlink socket is closed")
        if self._socket is None:
            self._socket = self._opened()
        return self._socket

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def close(self) -> None:
        """Close the socket for good."""
        self._closed = True
        self._drop()

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
    (code,) = fields(CODE, body)
    if code == 0:
        return
    text = ""
    if flags & NLM_F_ACK_TLVS:
        _, echoed = fields(CODE_AND_ECHO, body)
        start = 20 if flags & NLM_F_CAPPED else 4 + ((echoed + 3) & ~3)
        told = attributes(body[start:]).get(NLMSGERR_ATTR_MSG, b"")
        text = told.rstrip(b"\0").decode(errors="replace")
    raise NetlinkError(min(-code, MOST_CODE), step, text)


def is_missing(error: OSError) -> bool:
    """Return True if an error says that the object does not exist (any more)."""
    return error.errno in (errno.ENOENT, errno.ESRCH, errno.ENODEV, errno.EADDRNOTAVAIL)
