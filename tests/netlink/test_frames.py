"""Messages and attributes as bytes: built ones are read, and damage ends the list."""

import errno
import struct
from itertools import permutations
from random import Random

import pytest

from vcnd.netlink import messages
from vcnd.netlink.messages import (
    NetlinkError,
    attribute,
    attributes,
    message,
    nested,
    numbered,
    repeated,
    text,
    u32,
)


@pytest.mark.parametrize(
    ("built", "expected"),
    [
        (attribute(3, b""), "04000300"),
        (attribute(3, b"\x01"), "0500030001000000"),
        (attribute(3, b"\x01\x02\x03"), "0700030001020300"),
        (attribute(3, b"\x01\x02\x03\x04"), "0800030001020304"),
        (attribute(3, b"\x01\x02\x03\x04\x05"), "090003000102030405000000"),
        (text(1, "eth"), "0800010065746800"),
        (text(1, "eth0"), "09000100657468300000" + "0000"),
        (u32(4, 9000), "0800040028230000"),
        (nested(2, u32(1, 1)), "0c0002800800010001000000"),
        (nested(2), "04000280"),
        (message(16, 0x605, b"", 7), "10000000100005060700000000000000"),
        (message(16, 1, b"\xff", 7), "11000000100001000700000000000000ff"),
    ],
)
def test_layout_is_that_of_the_kernel(built: bytes, expected: str) -> None:
    """struct nlmsghdr and struct nlattr of linux/netlink.h, on a little-endian node."""
    assert built.hex() == expected


def lists_of_bodies() -> list[list[bytes]]:
    """Return lists with bodies of every length that padding distinguishes."""
    random = Random(1)
    return [[random.randbytes(n) for n in lengths] for lengths in LENGTHS]


LENGTHS = [*permutations(range(5), 3), (0,), (40, 41, 42, 43, 44)]


@pytest.mark.parametrize("bodies", lists_of_bodies())
def test_built_frames_are_read(bodies: list[bytes]) -> None:
    built = [(kind, body) for kind, body in enumerate(bodies, 0x3FF0)]
    data = b"".join(attribute(kind, body) for kind, body in built)
    assert repeated(data) == bodies
    assert attributes(data) == dict(built)
    assert attributes(attributes(nested(9, data))[9]) == dict(built)
    frames = b"".join(
        message(kind, 0xFFFF, body + bytes(-len(body) % 4), 0xFFFFFFF0)
        for kind, body in built
    )
    read = [(k, body + bytes(-len(body) % 4)) for k, body in built]
    assert list(numbered(frames)) == [(0xFFFFFFF0, k, 0xFFFF, b) for k, b in read]
    assert list(messages.messages(frames)) == [(k, 0xFFFF, b) for k, b in read]


def test_reading_ends_whatever_the_bytes_are() -> None:
    random = Random(1)
    for _ in range(300):
        # Small numbers: lengths that are close to that of the remaining data.
        data = bytes(random.choice((0, 0, 1, 4, 16, 20)) for _ in range(60))
        assert sum(16 + len(body) for *_, body in numbered(data)) <= len(data)
        assert sum(4 + len(value) for value in repeated(data)) <= len(data)


ONE = message(16, 0, b"1234", 1)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (ONE[:15], []),
        (ONE + ONE[:15], [b"1234"]),
        # A length shorter than the header ends the list.
        (struct.pack("=IHHII", 0, 16, 0, 1, 0), []),
        (ONE + struct.pack("=IHHII", 15, 16, 0, 1, 0) + ONE, [b"1234"]),
        # A length beyond the datagram: the rest is the body of the last message.
        (struct.pack("=IHHII", 99, 16, 0, 1, 0) + b"12", [b"12"]),
        (message(16, 0, b"1", 1) + bytes(3) + ONE, [b"1", b"1234"]),
    ],
)
def test_damaged_message_ends_the_datagram(data: bytes, expected: list[bytes]) -> None:
    assert [body for *_, body in numbered(data)] == expected


