"""What a table's rules say, without what they count."""

import struct

from vcnd.netlink.messages import attribute, nested, text
from vcnd.netlink.nft_listing import expressions, read_elements


def rule(*parts: tuple[str, bytes]) -> bytes:
    """Return NFTA_RULE_EXPRESSIONS: a list of names with data."""
    return b"".join(nested(1, text(1, name), nested(2, data)) for name, data in parts)


def counted(packets: int) -> bytes:
    return attribute(1, struct.pack(">Q", 64 * packets)) + attribute(
        2, struct.pack(">Q", packets)
    )


META, DROP = ("meta", attribute(1, b"\0\0\0\1")), ("immediate", attribute(1, b"drop"))


def test_counting_changes_no_rule() -> None:
    one = rule(META, ("counter", counted(1)), DROP)
    assert expressions(one) == expressions(rule(META, ("counter", counted(9)), DROP))


def test_other_expressions_are_other_rules() -> None:
    found = {
        expressions(rule(*parts))
        for parts in (
            [META, DROP],
            [DROP, META],
            [META],
            [META, ("counter", counted(1)), DROP],
            [META, ("immediate", attribute(1, b"mark"))],
            [],
        )
    }
    assert len(found) == 6


def test_elements_are_keys_with_their_chains() -> None:
    key = nested(1, attribute(1, b"\x0a\0\0\1"))
    verdict = nested(2, nested(2, attribute(1, b"\xff\xff\xff\xfc"), text(2, "via2")))
    body = b"\1\0\0\0" + nested(3, nested(1, key, verdict), nested(1, key))
    assert list(read_elements(body)) == [
        (b"\x0a\0\0\1", "via2"),
        (b"\x0a\0\0\1", ""),
    ]
    assert list(read_elements(b"\1\0\0\0")) == []
