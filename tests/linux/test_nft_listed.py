"""What the list of a table says."""

import json
from typing import Any

import pytest

from vcnd.linux.nft_listed import Members, UnreadableError, covers, listed


def text(*items: Any) -> str:
    return json.dumps({"nftables": [{"metainfo": {"version": "1.0.6"}}, *items]})


def test_chains_have_their_hook_and_their_rules_in_order() -> None:
    chain = {"name": "side", "hook": "forward", "prio": -5, "policy": "drop"}
    rules = [
        {"rule": {"chain": "side", "handle": n, "expr": [{verdict: None}]}}
        for n, verdict in ((7, "accept"), (3, "drop"))
    ]
    table = listed(text({"chain": chain}, {"chain": {"name": "hold"}}, *rules))
    side, hold = table.chains["side"], table.chains["hold"]
    assert (side.hook, side.priority, side.policy) == ("forward", -5, "drop")
    assert [rule.handle for rule in side.rules] == [7, 3]
    assert (hold.hook, hold.rules) == ("", [])


def test_sets_maps_and_counters_have_their_names() -> None:
    drop = {"drop": None}
    table = listed(
        text(
            {"set": {"name": "peers", "elem": ["10.0.0.1"]}},
            {"set": {"name": "none"}},
            {"map": {"name": "ways", "elem": [["oci1", drop]]}},
            {"counter": {"name": "denied", "packets": 3, "bytes": 180}},
        )
    )
    assert "10.0.0.1" in table.members["peers"]
    assert "10.0.0.1" not in table.members["none"]
    assert table.members["ways"].find("oci1") == (drop,)
    assert table.counters["denied"].packets == 3


@pytest.mark.parametrize(
    "said",
    [
        *("", "{}", "[1]", '{"nftables": [1]}', "[" * 100_000),
        text({"rule": {"chain": "x"}}),
        text({"chain": {"name": 7}}),
        text({"set": {"name": "x", "elem": 7}}),
        text({"counter": {"name": 7, "packets": 1, "bytes": 1}}),
    ],
)
def test_a_text_that_is_no_list_is_refused(said: str) -> None:
    with pytest.raises(UnreadableError, match="list of nft"):
        listed(said)


ADDRESS = {"prefix": {"addr": "192.0.2.0", "len": 25}}


@pytest.mark.parametrize(
    ("elements", "inside", "outside"),
    [
        (["10.0.0.1"], "10.0.0.1", "10.0.0.2"),
        ([{"elem": {"val": "10.0.0.1", "comment": "x"}}], "10.0.0.1", "10.0.0.2"),
        (["fd00:0::1"], "fd00::1", "fd00::2"),
        ([ADDRESS], "192.0.2.127", "192.0.2.128"),
        ([{"range": ["10.0.0.1", "10.0.0.5"]}], "10.0.0.5", "10.0.0.6"),
        ([{"range": [80, 90]}, 100], 90, 91),
        (["oci*"], "oci1", "ens3"),
        ([{"concat": ["10.0.0.1", "tcp", 80]}], ("10.0.0.1", 6, 80), ("10.0.0.1", 80)),
        ([{"concat": [ADDRESS, 80]}], ("192.0.2.1", 80), ("192.0.2.1", 81)),
        ([], None, "10.0.0.1"),
    ],
)
def test_set_has_its_elements_and_no_others(
    elements: list[Any], inside: Any, outside: Any
) -> None:
    members = Members(elements)
    assert inside is None or inside in members
    assert outside not in members


def test_an_element_of_an_unknown_form_is_refused() -> None:
    with pytest.raises(UnreadableError):
        covers({"fib": {}}, "10.0.0.1")
    odd_ones: list[Any] = [{"elem": {}}, {"concat": 7}, {"range": ["oci1", "oci9"]}]
    for odd in odd_ones:
        with pytest.raises(UnreadableError):
            Members([odd]).find("10.0.0.1")
