"""The ledger under a state machine: no address shared, lost or reused too early."""

import math
from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    precondition,
    rule,
)
from msgspec.structs import replace

from vcnd.core.ledger import Ledger
from vcnd.core.states import IllegalMoveError, State
from vcnd.model.ids import PrivateIpId, VnicId
from vcnd.model.sandbox import HostLink, Lease, SandboxKey
from vcnd.model.vnic import PrivateIp

COOLING = 30.0


def private_ip(number: int, *, block: bool = False) -> PrivateIp:
    """Return a single, or a block of eight; each number has other addresses."""
    return PrivateIp(
        id=PrivateIpId(f"ocid{number}"),
        address=f"10.0.{number // 32}.{number % 32 * 8}",
        vnic_id=VnicId("vnic"),
        prefix_length=29 if block else 32,
    )


LINK = HostLink(ifname="oci", netns_cookie=1)


def lease(key: SandboxKey, *addresses: str, wiring: HostLink | None = LINK) -> Lease:
    return Lease(key=key, addresses=addresses, wiring=wiring)


def end(ledger: Ledger, key: SandboxKey, now: float) -> None:
    ended = ledger.end_lease(key)
    assert ended is not None
    ledger.start_cooldown(ended, now)


class LedgerMachine(RuleBasedStateMachine):
    """Makes all moves in any order; time only goes forward."""

    keys = Bundle("keys")

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger(cooling_seconds=COOLING)
        self.now = 0.0
        self.numbers = 0
        self.sandboxes = 0
        self.released_at: dict[str, float] = {}
        self.unwritten: list[tuple[Lease, float]] = []
        self.total = 0

    @rule(block=st.booleans())
    def address_comes(self, block: bool) -> None:
        self.numbers += 1
        self.ledger.add(private_ip(self.numbers, block=block))
        self.total += 8 if block else 1

    @rule(target=keys, wiring=st.sampled_from([LINK, None]))
    def pod_starts(self, wiring: HostLink | None) -> SandboxKey:
        self.sandboxes += 1
        key = SandboxKey("vcnd", f"c{self.sandboxes}", "eth0")
        found = self.ledger.take(key)
        if found is None:
            assert self.ledger.counts().free == 0
            return key
        released = self.released_at.get(found)
        assert released is None or self.now >= released + COOLING
        self.ledger.lease(lease(key, found, wiring=wiring))
        assert self.ledger.state(found) == "leased"
        return key

    @precondition(lambda self: self.ledger.leases())
    @rule(wiring=st.sampled_from([LINK, None]))
    def pod_is_wired_or_known_by_its_addresses_alone(
        self, wiring: HostLink | None
    ) -> None:
        held, before = self.ledger.leases()[0], self.ledger.counts()
        self.ledger.amend(held, replace(held, wiring=wiring))
        assert self.ledger.counts() == before

    @rule(key=consumes(keys))
    def pod_ends(self, key: SandboxKey) -> None:
        ended = self.ledger.end_lease(key)
        assert self.ledger.end_lease(key) is None
        if ended is not None:
            assert self.ledger.state(ended.address) == "cooling"
            self.released_at[ended.address] = math.inf
            self.unwritten.append((ended, self.now))

    @precondition(lambda self: self.unwritten)
    @rule()
    def disk_takes_the_end_of_a_lease(self) -> None:
        ended, at = self.unwritten.pop(0)
        self.ledger.start_cooldown(ended, at)
        self.released_at[ended.address] = at

    @rule()
    def disk_refuses_a_lease(self) -> None:
        key, before = SandboxKey("vcnd", "refused", "eth0"), self.ledger.counts()
        found = self.ledger.take(key)
        if found is not None:
            self.ledger.lease(lease(key, found))
            self.ledger.revert(lease(key, found))
            assert self.ledger.take(key) == found
        assert self.ledger.counts() == before

    @rule(seconds=st.floats(min_value=0, max_value=40))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        for address in self.ledger.end_cooldown(self.now):
            assert self.now >= self.released_at[address] + COOLING

    @precondition(lambda self: self.ledger.releasable())
    @rule(gone=st.booleans())
    def coldest_is_deleted(self, gone: bool) -> None:
        coldest = self.ledger.releasable()[0]
        self.ledger.mark_deleting(coldest)
        assert {self.ledger.state(a) for a in coldest.addresses} == {"deleting"}
        if gone:
            self.ledger.forget(coldest)
            self.total -= coldest.size
        else:
            self.ledger.keep(coldest)

    @precondition(lambda self: self.ledger.private_ips())
    @rule()
    def oldest_is_doubted_for_a_while(self) -> None:
        oldest = self.ledger.private_ips()[0]
        self.ledger.doubt(oldest)
        self.counts_are_those_of_the_states()
        self.ledger.keep(oldest)

    @precondition(lambda self: self.ledger.leases())
    @rule()
    def illegal_moves_change_nothing(self) -> None:
        held = self.ledger.leases()[0]
        behind = self.ledger.private_ip(held.address)
        assert behind is not None
        before = self.ledger.counts()
        with pytest.raises(IllegalMoveError):
            self.ledger.lease(held)
        with pytest.raises(IllegalMoveError):
            self.ledger.lease(lease(SandboxKey("vcnd", "x", "eth0"), held.address))
        with pytest.raises(IllegalMoveError):
            self.ledger.mark_deleting(behind)
        with pytest.raises(IllegalMoveError):
            self.ledger.keep(behind)
        with pytest.raises(IllegalMoveError):
            self.ledger.restore_cooldown(held.address, self.now)
        with pytest.raises(IllegalMoveError):
            self.ledger.take(held.key)
        assert self.ledger.counts() == before

    @invariant()
    def nothing_is_shared_or_lost(self) -> None:
        addresses = [x.address for x in self.ledger.leases()]
        assert len(set(addresses)) == len(addresses)
        assert self.ledger.counts().total == self.total

    @invariant()
    def counts_are_those_of_the_states(self) -> None:
        objects, counts = self.ledger.private_ips(), self.ledger.counts()
        states = Counter(self.ledger.state(a) for p in objects for a in p.addresses)
        found = [counts.free, counts.leased, counts.cooling, counts.deleting]
        assert found == [
            states[s] for s in (State.FREE, State.LEASED, State.COOLING, State.DELETING)
        ]
        assert counts.doubted == states[State.DOUBTED] + states[State.ADDING]


