"""The names of netlink's messages."""

import struct

from integration.crash.netlink_words import NETFILTER, names, only_ask, text


def message(kind: int, body: bytes = b"") -> bytes:
    whole = struct.pack("=IHHII", 16 + len(body), kind, 0, 1, 0) + body
    return whole + bytes(-len(whole) % 4)


def test_all_messages_of_a_call_are_named() -> None:
    assert names(0, message(16, b"abc") + message(24)) == [
        "RTM_NEWLINK",
        "RTM_NEWROUTE",
    ]
    batch = message(16) + message(10 << 8 | 12) + message(17)
    assert names(NETFILTER, batch) == ["BATCH_BEGIN", "NFT_NEWSETELEM", "BATCH_END"]


def test_unknown_and_cut_messages_are_no_error() -> None:
    assert names(0, message(999)) == ["999"]
    assert names(NETFILTER, message(3 << 8 | 1)) == ["3:1"]
    assert names(0, message(16, b"abc")[:18]) == ["RTM_NEWLINK"]
    assert names(0, b"\0" * 16) == []
    assert names(0, b"") == []


def test_questions_change_nothing() -> None:
    assert only_ask(["RTM_GETLINK", "NFT_GETGEN", "CT_GET"])
    assert only_ask(names(NETFILTER, message(10 << 8 | 23)))
    assert not only_ask(["NFT_GETOBJ_RESET"])
    assert not only_ask(["RTM_GETLINK", "RTM_NEWROUTE"])
    assert not only_ask([])


def test_repeated_messages_are_counted() -> None:
    assert text(["A", "B", "B", "A"]) == "A B x 2 A"
    assert text([]) == ""
