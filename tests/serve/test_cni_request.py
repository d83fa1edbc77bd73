"""A request from a socket: in pieces, cut short, with descriptors."""

import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from tests.no_files import no_more_files
from vcnd.model.errors import BadRequestError, TryAgainError
from vcnd.serve.cni_request import MAX_DESCRIPTORS, HalfRequestError, receive
from vcnd.serve.wire import MAX_HEADER_BYTES

ENVIRONMENT, STDIN = b"CNI_COMMAND=ADD\0X=\xff\0", b'{"name": "vcnd"}'
WHOLE = b"vcnd 1 %d %d\n" % (len(ENVIRONMENT), len(STDIN)) + ENVIRONMENT + STDIN


class Peer:
    """The shim's end of a connection, and ours."""

    def __init__(self) -> None:
        self.theirs, self.ours = socket.socketpair()
        self.ours.settimeout(0.0)

    def send(self, data: bytes, descriptors: list[int] | None = None) -> None:
        if descriptors:
            socket.send_fds(self.theirs, [data], descriptors)
        else:
            self.theirs.sendall(data)


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    made = Peer()
    with made.theirs, made.ours:
        yield made


@pytest.mark.parametrize("size", [1, 5, 13, 14, 15, 30, len(WHOLE)])
async def test_pieces_add_up_to_a_request(peer: Peer, size: int) -> None:
    async def send() -> None:
        for at in range(0, len(WHOLE), size):
            peer.send(WHOLE[at : at + size])
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        request = await receive(peer.ours)
    assert request.environment == {"CNI_COMMAND": "ADD", "X": "\udcff"}
    assert request.stdin == STDIN
    assert request.descriptors == []


async def test_empty_parts_make_a_request(peer: Peer) -> None:
    peer.send(b"vcnd 1 0 0\n")
    request = await receive(peer.ours)
    assert (request.environment, request.stdin) == ({}, b"")


async def test_bytes_after_the_request_are_left_out(peer: Peer) -> None:
    peer.send(WHOLE + b"more")
    assert (await receive(peer.ours)).stdin == STDIN


@pytest.mark.parametrize("length", [0, 3, 12, 14, 20, len(WHOLE) - 1])
async def test_request_cut_short_is_half_a_request(peer: Peer, length: int) -> None:
    peer.send(WHOLE[:length])
    peer.theirs.shutdown(socket.SHUT_WR)
    with pytest.raises(HalfRequestError, match=f"^{length} bytes, then the end$"):
        await receive(peer.ours)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "not a request of vcnd-cni"),
        (b"\n", "not a request of vcnd-cni"),
        (b"x" * MAX_HEADER_BYTES, "not a request of vcnd-cni"),
        # The line ends too late: nothing after its limit is read.
        (b"x" * MAX_HEADER_BYTES + b"\n", "not a request of vcnd-cni"),
        (b"vcnd 2 0 0\n", "vcnd-cni speaks protocol 2"),
        (b"vcnd 1 0 99999999\n", "oversized request"),
    ],
)
async def test_other_bytes_are_refused(peer: Peer, data: bytes, words: str) -> None:
    peer.send(data)
    with pytest.raises(BadRequestError, match=words):
        await receive(peer.ours)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "netns"
    made.touch()
    return made


def opened(file: Path) -> int:
    """Return how many descriptors of this process refer to a file."""
    found = 0
    for link in Path("/proc/self/fd").iterdir():
        try:
            found += os.path.samefile(link, file)
        except OSError:  # the descriptor of the listing, and sockets
            continue
    return found


def send_with(peer: Peer, data: bytes, file: Path, count: int) -> None:
    """Send data with ``count`` descriptors of a file; close them on this side."""
    descriptors = [os.open(file, os.O_RDONLY) for _ in range(count)]
    peer.send(data, descriptors)
    for descriptor in descriptors:
        os.close(descriptor)


async def test_descriptor_comes_with_the_request(peer: Peer, file: Path) -> None:
    send_with(peer, WHOLE[:5], file, 1)
    peer.send(WHOLE[5:])
    request = await receive(peer.ours)
    (descriptor,) = request.descriptors
    assert not os.get_inheritable(descriptor)
    with request:
        assert opened(file) == 1
    assert opened(file) == 0


@pytest.mark.parametrize(
    ("parts", "counts", "error"),
    [
        ([WHOLE[:-1]], [1], HalfRequestError),
        ([b"vcnd 2 0 0\n"], [1], BadRequestError),
        ([WHOLE], [MAX_DESCRIPTORS + 1], BadRequestError),
        # Few with each piece, too many together.
        ([WHOLE[:5], WHOLE[5:]], [MAX_DESCRIPTORS, 1], BadRequestError),
    ],
)
async def test_refused_request_leaves_no_descriptor_open(
    peer: Peer,
    file: Path,
    parts: list[bytes],
    counts: list[int],
    error: type[Exception],
) -> None:
    for data, count in zip(parts, counts, strict=True):
        send_with(peer, data, file, count)
    peer.theirs.shutdown(socket.SHUT_WR)
    with pytest.raises(error):
        await receive(peer.ours)
    assert opened(file) == 0


async def test_lack_of_files_is_not_the_callers_fault(peer: Peer, file: Path) -> None:
    send_with(peer, WHOLE, file, 1)
    with no_more_files(), pytest.raises(TryAgainError, match="open no more files"):
        await receive(peer.ours)
    assert opened(file) == 0


async def test_many_descriptors_are_taken_and_closed(peer: Peer, file: Path) -> None:
    send_with(peer, WHOLE, file, MAX_DESCRIPTORS)
    with await receive(peer.ours) as _:
        assert opened(file) == MAX_DESCRIPTORS
    assert opened(file) == 0
