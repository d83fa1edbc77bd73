"""Messages about BPF filters of a link."""

import struct

import pytest

from vcnd.netlink.messages import nested, text, u32
from vcnd.netlink.traffic_control import (
    EGRESS,
    INGRESS,
    delete_clsact,
    delete_program,
    filter_name,
    filter_program,
    get_clsact,
    list_programs,
    new_clsact,
    set_program,
)

KIND_BPF = b"\x08\0\x01\0bpf\0"


def head(body: bytes) -> tuple[int, ...]:
    """Return a message's link, handle, parent and info."""
    return struct.unpack_from("=iIII", body, 4)


def test_the_qdisc_is_made_once_and_deleted_by_its_kind() -> None:
    kind, flags, body = new_clsact(7, exclusive=True)
    assert (kind, flags) == (36, 0x600)
    assert new_clsact(7) == (36, 0x400, body)
    assert head(body) == (7, 0xFFFF0000, 0xFFFFFFF1, 0)
    assert b"clsact\0" in body
    kind, flags, again = delete_clsact(7)
    assert (kind, flags, again) == (37, 0, body)
    kind, flags, question = get_clsact(7)
    assert (kind, flags, head(question)) == (38, 0, head(body))


@pytest.mark.parametrize(("hook", "parent"), [(INGRESS, 2), (EGRESS, 3)])
def test_a_filter_is_replaced_in_its_place(hook: int, parent: int) -> None:
    kind, flags, body = set_program(7, hook, 9, "vcnd_admit")
    assert (kind, flags) == (44, 0x400)  # without "exclusive": one message replaces
    link, handle, at, info = head(body)
    assert (link, handle, at) == (7, 1, 0xFFFFFFF0 | parent)
    assert info >> 16 == 0xC0D0
    assert info & 0xFFFF == struct.unpack("=H", b"\0\x03")[0]
    assert body[20:28] == KIND_BPF
    assert filter_name(body) == "vcnd_admit"
    assert filter_program(body) == 0  # only the kernel tells it
    _, _, deletion = delete_program(7, hook)
    assert deletion[:20] == body[:20]


def test_filters_of_a_hook_are_requested() -> None:
    kind, body = list_programs(7, EGRESS)
    assert kind == 46
    assert head(body) == (7, 0, EGRESS, 0)


def test_filters_tell_their_programs() -> None:
    body = struct.pack("=BBHiIII", 0, 0, 0, 7, 1, EGRESS, 0)
    assert filter_program(body + KIND_BPF + nested(2, u32(11, 77))) == 77
    assert filter_program(body + KIND_BPF) == 0


@pytest.mark.parametrize(
    ("handle", "options", "name"),
    [
        (1, nested(2, text(7, "vcnd_admit")), "vcnd_admit"),
        (1, nested(2, u32(8, 1)), ""),
        (1, b"", None),
        (0, nested(2, text(7, "vcnd_admit")), None),
    ],
)
def test_filters_have_names(handle: int, options: bytes, name: str | None) -> None:
    body = struct.pack("=BBHiIII", 0, 0, 0, 7, handle, EGRESS, 0)
    assert filter_name(body + KIND_BPF + options) == name
