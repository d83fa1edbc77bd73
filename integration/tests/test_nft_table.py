"""The node's nft table, changed in place: as if it had been loaded anew."""

import json
from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest

from fakeoci.fabric import netns
from vcnd.core.policy.rule_set import (
    HOLD,
    OPEN,
    Chain,
    Kind,
    Line,
    Match,
    NamedSet,
    RuleSet,
)
from vcnd.linux import events, nft
from vcnd.linux.guard import NFNLGRP_NFTABLES
from vcnd.linux.layout import Layout
from vcnd.linux.nft_table import Table
from vcnd.linux.policy import events as policy_events
from vcnd.linux.policy import marks as policy_marks
from vcnd.linux.policy import table as policy_table
from vcnd.linux.ruleset import PRIORITY, PodElement, render
from vcnd.linux.vnic_link import VnicLink
from vcnd.log import log
from vcnd.model.family import Family
from vcnd.model.ids import ClassName
from vcnd.model.policy import Action, Direction
from vcnd.netlink import nftables
from vcnd.netlink.messages import NLM_F_CREATE, NetlinkSocket
from vcnd.netlink.messages import text as named
from vcnd.netlink.templates import Template

SPACE = "table"
LAYOUT = Layout()
PRIMARY = VnicLink(index=1, ifname="ens3", link_index=2)
"""``lo`` is the only link there; rules name links by numbers that may be anybody's."""


def vnic(index: int, pod_class: str = "", *, ipv6: bool = False) -> VnicLink:
    return VnicLink(
        index=index,
        ifname=f"ens{index + 2}",
        link_index=index + 1,
        pod_class=ClassName(pod_class),
        networks=(f"10.{index}.0.0/24", *([f"fd00:{index}::/64"] if ipv6 else [])),
        ipv6=ipv6,
    )


def pod(number: int, index: int) -> PodElement:
    return PodElement(
        ifname=f"oci{number}", address=f"10.{index}.0.{number}", index=index
    )


STATES: dict[str, dict[str, Any]] = {
    "nothing": {"vnics": [], "pods": []},
    "one VNIC": {"vnics": [PRIMARY, vnic(2)], "pods": [pod(9, 2), pod(10, 2)]},
    "a pod moved": {
        "vnics": [PRIMARY, vnic(2), vnic(3)],
        "pods": [pod(9, 2), PodElement(ifname="oci10", address="10.2.0.10", index=3)],
        "express": True,
    },
    "two classes": {
        "vnics": [PRIMARY, vnic(2), vnic(3, "shop")],
        "pods": [pod(9, 2), pod(11, 3)],
    },
    "many VNICs, IPv6": {
        "vnics": [PRIMARY, *(vnic(n, ipv6=True) for n in range(2, 8))],
        "pods": [PodElement(ifname="oci9", address="fd00:5::9", index=5)],
        "strangers": ["ocibr0"],
        "express": True,
    },
}

CHAIN = Chain(
    direction=Direction.INGRESS,
    lines=(
        Line(
            Match(family=Family.IPV4, peers="peers", excepted="except"), Action.ACCEPT
        ),
        Line(Match(family=Family.IPV6), Action.DENY, (0, 1)),
    ),
    otherwise=Action.DENY,
)


def addresses(*elements: str) -> NamedSet:
    return NamedSet(
        kind=Kind.ADDRESSES, family=Family.IPV4, elements=frozenset(elements)
    )


def networks(*elements: str) -> NamedSet:
    return NamedSet(
        kind=Kind.NETWORKS, family=Family.IPV4, elements=frozenset(elements)
    )


@pytest.fixture(autouse=True)
def namespace() -> Iterator[None]:
    netns.add(SPACE)
    yield
    netns.remove(SPACE)


def text_of(state: str) -> str:
    values = STATES[state]
    return render(LAYOUT, **values, marker=f"load_{len(state)}")


def put(text: str, table: str = LAYOUT.nft_table) -> None:
    netns.inside(SPACE, lambda: nft.put(table, text))


def change(before: Table, after: Table) -> None:
    def work() -> None:
        with NetlinkSocket(nftables.NETLINK_NETFILTER) as sock:
            nft.change(sock, policy_table.TABLE, before, after)

    netns.inside(SPACE, work)


def found(table: str = LAYOUT.nft_table) -> list[str]:
    """Return the table's objects without handles, in an order that is always the same.

    The order of rules is that of their chain.
    """
    listed = json.loads(netns.nft_output(SPACE, f"-j list table inet {table}"))
    places: dict[str, int] = {}
    objects = []
    for entry in listed["nftables"]:
        ((kind, value),) = entry.items()
        value.pop("handle", None)
        if kind == "rule":
            chain = value["chain"]
            value["place"] = places[chain] = places.get(chain, 0) + 1
        if "elem" in value:
            value["elem"] = sorted(map(json.dumps, value["elem"]))
        if kind != "metainfo":
            objects.append(json.dumps([kind, value], sort_keys=True))
    return sorted(objects)


def test_any_change_ends_as_a_fresh_table() -> None:
    fresh = {}
    for state in STATES:
        netns.inside(SPACE, lambda: nft.remove(LAYOUT.nft_table))
        put(text_of(state))
        fresh[state] = found()
    with log.collected() as events:
        for before, after in permutations(STATES, 2):
            put(text_of(before))
            put(text_of(after))
            assert found() == fresh[after], f"{before}, then {after}"
    assert events == []  # it was never replaced


