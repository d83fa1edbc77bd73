"""Whose request a message tells of."""

import struct

import pytest

from vcnd.netlink.senders import pid_of, sent


def by(port: int, body: bytes) -> bytes:
    head = struct.pack("=IHHII", 16 + len(body), 25, 0, 0, port)
    return head + body + b"\0" * (-len(body) % 4)


def test_each_message_names_its_port() -> None:
    data = by(77, b"abcde") + by(0, b"") + by(4_000_000_000, b"xy")
    assert list(sent(data)) == [
        (77, 25, b"abcde"),
        (0, 25, b""),
        (4_000_000_000, 25, b"xy"),
    ]


@pytest.mark.parametrize("data", [b"", b"abc", by(1, b"")[:15], bytes(16)])
def test_what_is_no_message_ends_the_list(data: bytes) -> None:
    assert list(sent(data)) == []


@pytest.mark.parametrize(
    ("port", "pid"), [(0, 0), (1, 1), (4_194_303, 4_194_303), (4_194_304, 0)]
)
def test_port_is_a_process_id_below_the_limit(port: int, pid: int) -> None:
    assert pid_of(port) == pid
