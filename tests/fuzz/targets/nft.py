"""Lists of ``nft -j``: read as a table, or named unreadable.

Whoever made a table: what a packet meets in it is known, or said not to be.  A chain
that lets nothing through does so whatever else is damaged.
"""

import json
from collections.abc import Iterable
from typing import Any

from tests.fuzz.choices import Choices, damaged, torn
from tests.linux.test_nft_verdict import ECHO, TCP
from vcnd.linux.nft_listed import UnreadableError, listed
from vcnd.linux.nft_verdict import Forwarded, rulings
from vcnd.linux.policy.listed import in_force

RAW, TORN = 64, 224
MATCHES: tuple[Any, ...] = (
    {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": "oci*"},
    {
        "op": "==",
        "left": {"payload": {"protocol": "ip", "field": "saddr"}},
        "right": {"prefix": {"addr": "10.0.0.0", "len": 8}},
    },
    {
        "op": "!=",
        "left": {"payload": {"protocol": "tcp", "field": "dport"}},
        "right": {"set": [80, {"range": [443, 8080]}]},
    },
    {
        "op": "in",
        "left": {"ct": {"key": "state"}},
        "right": ["established", "related"],
    },
    {
        "op": "==",
        "left": {"&": [{"ct": {"key": "mark"}}, 65280]},
        "right": 768,
    },
    {
        "op": "==",
        "left": {
            "concat": [
                {"payload": {"protocol": "ip", "field": "daddr"}},
                {"payload": {"protocol": "th", "field": "dport"}},
            ]
        },
        "right": "@pairs",
    },
    {"op": "==", "left": {"meta": {"key": "l4proto"}}, "right": "tcp"},
)
KEY = {"ct": {"key": "mark"}}
STATEMENTS: tuple[Any, ...] = (
    {"counter": {"packets": 1, "bytes": 60}},
    {"mangle": {"key": KEY, "value": {"|": [{"&": [KEY, 255]}, 256]}}},
    {"vmap": {"key": {"meta": {"key": "iifname"}}, "data": "@egress"}},
    {"log": {"prefix": "x", "group": 1}},
    {"jump": {"target": "in_a"}},
    {"goto": {"target": "in_a"}},
    {"limit": {"rate": 1, "per": "second"}},
    {"return": None},
    {"accept": None},
    {"drop": None},
)
OBJECTS: list[Any] = [
    {"metainfo": {"version": "1"}},
    {"table": {"family": "inet", "name": "vcnd-policy", "handle": 1}},
    {"chain": {"name": "forward", "hook": "forward", "prio": 0, "policy": "drop"}},
    {"chain": {"name": "in_a"}},
    {
        "map": {
            "name": "egress",
            "type": "ifname",
            "elem": [
                ["oci1", {"jump": {"target": "in_a"}}],
                ["oci2", {"accept": None}],
            ],
        }
    },
    {"map": {"name": "ingress4", "elem": [["10.0.0.1", {"goto": {"target": "in_a"}}]]}},
    {"set": {"name": "pairs", "elem": [{"concat": ["10.0.0.1", 8080]}]}},
    {"counter": {"name": "accepted_in_a", "packets": 5, "bytes": 300}},
    *(
        {
            "rule": {
                "chain": chain,
                "handle": number,
                "expr": [{"match": match}, statement],
            }
        }
        for chain in ("forward", "in_a")
        for number, (match, statement) in enumerate(
            [(m, s) for m in MATCHES for s in STATEMENTS][
                :: 7 if chain == "in_a" else 9
            ]
        )
    ),
]
SHUT = {"chain": {"name": "shut", "hook": "forward", "prio": 1, "policy": "drop"}}
PACKETS = tuple(
    Forwarded(packet=packet, iifname="oci1", oifname="oci2") for packet in (TCP, ECHO)
)


def run(data: bytes) -> None:
    """Read a list, and ask what it does."""
    choices = Choices(data)
    kind = choices.below(256)
    try:
        table = listed(choices.rest() if kind < RAW else _text(kind, choices), "t")
        for packet in PACKETS:
            found = rulings([table], packet)
            if RAW <= kind < TORN and all(ruling.allowed for ruling in found):
                raise AssertionError("a chain that lets nothing through is missed")
        in_force(table, "oci1", ["10.0.0.1"])
    except UnreadableError as error:
        if not str(error):
            raise AssertionError("an error that says nothing") from error


def _text(kind: int, choices: Choices) -> bytes:
    """Return a list with some of the objects, and one of them damaged."""
    left_out = {choices.below(len(OBJECTS)) for _ in range(choices.below(8))}
    kept = [x for number, x in enumerate(OBJECTS) if number not in left_out]
    at = choices.below(len(kept))
    kept[at] = damaged(kept[at], choices)
    text = json.dumps({"nftables": [*kept, SHUT]}).encode()
    return torn(text, choices) if kind >= TORN else text


def seeds() -> Iterable[bytes]:
    """Return the list, and each object with an edit."""
    yield bytes([RAW, 0])
    for number in range(len(OBJECTS)):
        yield bytes([RAW, 0, number, 1, 7, 1, 3])
    yield (
        b"\0"
        + b'{"nftables": [{"chain": {"name": "a", "hook": "forward", "prio": 0}}]}'
    )
