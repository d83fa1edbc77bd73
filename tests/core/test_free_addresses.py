"""The choice of a pod's address among the free ones."""

from collections.abc import Collection, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vcnd.core.free_addresses import FreeAddresses
from vcnd.model.ids import PrivateIpId, VnicId
from vcnd.model.vnic import PrivateIp


def private_ip(address: str, prefix_length: int = 0) -> PrivateIp:
    return PrivateIp(
        id=PrivateIpId(address),
        address=address,
        vnic_id=VnicId("v"),
        prefix_length=prefix_length,
    )


SINGLE, OTHER = private_ip("10.0.0.1"), private_ip("10.0.0.2", 32)
BLOCK, WHOLE = private_ip("10.0.1.0", 30), private_ip("10.0.2.0", 30)
EVERY = (SINGLE, OTHER, BLOCK, WHOLE)
BEHIND = {a: p for p in EVERY for a in p.addresses}


def free_addresses(addresses: Iterable[str], used: Collection[str]) -> FreeAddresses:
    """Return these; of the blocks that are not used, all others are free too."""
    made = FreeAddresses(BEHIND)
    for address in addresses:
        made.add(address)
    for address, behind in BEHIND.items():
        if behind.size > 1 and behind.address not in used:
            made.add(address)
    return made


@pytest.mark.parametrize(
    ("free", "used", "expected"),
    [
        # Of one kind, the address that has been free longest comes first.
        (["10.0.0.2", "10.0.0.1"], {}, "10.0.0.2"),
        (["10.0.1.3", "10.0.1.2"], {"10.0.1.0"}, "10.0.1.3"),
        (["10.0.2.1", "10.0.1.1"], {}, "10.0.2.1"),
        # A block in use comes before a single, a single before an unused block.
        (["10.0.0.1", "10.0.1.3"], {"10.0.1.0"}, "10.0.1.3"),
        (["10.0.2.0", "10.0.0.1"], {}, "10.0.0.1"),
        (["10.0.2.0", "10.0.0.1", "10.0.1.3"], {"10.0.1.0"}, "10.0.1.3"),
        (["10.0.2.0", "10.0.1.3"], {"10.0.1.0"}, "10.0.1.3"),
        # A single that is in use itself stays a single.
        (["10.0.0.1", "10.0.1.3"], {"10.0.0.1", "10.0.1.0"}, "10.0.1.3"),
        ([], {"10.0.1.0", "10.0.2.0"}, None),
    ],
)
def test_blocks_in_use_go_before_singles_and_whole_blocks(
    free: list[str], used: set[str], expected: str | None
) -> None:
    assert free_addresses(free, used).next(lambda _: True) == expected


@pytest.mark.parametrize(
    ("eligible", "expected"),
    [
        ((OTHER,), "10.0.0.2"),
        ((WHOLE,), "10.0.2.3"),
        ((SINGLE, WHOLE), "10.0.0.1"),
        ((), None),
    ],
)
def test_only_eligible_objects_serve(
    eligible: tuple[PrivateIp, ...], expected: str | None
) -> None:
    free = ["10.0.1.1", "10.0.2.3", "10.0.0.1", "10.0.0.2"]
    made = free_addresses(free, {"10.0.1.0"})
    assert made.next(lambda p: p in eligible) == expected


def by_ranking_all(
    free: list[str], eligible: Collection[PrivateIp], reserved: Collection[str] = ()
) -> str | None:
    """Return the choice, the plain and slow way."""

    def rank(address: str) -> int:
        behind = BEHIND[address]
        if address in reserved:
            return 3
        if behind.size == 1:
            return 1
        whole = all(a in free and a not in reserved for a in behind.addresses)
        return 2 if whole else 0

    able = [a for a in free if BEHIND[a] in eligible]
    return min(able, key=rank, default=None)  # the first of the lowest rank


CHANGES = st.lists(
    st.tuples(
        st.sampled_from([*BEHIND]),
        st.sampled_from(["add", "first", "discard", "reserve", "end"]),
        st.sampled_from("abc"),
    ),
    max_size=40,
)


@given(CHANGES, st.sets(st.sampled_from(EVERY)))
def test_choice_is_that_of_ranking_all(
    changes: list[tuple[str, str, str]], eligible: set[PrivateIp]
) -> None:
    made, plain, reserved = FreeAddresses(BEHIND), list[str](), dict[str, str]()
    for address, change, uid in changes:
        if change == "discard":
            made.discard(address)
            plain = [a for a in plain if a != address]
            reserved.pop(address, None)
        elif change == "end":
            made.reserve(uid, ())
            reserved = {a: u for a, u in reserved.items() if u != uid}
        elif change == "reserve":
            if address in plain and address not in reserved:
                made.reserve(uid, (address,))
                reserved = {a: u for a, u in reserved.items() if u != uid}
                reserved[address] = uid
        elif address not in plain:
            made.add(address, first=change == "first")
            plain = [address, *plain] if change == "first" else [*plain, address]
        assert list(made) == plain
        assert made.reserved == {u: (a,) for a, u in reserved.items()}
        best = by_ranking_all(plain, eligible, reserved)
        assert made.next(lambda p: p in eligible) == best
        mine = [a for a, u in reserved.items() if u == uid and BEHIND[a] in eligible]
        assert made.next(lambda p: p in eligible, uid) == (mine[0] if mine else best)
        spare = None if best in reserved else best
        found = made.spare(lambda p: p in eligible, uid)
        assert found == (mine[0] if mine else spare)


def test_reserved_address_goes_to_another_pod_only_if_nothing_else_is_free() -> None:
    made = free_addresses(["10.0.0.1", "10.0.0.2"], {"10.0.1.0", "10.0.2.0"})
    made.reserve("a", ["10.0.0.1"])
    assert made.next(lambda _: True, "b") == "10.0.0.2"
    made.discard("10.0.0.2")
    assert made.next(lambda _: True, "b") == "10.0.0.1"
    made.discard("10.0.0.1")
    assert made.reserved == {}


def test_block_with_a_reserved_address_is_in_use() -> None:
    made = free_addresses([], set())
    made.reserve("a", ["10.0.2.0"])
    assert made.next(lambda _: True) == "10.0.2.1"
    made.reserve("a", [])
    assert made.next(lambda _: True) == "10.0.1.0"


def test_choice_asks_about_one_object() -> None:
    """A single is found at once while no block is in use."""
    singles = [private_ip(f"10.0.9.{n}") for n in range(200)]
    made = FreeAddresses({p.address: p for p in singles})
    for single in singles:
        made.add(single.address)
    looked: list[PrivateIp] = []

    def eligible(behind: PrivateIp) -> bool:
        looked.append(behind)
        return True

    assert made.next(eligible) == "10.0.9.0"
    assert len(looked) == 1
