"""The node's nft table, changed in place: as if it had been loaded anew."""

import json
from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest

from fakeoci.fabric import netns
from vcnd.linux import nft
from vcnd.linux.layout import Layout
from vcnd.linux.ruleset import PodElement, render
from vcnd.linux.vnic_link import VnicLink
from vcnd.log import log
from vcnd.model.ids import ClassName

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


@pytest.fixture(autouse=True)
def namespace() -> Iterator[None]:
    netns.add(SPACE)
    yield
    netns.remove(SPACE)


def text_of(state: str) -> str:
    values = STATES[state]
    return render(LAYOUT, **values, marker=f"load_{len(state)}")


def put(text: str) -> None:
    netns.inside(SPACE, lambda: nft.put(LAYOUT.nft_table, text))


def found() -> list[str]:
    """Return the table's objects without handles, in an order that is always the same.

    The order of rules is that of their chain.
    """
    listed = json.loads(netns.nft_output(SPACE, "-j list table inet vcnd"))["nftables"]
    places: dict[str, int] = {}
    objects = []
    for entry in listed:
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


@pytest.mark.parametrize(
    "other",
    [
        "chain prerouting { type filter hook prerouting priority 7; }",
        "map pods4 { type ipv4_addr : verdict; }",
    ],
)
def test_a_table_of_another_version_is_replaced(other: str) -> None:
    put(text_of("one VNIC"))
    expected = found()
    netns.nft(SPACE, "delete table inet vcnd\n")
    netns.nft(SPACE, f"table inet vcnd {{\n{other}\n}}\n")
    with log.collected() as events:
        put(text_of("one VNIC"))
    assert [e["event"] for e in events] == ["rule_set_replaced"]
    assert found() == expected


def test_a_refused_table_changes_nothing() -> None:
    put(text_of("one VNIC"))
    before = found()
    with pytest.raises(nft.KernelRefusedError, match="nft refused"):
        put(text_of("two classes").replace("counter drop", "counter fall"))
    assert found() == before
