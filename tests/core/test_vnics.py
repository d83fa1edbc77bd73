"""A VNIC number belongs to one VNIC, and stays reserved while leases use it."""

from vcnd.core.ledger import Ledger
from vcnd.core.replay import Replay
from vcnd.core.vnics import MOST_INDEX, VnicTable
from vcnd.linux.layout import Layout
from vcnd.model.ids import PrivateIpId, SubnetId, VnicId
from vcnd.model.records import AddressAdded, AddressForgotten, Leased, Released
from vcnd.model.sandbox import Lease, SandboxKey
from vcnd.model.vnic import PrivateIp, Vnic

KEY = SandboxKey("vcnd", "c", "eth0")
LEASE = Lease(key=KEY, addresses=("10.0.0.5",), wiring=None)
BLOCK = PrivateIp(
    id=PrivateIpId("p"), address="10.0.0.4", vnic_id=VnicId("a"), prefix_length=30
)


def vnic(name: str) -> Vnic:
    return Vnic(
        id=VnicId(name),
        mac="02:00:00:00:00:01",
        address="10.0.0.9",
        subnet_id=SubnetId("s"),
        subnet_cidr="10.0.0.0/24",
        virtual_router="10.0.0.1",
    )


def test_a_gone_vnics_number_is_not_given_to_another() -> None:
    vnics = VnicTable()
    assert vnics.add(vnic("a")).index == 2
    assert vnics.retire(VnicId("a"))
    assert not vnics.retire(VnicId("a"))
    assert vnics.add(vnic("b")).index == 3
    assert vnics.unused_numbers({VnicId("a")}) == []
    assert vnics.unused_numbers(set()) == ["a"]
    vnics.free_number(VnicId("a"))
    assert vnics.add(vnic("c")).index == 2


def test_a_vnic_that_comes_back_gets_its_old_number() -> None:
    vnics = VnicTable()
    vnics.add(vnic("a"))
    vnics.retire(VnicId("a"))
    vnics.add(vnic("b"))
    assert vnics.add(vnic("a")).index == 2
    assert vnics.unused_numbers(set()) == []


def test_lost_address_counts_on_its_vnic_until_the_lease_ends() -> None:
    ledger = Ledger(cooling_seconds=0)
    ledger.add(BLOCK)
    ledger.lease(LEASE)
    ledger.forget(BLOCK)
    assert ledger.vnics_leased() == {"a"}
    assert ledger.lost() == {LEASE.address}
    ledger.end_lease(KEY)
    assert ledger.vnics_leased() == set()


def test_replay_restores_the_vnic_of_a_lost_address() -> None:
    replay = Replay()
    replay.apply(AddressAdded(BLOCK), 1.0)
    replay.apply(Leased(LEASE), 1.0)
    replay.apply(AddressForgotten(BLOCK.address), 1.0)
    compact = Replay()
    for record, at in replay.records(cooled_before=0.0):
        compact.apply(record, at)
    assert compact.recovered(2.0) == replay.recovered(2.0)
    assert compact.recovered(2.0).lost == ((LEASE.address, VnicId("a")),)
    compact.apply(Released(KEY), 3.0)
    assert compact.recovered(4.0).lost == ()


def test_vnic_numbers_fit_into_the_marks() -> None:
    """Pool and kernel agree; higher numbers are for others' VNICs."""
    assert Layout().most_pod_vnics >= MOST_INDEX