TestLedger = pytest.mark.slow(LedgerMachine.TestCase)
TestLedger.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_free_addresses_are_taken_first_in_first_out() -> None:
    ledger = Ledger(cooling_seconds=0)
    for number in range(3):
        ledger.add(private_ip(number))
    taken = []
    for number in range(3):
        key = SandboxKey("vcnd", f"c{number}", "eth0")
        found = ledger.take(key)
        assert found is not None
        ledger.lease(lease(key, found))
        end(ledger, key, 0.0)
        ledger.end_cooldown(0.0)
        taken.append(found)
    assert taken == [private_ip(n).address for n in range(3)]


def test_an_address_the_cloud_took_stays_leased_until_its_pod_ends() -> None:
    ledger = Ledger(cooling_seconds=0)
    key = SandboxKey("vcnd", "c", "eth0")
    ledger.add(private_ip(1))
    ledger.lease(lease(key, private_ip(1).address))
    ledger.forget(private_ip(1))
    assert ledger.lease_of(key) is not None
    end(ledger, key, 0.0)
    assert ledger.counts().total == 0
    assert ledger.end_cooldown(99.0) == []


def test_blocks_in_use_are_filled_before_whole_blocks() -> None:
    ledger = Ledger(cooling_seconds=0)
    untouched, used = private_ip(1, block=True), private_ip(2, block=True)
    single = private_ip(3)
    for one in (used, untouched, single):
        ledger.add(one)
    taken = []
    for number in range(10):
        key = SandboxKey("vcnd", f"c{number}", "eth0")
        found = ledger.take(key)
        assert found is not None
        ledger.lease(lease(key, found))
        taken.append(found)
    # The single before any unused block; then one block until it is used up.
    assert taken == [single.address, *used.addresses, untouched.address]
    assert ledger.releasable() == []


def test_a_block_is_spare_only_when_all_of_it_is() -> None:
    ledger = Ledger(cooling_seconds=0)
    block = private_ip(1, block=True)
    ledger.add(block)
    key = SandboxKey("vcnd", "c", "eth0")
    ledger.lease(lease(key, block.addresses[3]))
    assert ledger.releasable() == []
    with pytest.raises(IllegalMoveError):
        ledger.mark_deleting(block)
    assert ledger.counts().free == 7
    end(ledger, key, 0.0)
    assert ledger.releasable() == []  # one address cools down
    ledger.end_cooldown(0.0)
    assert ledger.releasable() == [block]


def test_late_durable_release_frees_an_address_that_was_added_again() -> None:
    ledger = Ledger(cooling_seconds=10)
    key = SandboxKey("vcnd", "c", "eth0")
    ledger.add(private_ip(1))
    ledger.lease(lease(key, private_ip(1).address))
    ended = ledger.end_lease(key)
    assert ended is not None
    ledger.forget(private_ip(1))  # its release is not durable yet
    ledger.add(private_ip(1))
    ledger.start_cooldown(ended, 0.0)
    assert ledger.state(ended.address) is State.FREE


def test_late_durable_release_keeps_a_lease_that_was_restored() -> None:
    ledger = Ledger(cooling_seconds=10)
    key = SandboxKey("vcnd", "c", "eth0")
    ledger.add(private_ip(1))
    ledger.lease(lease(key, private_ip(1).address))
    ended = ledger.end_lease(key)
    assert ended is not None
    ledger.restore(ended)
    ledger.start_cooldown(ended, 0.0)
    assert ledger.state(ended.address) is State.LEASED
