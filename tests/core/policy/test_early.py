"""Which claims of Nodes hold, against what is known of other pods."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vcnd.core.policy.early import Early, Told, settle

X, Y, SIX = "10.0.0.1", "10.0.0.2", "fd00::1"


def staying(*addresses: str) -> Told:
    return Told(addresses=addresses)


def leaving(*addresses: str) -> Told:
    return Told(addresses=addresses, leaving=True)


def given_to(lost: tuple[str, ...] = (), /, **some: tuple[str, ...]) -> Early:
    return Early(given=some, lost=frozenset(lost))


@pytest.mark.parametrize(
    ("claims", "known", "expected"),
    [
        ({}, [staying(X)], given_to()),
        ({"a": staying(X, SIX)}, [staying(Y)], given_to(a=(X, SIX))),
        ({"a": staying()}, [], given_to()),
        # What a status tells of another pod stays its own, and the rest is given.
        ({"a": staying(X, SIX)}, [staying(X)], given_to(a=(SIX,))),
        # But not if that pod is being deleted: its Node has given the address on.
        ({"a": staying(X)}, [leaving(X, SIX)], given_to((X,), a=(X,))),
        ({"a": staying(X)}, [leaving(X), staying(X)], given_to()),
        # A pod that is being deleted may be starting yet.
        ({"a": leaving(X)}, [], given_to(a=(X,))),
        ({"a": leaving(X)}, [leaving(X)], given_to((X,), a=(X,))),
        # Of two claims, the pod's that stays holds; otherwise none does.
        ({"a": leaving(X), "b": staying(X)}, [], given_to(b=(X,))),
        ({"a": staying(X), "b": staying(X, Y)}, [], given_to(b=(Y,))),
        ({"a": leaving(X), "b": leaving(X)}, [leaving(X)], given_to()),
        # A claim that names an address twice is one claim.
        ({"a": staying(X, X)}, [], given_to(a=(X, X))),
    ],
)
def test_claim_holds_unless_another_pod_has_the_address(
    claims: dict[str, Told], known: list[Told], expected: Early
) -> None:
    assert settle(claims, known) == expected


def test_claim_never_takes_a_nodes_own_address() -> None:
    assert settle({"a": staying(X, Y)}, [], {X}) == given_to(a=(Y,))


TOLD = st.builds(
    Told,
    addresses=st.lists(st.sampled_from("123456"), max_size=3, unique=True).map(tuple),
    leaving=st.booleans(),
)


@given(
    claims=st.dictionaries(st.sampled_from("abcd"), TOLD),
    known=st.lists(TOLD, max_size=4),
    of_nodes=st.sets(st.sampled_from("123456")),
)
def test_address_has_one_pod_at_most_of_those_that_stay(
    claims: dict[str, Told], known: list[Told], of_nodes: set[str]
) -> None:
    found = settle(claims, known, of_nodes)
    early = [a for some in found.given.values() for a in some]
    staying = {a for told in known if not told.leaving for a in told.addresses}
    assert len(early) == len(set(early))
    assert staying.isdisjoint(early)
    assert of_nodes.isdisjoint(early)
    assert found.lost <= set(early)
    assert all({*some} <= {*claims[u].addresses} for u, some in found.given.items())
    # Who is leaving has nothing that was given to another.
    kept = {a for told in known for a in told.addresses} - found.lost
    assert kept.isdisjoint(early)
