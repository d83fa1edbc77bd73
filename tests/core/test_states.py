"""The table of the ledger's moves: legal moves, and the states they lead to."""

from collections.abc import Callable

import pytest

from vcnd.core.ledger import Ledger
from vcnd.core.states import MOVES, IllegalMoveError, Move, State
from vcnd.model.ids import PrivateIpId, VnicId
from vcnd.model.sandbox import Lease, SandboxKey
from vcnd.model.vnic import PrivateIp

ADDRESS = "10.0.0.5"
OBJECT = PrivateIp(id=PrivateIpId("ocid"), address=ADDRESS, vnic_id=VnicId("vnic"))
LEASE = Lease(key=SandboxKey("vcnd", "c", "eth0"), addresses=(ADDRESS,), wiring=None)


def ledger_in(state: State) -> Ledger:
    """Return a ledger whose one address is in a state."""
    ledger = Ledger(cooling_seconds=10)
    if state is State.UNKNOWN:
        return ledger
    ledger.add(OBJECT, adding=state is State.ADDING)
    match state:
        case State.LEASED:
            ledger.lease(LEASE)
        case State.LOST:
            ledger.lease(LEASE)
            ledger.forget(OBJECT)
        case State.COOLING:
            ledger.lease(LEASE)
            ledger.end_lease(LEASE.key)
            ledger.start_cooldown(LEASE, 0.0)
        case State.DELETING:
            ledger.mark_deleting(OBJECT)
        case State.DOUBTED:
            ledger.doubt(OBJECT)
        case State.FREE | State.ADDING:
            pass
    return ledger


MAKE: dict[Move, Callable[[Ledger], object]] = {
    Move.ADD: lambda x: x.add(OBJECT),
    Move.START_ADDING: lambda x: x.add(OBJECT, adding=True),
    Move.KEEP: lambda x: x.keep(OBJECT),
    Move.DOUBT: lambda x: x.doubt(OBJECT),
    Move.MARK_DELETING: lambda x: x.mark_deleting(OBJECT),
    Move.FORGET: lambda x: x.forget(OBJECT),
    Move.LEASE: lambda x: x.lease(LEASE),
    Move.RESTORE: lambda x: x.restore(LEASE),
    Move.REVERT: lambda x: x.revert(LEASE),
    Move.END_LEASE: lambda x: x.end_lease(LEASE.key),
    Move.START_COOLDOWN: lambda x: x.start_cooldown(LEASE, 0.0),
    Move.RESTORE_COOLDOWN: lambda x: x.restore_cooldown(ADDRESS, 10.0),
    Move.END_COOLDOWN: lambda x: x.end_cooldown(99.0),
}


@pytest.mark.parametrize("state", State)
def test_each_state_can_be_reached(state: State) -> None:
    assert ledger_in(state).state(ADDRESS) is state


@pytest.mark.matrix(fast=20)
@pytest.mark.parametrize("move", Move)
@pytest.mark.parametrize("state", State)
def test_ledger_moves_match_the_table(state: State, move: Move) -> None:
    ledger = ledger_in(state)
    try:
        MAKE[move](ledger)
    except IllegalMoveError:
        assert ledger.state(ADDRESS) is state
        # Only a doubted or new object that a pod holds can be kept while leased.
        assert state not in MOVES[move] or (state, move) == (State.LEASED, Move.KEEP)
    else:
        legal = MOVES[move].get(state, frozenset({state}))
        assert ledger.state(ADDRESS) in legal


@pytest.mark.parametrize("move", [Move.LEASE, Move.RESTORE, Move.MARK_DELETING])
@pytest.mark.parametrize("state", State)
def test_ledger_refuses_moves_outside_the_table(state: State, move: Move) -> None:
    ledger = ledger_in(state)
    if state not in MOVES[move]:
        with pytest.raises(IllegalMoveError):
            MAKE[move](ledger)


def test_doubted_object_with_a_lease_can_be_kept() -> None:
    ledger = ledger_in(State.LEASED)
    ledger.doubt(OBJECT)
    ledger.keep(OBJECT)
    assert ledger.state(ADDRESS) is State.LEASED
