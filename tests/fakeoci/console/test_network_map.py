"""The map: what it has of the world, what it leaves out, and its changes."""

import msgspec

from fakeoci.api.service import Service
from fakeoci.console.network_map import (
    AddressEntry,
    NodeEntry,
    VnicEntry,
    change,
    entries,
)
from fakeoci.console.pressure import KEPT, Pressure
from fakeoci.world.resources import Instance, Subnet
from integration import leaks


def test_map_has_nodes_vnics_and_addresses(service: Service) -> None:
    found = entries(service.world).values()
    nodes = {e.id: e.name for e in found if isinstance(e, NodeEntry)}
    assert set(nodes.values()) == {"node1", "node2", "node3", "peer-host"}
    vnics = {e.id: e for e in found if isinstance(e, VnicEntry)}
    assert sorted(nodes[v.node] for v in vnics.values()) == sorted(nodes.values())
    held = {e.address: e for e in found if isinstance(e, AddressEntry)}
    assert vnics[held["10.0.0.2"].vnic].is_primary


def test_metadata_of_instances_is_left_out(service: Service) -> None:
    node = service.world.named(Instance, "node1")
    node.metadata["user_data"] = "-----BEGIN RSA PRIVATE KEY-----"
    text = msgspec.json.encode(list(entries(service.world).values()))
    assert b"user_data" not in text
    assert leaks.found(text) == []


def test_change_has_what_is_new_different_or_gone(service: Service) -> None:
    world = service.world
    before = entries(world)
    assert not change(before, entries(world))
    subnet = world.named(Subnet, "pods")
    subnet.display_name = "renamed"
    gone = world.named(Instance, "node3")
    world.drop(gone)
    found = change(before, entries(world))
    assert [e.name for e in found.put] == ["renamed"]
    assert found.gone == [gone.id]
    after = entries(world)
    merged = {**before, **{e.id: e for e in found.put}}
    assert {k: v for k, v in merged.items() if k not in found.gone} == after


def test_pressure_counts_what_is_taken(service: Service) -> None:
    pressure = Pressure(service.world)
    subnet = service.world.named(Subnet, "nodes")
    first = pressure.sample(1.0)[subnet.id]
    assert (first.taken, first.size) == (3, 253)
    service.world.space(subnet.id).exhaust()
    full = pressure.sample(2.0)[subnet.id]
    assert full.taken == full.size
    assert pressure.history()[subnet.id] == [first, full]


def test_pressure_keeps_a_bounded_past(service: Service) -> None:
    pressure = Pressure(service.world)
    for second in range(KEPT + 5):
        pressure.sample(float(second))
    assert {len(samples) for samples in pressure.history().values()} == {KEPT}
    assert all(s[0].at == 5.0 for s in pressure.history().values())
