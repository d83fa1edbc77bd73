"""Changes of a table as messages: what nft is not needed for, in which order."""

import socket
from collections.abc import Mapping, Sequence

import pytest

from vcnd.linux import nft_batch
from vcnd.linux.nft_changes import changes
from vcnd.linux.nft_table import Element, Filled, Table
from vcnd.linux.nft_text import chain
from vcnd.netlink import nftables
from vcnd.netlink.messages import attributes

Sets = Mapping[str, tuple[str, Sequence[Element]]]
ADDRESSES = "type ipv4_addr;"
JUMPS = "type ipv4_addr : verdict;"


def table(sets: Sets, **chains: str) -> Table:
    filled = {
        name: Filled("map" if "verdict" in head else "set", head, frozenset(some))
        for name, (head, some) in sets.items()
    }
    return Table({name: chain(name, rule) for name, rule in chains.items()}, filled)


def names(old: Table, new: Table) -> list[str] | None:
    """Return what the steps are called."""
    steps = nft_batch.steps("t", changes(old, new))
    return None if steps is None else [name for name, _ in steps]


def test_objects_go_after_what_leads_there_and_elements_come_last() -> None:
    old = table(
        {"ways": (JUMPS, ["10.0.0.1 : jump a"]), "x": (ADDRESSES, [])}, a="drop"
    )
    old = Table(old.chains, {**old.filled, "n": Filled("counter", "")})
    new = table({"ways": (JUMPS, ["10.0.0.1 : jump b"])}, b="accept")
    assert names(old, new) == [
        "flush chain a",
        "delete elements of ways",
        "delete chain a",
        "delete counter n",
        "delete set x",
        "add an element to ways",
    ]


def test_new_objects_come_before_but_for_their_elements() -> None:
    new = table({"x": (ADDRESSES, ["10.0.0.1"]), "none": (ADDRESSES, [])}, a="accept")
    assert names(table({}), new) == ["add elements to x"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(table({}, a="accept"), table({}, a="drop"), id="rules"),
        pytest.param(
            table({"x": (f"{ADDRESSES} flags interval;", ["10.0.0.0/8"])}),
            table({"x": (f"{ADDRESSES} flags interval;", ["10.0.0.0/9"])}),
            id="ranges",
        ),
        pytest.param(
            table({"x": (ADDRESSES, [])}),
            table(
                {"x": (ADDRESSES, [f"10.{n >> 8}.{n & 255}.1" for n in range(10000)])}
            ),
            id="many elements",
        ),
    ],
)
def test_what_nft_does_better_is_for_nft(old: Table, new: Table) -> None:
    assert names(old, new) is None


def test_many_elements_are_in_few_messages() -> None:
    some = [f"fd00::{n:x}" for n in range(1, 2502)]
    old, new = (
        table({"x": ("type ipv6_addr;", ["fd00::1"])}),
        table({"x": (ADDRESSES, some[1:])}),
    )
    assert names(old, new) == ["delete elements of x", *["add elements to x"] * 3]


LINK = b"oci1".ljust(16, b"\0")
FOUR, SIX = bytes([10, 0, 0, 1]), socket.inet_pton(socket.AF_INET6, "fd00::1")


@pytest.mark.parametrize(
    ("element", "key"),
    [
        ("10.0.0.1", FOUR),
        ("fd00::1", SIX),
        ('"oci1"', LINK),
        ('"oci1" . "oci1"', LINK + LINK),
        (("10.0.0.1", "TCP", 80), FOUR + bytes([6, 0, 0, 0, 0, 80, 0, 0])),
        (("fd00::1", "udp", 53), SIX + bytes([17, 0, 0, 0, 0, 53, 0, 0])),
        (("fd00::1", "SCTP", 53), SIX + bytes([132, 0, 0, 0, 0, 53, 0, 0])),
    ],
)
def test_a_key_is_as_the_kernel_has_it(element: Element, key: bytes) -> None:
    steps = nft_batch.touching("t", "x", element)
    assert [_key(body) for _, (_, _, body) in steps] == [key, key]


def _key(body: bytes) -> bytes:
    """Return the key of the only element in a message."""
    listed = attributes(body[4:])[nftables.LIST_ELEMENTS]
    element = attributes(attributes(listed)[nftables.LIST_ELEM])
    return attributes(element[nftables.ELEM_KEY])[nftables.DATA_VALUE]


@pytest.mark.parametrize("way", ['"oci1" : jump in_1', "fd00::1 : jump in_1"])
def test_a_verdict_leads_to_its_chain(way: str) -> None:
    old, new = table({"x": (JUMPS, [])}), table({"x": (JUMPS, [way])})
    steps = nft_batch.steps("t", changes(old, new))
    assert steps is not None
    ((_, (_, _, body)),) = steps
    element = attributes(attributes(body[4:])[nftables.LIST_ELEMENTS])
    data = attributes(attributes(element[nftables.LIST_ELEM])[nftables.ELEM_DATA])
    verdict = attributes(data[nftables.DATA_VERDICT])
    assert verdict[nftables.VERDICT_CHAIN] == b"in_1\0"
    code = int.from_bytes(verdict[nftables.VERDICT_CODE], signed=True)
    assert code == nftables.NFT_JUMP