TWO = attribute(2, b"12")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", {}),
        (b"\x04\0\x02", {}),
        (TWO + b"\x04\0\x03", {2: b"12"}),
        (struct.pack("=HH", 0, 2), {}),
        (TWO + struct.pack("=HH", 3, 3) + TWO, {2: b"12"}),
        (struct.pack("=HH", 99, 2) + b"12", {2: b"12"}),
        (attribute(2 | 0x8000, b"1"), {2: b"1"}),  # NLA_F_NESTED
        (attribute(2 | 0x4000, b"1"), {2: b"1"}),  # NLA_F_NET_BYTEORDER
        (attribute(2, b"1") + TWO, {2: b"12"}),
    ],
)
def test_damaged_attribute_ends_the_list(
    data: bytes, expected: dict[int, bytes]
) -> None:
    assert attributes(data) == expected


REQUEST = message(16, 5, b"1234", 7)
TOLD = text(1, "Link not found")


@pytest.mark.parametrize(
    ("flags", "code", "rest", "words"),
    [
        (0, -errno.ENODEV, REQUEST, "plug: No such device"),
        (0x200, -errno.ENODEV, REQUEST + TOLD, "plug: Link not found"),
        # Capped: the answer repeats only the request's header.
        (0x300, -errno.ENODEV, REQUEST[:16] + TOLD, "plug: Link not found"),
        (0x200, -errno.ENODEV, REQUEST, "plug: No such device"),
        (0x300, -errno.EPERM, REQUEST[:16] + text(2, "x"), "plug: Operation not perm"),
        (0x300, -errno.EPERM, REQUEST[:16] + attribute(1, b"\xff\0"), "plug: \ufffd"),
    ],
)
def test_refusal_says_step_and_reason(
    flags: int, code: int, rest: bytes, words: str
) -> None:
    """struct nlmsgerr: the error, the request's header, then the explanation."""
    with pytest.raises(NetlinkError, match=words) as caught:
        messages._raise_refusal("plug", flags, struct.pack("=i", code) + rest)
    assert (caught.value.errno, caught.value.step) == (-code, "plug")


def test_request_of_odd_length_is_padded_before_the_reason() -> None:
    odd = message(16, 5, b"1", 7)
    body = struct.pack("=i", -errno.EPERM) + odd + bytes(3) + TOLD
    with pytest.raises(NetlinkError, match="plug: Link not found"):
        messages._raise_refusal("plug", 0x200, body)


@pytest.mark.parametrize("body", [bytes(4), bytes(4) + REQUEST])
def test_acknowledgement_is_no_refusal(body: bytes) -> None:
    messages._raise_refusal("plug", 0, body)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (errno.ENOENT, True),
        (errno.ESRCH, True),
        (errno.ENODEV, True),
        (errno.EADDRNOTAVAIL, True),
        (errno.EPERM, False),
        (errno.EEXIST, False),
        (errno.ETIMEDOUT, False),
    ],
)
def test_missing_is_told_from_other_errors(code: int, *, expected: bool) -> None:
    assert messages.is_missing(NetlinkError(code, "x", "")) is expected


def told(sequence: int, sender: int, body: bytes = b"") -> bytes:
    """Return a message of an event; the last field of its header is the sender."""
    whole = bytearray(message(0xA0C, 0, body, sequence))
    struct.pack_into("=I", whole, 12, sender)
    return bytes(whole) + bytes(-len(whole) % 4)


@pytest.mark.parametrize(
    ("senders", "kept"),
    [
        ([], []),
        ([7], []),
        ([7, 7], []),
        ([8], [0]),
        ([7, 8, 7, 9], [1, 3]),
        ([0, 7], [0]),  # of the kernel itself
    ],
)
@pytest.mark.parametrize("body", [b"", b"\xff", b"\xff" * 40])
def test_events_of_ones_own_requests_are_left_out(
    senders: list[int], kept: list[int], body: bytes
) -> None:
    data = b"".join(told(n, sender, body) for n, sender in enumerate(senders))
    others = messages.of_others(data, {7})
    assert others == b"".join(told(n, senders[n], body) for n in kept)


def test_damaged_event_ends_the_list() -> None:
    assert messages.of_others(told(1, 8) + b"\x03" + bytes(15), {7}) == told(1, 8)
    assert messages.of_others(told(1, 8)[:10], {7}) == b""
