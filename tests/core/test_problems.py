"""Problems by place: their age, and how they are cleared or expire."""

from hypothesis import given
from hypothesis import strategies as st

from vcnd.core.problems import EXPIRY_SECONDS, MOST_PROBLEMS, ProblemTable
from vcnd.model.cause import Cause
from vcnd.model.family import Family
from vcnd.model.ids import OWN_CLASS
from vcnd.model.place import (
    AUDIT,
    KERNEL,
    METADATA,
    Place,
    PlaceKind,
    addresses_place,
    attach_place,
    fixed_place,
    release_place,
    shape_place,
)

FOUR = addresses_place("ocid1.vnic.a", Family.IPV4)
SIX = addresses_place("ocid1.vnic.a", Family.IPV6)
PLACES = [
    AUDIT,
    METADATA,
    KERNEL,
    FOUR,
    SIX,
    attach_place(OWN_CLASS),
    fixed_place("shop/db"),
]


def test_a_problem_keeps_its_age_and_counts() -> None:
    problems = ProblemTable()
    assert problems.see(FOUR, Cause.REFUSED, "full", 10.0)
    assert not problems.see(FOUR, Cause.REFUSED, "full", 20.0)
    assert problems.see(FOUR, Cause.REFUSED, "429", 30.0)  # another text is news
    assert problems.see(FOUR, Cause.THROTTLED, "429", 30.0)  # and another cause
    (found,) = problems
    assert (found.since, found.last_seen, found.count) == (10.0, 30.0, 4)
    assert (found.cause, found.reason) == (Cause.THROTTLED, "429")


def test_each_family_of_a_vnic_is_its_own_place() -> None:
    problems = ProblemTable()
    problems.see(FOUR, Cause.REFUSED, "full", 0.0)
    problems.see(SIX, Cause.REFUSED, "full", 0.0)
    assert [p.place for p in problems.clear(lambda place: place == SIX)] == [SIX]
    assert [p.place for p in problems] == [FOUR]


def test_a_refused_attempt_expires_and_a_state_does_not() -> None:
    problems = ProblemTable()
    for place in PLACES:
        problems.see(place, Cause.REFUSED, "no", 0.0)
    problems.see(SIX, Cause.REFUSED, "no", 1.0)
    assert problems.expired(EXPIRY_SECONDS - 1) == set()
    expired = problems.expired(EXPIRY_SECONDS)
    assert expired == {FOUR, attach_place(OWN_CLASS), fixed_place("shop/db")}


def test_the_oldest_makes_room() -> None:
    problems = ProblemTable()
    for number in range(MOST_PROBLEMS + 1):
        problems.see(fixed_place(f"shop/{number}"), Cause.REFUSED, "held", 0.0)
    assert len(problems) == MOST_PROBLEMS
    assert problems.at(fixed_place("shop/0")) is None


@given(
    st.lists(st.tuples(st.sampled_from(PLACES), st.booleans(), st.integers(0, 2000)))
)
def test_clearing_a_place_clears_its_problem(
    steps: list[tuple[Place, bool, int]],
) -> None:
    problems, there, now = ProblemTable(), set[Place](), 0.0
    for place, wrong, pause in steps:
        now += pause
        if wrong:
            problems.see(place, Cause.REFUSED, "no", now)
            there.add(place)
        else:
            problems.clear(lambda p, gone=place: p == gone)  # type: ignore[misc]
            there.discard(place)
        assert {p.place for p in problems} == there
        assert all(p.since <= p.last_seen <= now for p in problems)


def test_every_place_has_words_of_its_own() -> None:
    places = [
        *PLACES,
        *(Place(kind=kind) for kind in PlaceKind),
        release_place("ocid1.vnic.a"),
        shape_place(OWN_CLASS, Family.IPV4),
        shape_place(OWN_CLASS, Family.IPV6),
    ]
    assert len({str(p) for p in set(places)}) == len(set(places)) - 1
    # The node's own class has no name in the text of its place.
    assert str(attach_place(OWN_CLASS)) == str(Place(kind=PlaceKind.ATTACH))
