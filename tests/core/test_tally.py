"""How many addresses of a group are in each state."""

from vcnd.core.ledger import Ledger
from vcnd.model.family import Family
from vcnd.model.ids import PrivateIpId, VnicId
from vcnd.model.sandbox import Lease, SandboxKey
from vcnd.model.vnic import PrivateIp


def private_ip(address: str, vnic: str = "one", fixed: str = "") -> PrivateIp:
    return PrivateIp(
        id=PrivateIpId(f"id of {address}"),
        address=address,
        vnic_id=VnicId(vnic),
        fixed=fixed,
    )


def test_counts_are_those_of_the_chosen_groups() -> None:
    ledger = Ledger(cooling_seconds=0)
    ledger.add(private_ip("10.0.0.1"))
    ledger.add(private_ip("10.0.0.2", "two"))
    ledger.add(private_ip("10.0.0.3", fixed="web"))
    ledger.add(private_ip("fd00::1"))
    assert ledger.counts().free == 4
    assert ledger.counts(lambda g: g.vnic_id == "one").free == 3
    assert ledger.counts(lambda g: g.family is Family.IPV6).free == 1
    assert ledger.counts(lambda g: g.fixed == "web").free == 1
    assert ledger.counts(lambda g: g.vnic_id == "three").total == 0


def test_counts_follow_each_move() -> None:
    ledger, key = Ledger(cooling_seconds=10), SandboxKey("vcnd", "c", "eth0")
    ledger.add(private_ip("10.0.0.1"))
    assert ledger.counts().free == 1
    lease = Lease(key=key, addresses=("10.0.0.1",), wiring=None)
    ledger.lease(lease)
    assert ledger.counts().leased == 1
    ledger.end_lease(key)
    ledger.start_cooldown(lease, 0.0)
    assert ledger.counts().cooling == 1
    ledger.end_cooldown(10.0)
    assert ledger.counts().free == 1
    ledger.mark_deleting(private_ip("10.0.0.1"))
    assert ledger.counts().deleting == 1
    ledger.forget(private_ip("10.0.0.1"))
    assert ledger.counts().total == 0


def test_held_are_objects_of_a_vnic_and_family() -> None:
    ledger = Ledger(cooling_seconds=0)
    ledger.add(private_ip("10.0.0.1"))
    ledger.add(private_ip("10.0.0.3", fixed="web"))
    ledger.add(private_ip("fd00::1"))
    assert ledger.held(VnicId("one"), Family.IPV4) == 2
    assert ledger.held(VnicId("one"), Family.IPV6) == 1
    assert ledger.held(VnicId("two"), Family.IPV4) == 0
    assert ledger.families() == {Family.IPV4, Family.IPV6}
    ledger.forget(private_ip("fd00::1"))
    assert ledger.families() == {Family.IPV4}
