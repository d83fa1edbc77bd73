"""Reservations on a ledger: preferences that nobody waits for."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from vcnd.core.ledger import Ledger
from vcnd.core.reservations import Reservations
from vcnd.core.states import State
from vcnd.core.tally import Selector
from vcnd.model.family import Family
from vcnd.model.ids import PrivateIpId, VnicId
from vcnd.model.sandbox import HostLink, Lease, PodRef, SandboxKey
from vcnd.model.vnic import PrivateIp

LINK = HostLink(ifname="oci", netns_cookie=1)


def private_ip(address: str, vnic: str = "v") -> PrivateIp:
    return PrivateIp(id=PrivateIpId(address), address=address, vnic_id=VnicId(vnic))


def of(family: Family, vnic: str = "v") -> Selector:
    return lambda p: p.family is family and p.vnic_id == vnic


FOUR, SIX = of(Family.IPV4), of(Family.IPV6)
ONE, TWO, THREE = (private_ip(f"10.0.0.{n}") for n in (1, 2, 3))
ONE6, TWO6 = private_ip("fd00::1"), private_ip("fd00::2")


def made(*objects: PrivateIp) -> tuple[Ledger, Reservations]:
    ledger = Ledger(cooling_seconds=0)
    for found in objects:
        ledger.add(found)
    return ledger, ledger.reservations


def key(name: str) -> SandboxKey:
    return SandboxKey("vcnd", name, "eth0")


def lease(name: str, *addresses: str) -> Lease:
    pod = PodRef(namespace="shop", name=name, uid=name)
    return Lease(key=key(name), addresses=addresses, wiring=LINK, pod=pod)


def test_pod_gets_what_is_reserved_and_another_the_next() -> None:
    ledger, reservations = made(ONE, TWO)
    assert reservations.keep("a", [FOUR]) == (ONE.address,)
    assert reservations.keep("a", [FOUR]) == (ONE.address,)
    assert ledger.state(ONE.address) is State.FREE
    assert ledger.counts().free == 2
    assert ledger.take(key("b"), FOUR, "b") == TWO.address
    assert ledger.take(key("a"), FOUR, "a") == ONE.address
    ledger.lease(lease("a", ONE.address))
    assert reservations.all() == {}


def test_pod_that_comes_first_gets_the_last_address() -> None:
    """A reservation yields, so that no ADD waits for one that may never come."""
    ledger, reservations = made(ONE)
    reservations.keep("a", [FOUR])
    assert ledger.take(key("b"), FOUR, "b") == ONE.address
    ledger.lease(lease("b", ONE.address))
    assert reservations.all() == {}
    assert ledger.take(key("a"), FOUR, "a") is None
    assert reservations.keep("a", [FOUR]) == ()


def test_reservation_takes_nothing_from_another_one() -> None:
    _, reservations = made(ONE)
    reservations.keep("a", [FOUR])
    assert reservations.keep("b", [FOUR], [ONE.address]) == ()
    assert reservations.all() == {"a": (ONE.address,)}


def test_reservation_is_of_all_families_or_none() -> None:
    ledger, reservations = made(ONE, TWO, ONE6)
    assert reservations.keep("a", [FOUR, SIX]) == (ONE.address, ONE6.address)
    assert reservations.keep("b", [FOUR, SIX]) == ()
    assert [*reservations.all()] == ["a"]
    ledger.mark_deleting(ONE6)
    assert reservations.keep("a", [FOUR, SIX]) == ()
    assert reservations.all() == {}
    ledger.add(TWO6)
    assert reservations.keep("a", [FOUR, SIX]) == (ONE.address, TWO6.address)


def test_withheld_address_is_replaced_by_another() -> None:
    for withhold in (Ledger.doubt, Ledger.mark_deleting):
        ledger, reservations = made(ONE, TWO)
        reservations.keep("a", [FOUR])
        withhold(ledger, ONE)
        assert ledger.take(key("a"), FOUR, "a") == TWO.address
        assert reservations.keep("a", [FOUR]) == (TWO.address,)


def test_address_of_another_class_is_replaced() -> None:
    other = private_ip("10.9.0.1", "w")
    ledger, reservations = made(ONE, other)
    reservations.keep("a", [FOUR])
    theirs = of(Family.IPV4, "w")
    assert ledger.take(key("a"), theirs, "a") == other.address
    assert reservations.keep("a", [theirs]) == (other.address,)
    assert reservations.keep("b", [FOUR]) == (ONE.address,)


def test_preferred_address_comes_first_if_it_is_free() -> None:
    ledger, reservations = made(ONE, TWO, THREE)
    assert reservations.keep("a", [FOUR], ["10.9.9.9", TWO.address]) == (TWO.address,)
    ledger.lease(lease("x", THREE.address))
    assert reservations.keep("b", [FOUR], [THREE.address]) == (ONE.address,)
    # What a pod has is preferred to what it had.
    assert reservations.keep("b", [FOUR], [TWO.address]) == (ONE.address,)


def test_object_with_a_reserved_address_is_not_released() -> None:
    ledger, reservations = made(ONE, TWO)
    reservations.keep("a", [FOUR])
    assert ledger.releasable() == [TWO]
    reservations.end("a")
    reservations.end("a")
    assert ledger.releasable() == [ONE, TWO]


def test_reservation_ends_when_its_address_is_gone() -> None:
    ledger, reservations = made(ONE, TWO)
    reservations.keep("a", [FOUR])
    reservations.keep("b", [FOUR])
    ledger.forget(ONE)
    ledger.restore_cooldown(TWO.address, 9.0)
    assert reservations.all() == {}
    ledger.end_cooldown(9.0)
    assert reservations.keep("a", [FOUR]) == (TWO.address,)
    ledger.restore(lease("x", TWO.address))
    assert reservations.all() == {}


UIDS = st.sampled_from("abcdef")


class ReservingMachine(RuleBasedStateMachine):
    """Pods are bound, start and end in any order; addresses come and go."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger(cooling_seconds=0)
        self.reservations = self.ledger.reservations
        self.numbers = 0
        self.now = 0.0

    def free(self, which: Selector) -> list[str]:
        return [
            a
            for p in self.ledger.private_ips()
            if which(p)
            for a in p.addresses
            if self.ledger.state(a) is State.FREE
        ]

    @rule(block=st.booleans(), six=st.booleans())
    def address_comes(self, block: bool, six: bool) -> None:
        self.numbers += 1
        address = f"10.0.{self.numbers}.0"
        length = 30 if block else 32
        if six:
            address, length = f"fd00:{self.numbers:x}::", 128
        self.ledger.add(
            PrivateIp(
                id=PrivateIpId(address),
                address=address,
                vnic_id=VnicId("v"),
                prefix_length=length,
            )
        )

    @rule(uid=UIDS, dual=st.booleans())
    def pod_is_bound(self, uid: str, dual: bool) -> None:
        which = [FOUR, SIX] if dual else [FOUR]
        others = {u: a for u, a in self.reservations.all().items() if u != uid}
        found = self.reservations.keep(uid, which)
        assert len(found) in (0, len(which))
        assert self.reservations.all() == others | ({uid: found} if found else {})
        if not found:
            taken = {a for some in others.values() for a in some}
            assert any({*self.free(w)} <= taken for w in which)

    @rule(uid=UIDS)
    def pod_is_unbound(self, uid: str) -> None:
        self.reservations.end(uid)
        assert uid not in self.reservations.all()

    @rule(uid=UIDS, dual=st.booleans())
    def pod_starts(self, uid: str, dual: bool) -> None:
        if self.ledger.lease_of(key(uid)) is not None:
            return
        mine = self.reservations.all().get(uid, ())
        taken = {a for some in self.reservations.all().values() for a in some}
        addresses = []
        for which in [FOUR, SIX] if dual else [FOUR]:
            found, free = self.ledger.take(key(uid), which, uid), self.free(which)
            if found is None:
                assert free == []  # nobody starves
                return
            kept = [a for a in mine if a in free]
            if kept:
                assert found == kept[0]
            elif not {*free} <= taken:
                assert found not in taken
            addresses.append(found)
        self.ledger.lease(lease(uid, *addresses))

    @rule(uid=UIDS)
    def pod_ends(self, uid: str) -> None:
        ended = self.ledger.end_lease(key(uid))
        if ended is not None:
            self.now += 1
            self.ledger.start_cooldown(ended, self.now)
            self.ledger.end_cooldown(self.now)

    @precondition(lambda self: self.ledger.private_ips())
    @rule(data=st.data(), gone=st.booleans())
    def object_is_doubted(self, data: st.DataObject, gone: bool) -> None:
        objects = self.ledger.private_ips()
        found = objects[data.draw(st.integers(0, len(objects) - 1))]
        if self.ledger.why_withheld(found) is None:
            self.ledger.doubt(found)
        elif gone:
            self.ledger.forget(found)
        else:
            self.ledger.keep(found)

    @precondition(lambda self: self.ledger.releasable())
    @rule()
    def object_is_deleted(self) -> None:
        coldest = self.ledger.releasable()[0]
        self.ledger.mark_deleting(coldest)
        self.ledger.forget(coldest)

    @invariant()
    def each_reserved_address_is_one_pods_and_no_sandboxs(self) -> None:
        some = [a for found in self.reservations.all().values() for a in found]
        assert len(some) == len({*some})
        held = {a for x in self.ledger.leases() for a in x.addresses}
        assert held.isdisjoint(some)
        states = {self.ledger.state(a) for a in some}
        assert states <= {State.FREE, State.DOUBTED, State.DELETING}
        spare = {a for p in self.ledger.releasable() for a in p.addresses}
        assert spare.isdisjoint(some)


TestReservations = pytest.mark.slow(ReservingMachine.TestCase)
TestReservations.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None
)