POLICIES = {
    "nothing": RuleSet(),
    "a pod": RuleSet(
        egress={"oci1": OPEN},
        ingress={"10.0.0.1": OPEN, "fd00::1": "in_1"},
        chains={"in_1": CHAIN},
        sets={"peers": addresses("10.0.0.9"), "except": networks("10.1.0.0/16")},
    ),
    "its sets changed": RuleSet(
        egress={"oci1": HOLD, "oci2": OPEN},
        ingress={"10.0.0.1": HOLD, "fd00::1": "in_2"},
        chains={"in_2": CHAIN},
        sets={
            "peers": addresses("10.0.0.9", "10.0.0.8"),
            "except": networks("10.0.0.0/9", "10.200.0.0/16"),
        },
    ),
    "a set of networks changed": RuleSet(
        sets={"except": networks("10.1.0.0/16", "10.2.0.0/15")}
    ),
}


@pytest.mark.parametrize("logged", [0, 10])
@pytest.mark.parametrize("whole", [True, False])
def test_any_change_of_policies_ends_as_a_fresh_table(
    *, whole: bool, logged: int
) -> None:
    writer = policy_table.Writer(
        marks=policy_marks.Marks(), link_prefix="oci", logged_per_second=logged
    )
    tables = {s: writer.table(rules, {"in_1": 3}) for s, rules in POLICIES.items()}
    texts = {s: table.text(policy_table.TABLE) for s, table in tables.items()}
    fresh = {}
    for state, text in texts.items():
        netns.inside(SPACE, lambda: nft.remove(policy_table.TABLE))
        put(text, policy_table.TABLE)
        fresh[state] = found(policy_table.TABLE)
    with log.collected() as events:
        for before, after in permutations(texts, 2):
            put(texts[before], policy_table.TABLE)
            if whole:
                put(texts[after], policy_table.TABLE)
            else:
                change(tables[before], tables[after])
            assert found(policy_table.TABLE) == fresh[after], f"{before}, then {after}"
    assert events == []  # it was never replaced


def test_a_touch_changes_nothing_and_is_heard() -> None:
    writer = policy_table.Writer(marks=policy_marks.Marks(), link_prefix="oci")
    table = writer.table(POLICIES["a pod"], {"in_1": 3})
    put(table.text(policy_table.TABLE), policy_table.TABLE)
    before = found(policy_table.TABLE)
    touching = policy_table.TABLE, policy_table.OWN, policy_table.STIRRED

    def touched() -> frozenset[str]:
        heard = events.subscribed(nftables.NETLINK_NETFILTER, NFNLGRP_NFTABLES)
        with heard, NetlinkSocket(nftables.NETLINK_NETFILTER) as sock:
            nft.touch(sock, *touching)
            return policy_events.touched(heard.recv(1 << 16), touching[:1], ())

    assert netns.inside(SPACE, touched) == {policy_table.TABLE}
    assert found(policy_table.TABLE) == before


def test_a_table_of_another_version_is_replaced() -> None:
    put(text_of("one VNIC"))
    expected = found()
    netns.nft(SPACE, "delete table inet vcnd\n")
    netns.nft(SPACE, "table inet vcnd {\nmap pods4 { type ipv4_addr : verdict; }\n}\n")
    with log.collected() as events:
        put(text_of("one VNIC"))
    assert [e["event"] for e in events] == ["rule_set_replaced"]
    assert found() == expected


@pytest.mark.parametrize("name", ["a b", "x\nflush ruleset", 'x"', "x;"])
def test_a_table_with_a_chain_that_no_script_can_name_is_replaced(name: str) -> None:
    put(text_of("one VNIC"))
    expected = found()
    body = nftables.generic()
    body += named(nftables.CHAIN_TABLE, LAYOUT.nft_table)
    body += named(nftables.CHAIN_NAME, name)
    added = nftables.kind_of(nftables.NFT_MSG_NEWCHAIN), NLM_F_CREATE, body

    def add() -> None:
        with NetlinkSocket(nftables.NETLINK_NETFILTER) as sock:
            Template(nftables.transaction([("add a chain", added)])).send(sock)

    netns.inside(SPACE, add)
    assert found() != expected
    with log.collected() as events:
        put(text_of("one VNIC"))
    assert [e["event"] for e in events] == ["rule_set_replaced"]
    assert found() == expected


def test_a_chain_that_was_elsewhere_leaves_the_maps() -> None:
    """A packet that is being judged still finds its pod."""
    text = text_of("one VNIC")
    put(text)
    expected = found()
    netns.nft(SPACE, "delete table inet vcnd\n")
    older = text.replace(f"prerouting priority {PRIORITY};", "prerouting priority 7;")
    assert older != text
    put(older)
    before = map_handles()
    with log.collected() as events:
        put(text)
    assert [e["event"] for e in events] == ["rule_chains_renewed"]
    assert found() == expected
    assert map_handles() == before


def map_handles() -> dict[str, int]:
    """Return the number that the kernel gave to each map: a new one has another."""
    listed = json.loads(netns.nft_output(SPACE, "-a -j list maps"))["nftables"]
    return {x["map"]["name"]: x["map"]["handle"] for x in listed if "map" in x}


def test_a_refused_table_changes_nothing() -> None:
    put(text_of("one VNIC"))
    before = found()
    with pytest.raises(nft.KernelRefusedError, match="nft refused"):
        put(text_of("two classes").replace("counter drop", "counter fall"))
    assert found() == before
