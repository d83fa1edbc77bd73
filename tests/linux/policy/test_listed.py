"""What a listed table does with one pod's packets."""

from typing import Any

import pytest

from vcnd.linux.nft_listed import (
    Counted,
    ListedChain,
    ListedRule,
    ListedTable,
    Members,
)
from vcnd.linux.policy.listed import in_force
from vcnd.model.policy import Direction
from vcnd.model.policy_answers import Counts, WayInForce

MARK: Any = {"ct": {"key": "mark"}}
KNOWN: list[Any] = [
    {"match": {"op": "==", "left": {"&": [MARK, 0xFF00]}, "right": 0x0300}},
    {"accept": None},
]


def chain(name: str, *rules: list[Any]) -> ListedChain:
    return ListedChain(name=name, rules=[ListedRule(1, rule) for rule in rules])


def jump(name: str) -> Any:
    return {"jump": {"target": name}}


TABLE = ListedTable(
    chains={
        name: chain(name, *rules)
        for name, *rules in (
            ("open", [{"accept": None}]),
            ("hold_in", [{"drop": None}]),
            ("in_a", KNOWN, [jump("always")]),
            ("in_ab", [{"drop": None}]),
        )
    },
    members={
        "egress": Members([["oci1", jump("open")], ["oci3", jump("gone")]]),
        "ingress4": Members([["10.0.0.1", jump("in_a")], ["10.0.0.2", jump("in_ab")]]),
        "ingress6": Members([["fd00::4", jump("hold_in")]]),
    },
    counters={
        "accepted_in_a": Counted(5, 300),
        "isolated_in_a": Counted(2, 120),
        "rule_in_a": Counted(1, 60),
        "accepted_in_ab": Counted(99, 0),
        "held_in": Counted(4, 0),
        "held_out": Counted(77, 0),
        "unknown_in": Counted(88, 0),
        "by_hand": Counted(66, 0),
    },
)
IN, OUT = Direction.INGRESS, Direction.EGRESS


@pytest.mark.parametrize(
    ("link", "addresses", "ingress", "egress"),
    [
        (
            "oci1",
            ("10.0.0.1", "fd00::1"),
            WayInForce(chain="in_a", number=3, counts=Counts(accepted=5, denied=3)),
            WayInForce(chain="open"),
        ),
        (
            "oci2",
            ("10.0.0.2",),
            WayInForce(chain="in_ab", counts=Counts(accepted=99, denied=0)),
            WayInForce(),
        ),
        # A chain that is not there does nothing.
        ("oci3", (), WayInForce(), WayInForce()),
        (
            "oci4",
            ("fd00::4",),
            WayInForce(chain="hold_in", counts=Counts(accepted=0, denied=4)),
            WayInForce(),
        ),
    ],
)
def test_chain_number_and_counters_of_a_pod(
    link: str, addresses: tuple[str, ...], ingress: WayInForce, egress: WayInForce
) -> None:
    assert in_force(TABLE, link, addresses) == {IN: ingress, OUT: egress}


def test_nothing_is_in_force_without_a_table() -> None:
    found = in_force(ListedTable(), "oci1", ("10.0.0.1",))
    assert found == {IN: WayInForce(), OUT: WayInForce()}
