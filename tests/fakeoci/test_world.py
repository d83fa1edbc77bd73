"""The world's rules: the cloud's refusals, and the times of its changes."""

from ipaddress import IPv4Network, ip_address, ip_network
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakeoci.api import imds
from fakeoci.world import bulk, instances, ips, vnics
from fakeoci.world.addresses import AddressSpace, Spans
from fakeoci.world.errors import ServiceError
from fakeoci.world.ips import NewAddress
from fakeoci.world.resources import (
    Address,
    Instance,
    PrivateIp,
    Subnet,
    Vnic,
    VnicAttachment,
)
from fakeoci.world.vnics import NewVnic
from fakeoci.world.world import World
from fakeoci.world.worldfile import WorldFileError, default_text, parse


@pytest.fixture
def world() -> World:
    return parse(default_text())


def node(world: World) -> Instance:
    return world.named(Instance, "node1")


def attached(world: World, now: float = 0.0) -> VnicAttachment:
    new = NewVnic(subnet_id=world.named(Subnet, "pods").id)
    attachment = vnics.attach(world, node(world).id, new, now=now)
    world.advance(now + 10)
    return attachment


def refusal(code: str) -> "pytest.RaisesExc[ServiceError]":
    return pytest.raises(ServiceError, check=lambda e: e.code == code)


def test_attach_takes_its_time(world: World) -> None:
    new = NewVnic(subnet_id=world.named(Subnet, "pods").id)
    attachment = vnics.attach(world, node(world).id, new, now=5.0)
    world.advance(6.9)
    assert attachment.lifecycle_state == "ATTACHING"
    world.advance(7.0)
    assert attachment.lifecycle_state == "ATTACHED"
    assert world.get(Vnic, attachment.vnic_id).lifecycle_state == "AVAILABLE"


def test_one_change_of_an_instances_vnics_at_a_time(world: World) -> None:
    new = NewVnic(subnet_id=world.named(Subnet, "pods").id)
    first = vnics.attach(world, node(world).id, new, now=0.0)
    with refusal("Conflict"):
        vnics.attach(world, node(world).id, new, now=0.0)
    with refusal("Conflict"):
        vnics.detach(world, first.id, None, 0.0)
    world.advance(10)
    vnics.detach(world, first.id, None, 10.0)
    with refusal("Conflict"):
        vnics.attach(world, node(world).id, new, now=10.0)


def test_shape_limits_the_vnics(world: World) -> None:
    for n in range(3):
        attached(world, now=n * 100.0)
    with refusal("LimitExceeded"):
        attached(world, now=900.0)


def test_detach_deletes_the_vnic_and_its_addresses(world: World) -> None:
    attachment = attached(world)
    free = world.space(attachment.subnet_id).free
    ips.create(world, NewAddress(), vnic_id=attachment.vnic_id, now=20.0)
    kept = ips.create(
        world,
        NewAddress(lifetime="RESERVED"),
        vnic_id=attachment.vnic_id,
        now=20.0,
    )
    vnics.detach(world, attachment.id, None, 20.0)
    world.advance(30)
    assert attachment.lifecycle_state == "DETACHED"
    assert attachment.vnic_id not in world.objects
    assert kept.vnic_id is None
    assert world.space(attachment.subnet_id).free == free  # one freed, one kept


def test_the_primary_vnic_stays(world: World) -> None:
    primary = world.vnics_of(node(world).id)[0]
    attachment = next(a for a in world.all(VnicAttachment) if a.vnic_id == primary.id)
    with refusal("InvalidParameter"):
        vnics.detach(world, attachment.id, None, 0.0)
    own = world.private_ips_of(primary.id)[0]
    with refusal("InvalidParameter"):
        ips.delete(world, own.id, None)


def test_vnic_limit_counts_objects_not_addresses(world: World) -> None:
    node(world).private_ips_per_vnic = 2
    vnic_id = attached(world).vnic_id
    block = ips.create(world, NewAddress(prefix_length=28), vnic_id=vnic_id, now=20.0)
    assert int(block.ip_address.split(".")[3]) % 16 == 0
    ips.create(world, NewAddress(), vnic_id=vnic_id, now=20.0)
    with refusal("LimitExceeded"):
        ips.create(world, NewAddress(), vnic_id=vnic_id, now=20.0)


@pytest.mark.parametrize("atomic", [True, False])
def test_bulk_create_that_does_not_fit(world: World, atomic: bool) -> None:
    world.settings.behaviour.bulk_is_atomic = atomic
    node(world).private_ips_per_vnic = 3
    vnic_id = attached(world).vnic_id
    request = bulk.create(world, [NewAddress()] * 5, vnic_id=vnic_id, now=20.0)
    with refusal("Conflict"):
        ips.create(world, NewAddress(), vnic_id=vnic_id, now=20.0)
    world.advance(30)
    assert request.status == "FAILED"
    assert request.errors[0][0] == "LimitExceeded"
    made = [p for p in world.private_ips_of(vnic_id) if not p.is_primary]
    assert len(made) == (0 if atomic else 3)


def test_move_keeps_object_and_address(world: World) -> None:
    one, two = attached(world).vnic_id, attached(world, now=100.0).vnic_id
    made = ips.create(world, NewAddress(), vnic_id=one, now=200.0)
    etag = made.etag
    moved = ips.move(world, made.id, two, etag, PrivateIp)
    assert (moved.id, moved.vnic_id) == (made.id, two)
    with refusal("NoEtagMatch"):
        ips.move(world, made.id, one, etag, PrivateIp)


def test_named_address_must_be_free_and_in_the_subnet(world: World) -> None:
    vnic_id = attached(world).vnic_id

    def create(address: str) -> Address:
        new = NewAddress(ip_address=address)
        return ips.create(world, new, vnic_id=vnic_id, now=20.0)

    assert create("10.1.0.77").ip_address == "10.1.0.77"
    with refusal("NotAuthorizedOrResourceAlreadyExists"):
        create("10.1.0.77")
    for outside in ("10.0.0.77", "10.1.0.0", "10.1.0.1", "10.1.15.255"):
        with refusal("InvalidParameter"):
            create(outside)


def test_terminated_instance_takes_its_vnics_along(world: World) -> None:
    attachment = attached(world)
    instances.terminate(world, node(world).id)
    assert attachment.lifecycle_state == "DETACHED"
    assert world.vnics_of(node(world).id) == []


@given(
    st.lists(st.sampled_from([32, 32, 32, 31, 30, 28]), max_size=60),
    st.integers(24, 27),
)
def test_no_address_is_given_twice(prefixes: list[int], subnet: int) -> None:
    space = AddressSpace([IPv4Network(f"10.0.0.0/{subnet}")])
    given_: set[int] = set()
    for prefix in prefixes:
        try:
            start = space.take_any() if prefix == 32 else space.take_block(prefix)
        except ServiceError as error:
            assert error.code == "LimitExceeded"
            continue
        span = {int(a) for a in IPv4Network(f"{start}/{prefix}")}
        assert not span & given_
        assert all(n in space.usable(space.blocks[0]) for n in span)
        given_ |= span
    assert space.taken.count == len(given_)
    assert all(n in space.taken for n in given_)


def test_a_world_file_may_have_both_families() -> None:
    text = default_text().replace(
        'cidrs = ["10.0.0.0/16", "10.1.0.0/16"]',
        'cidrs = ["10.0.0.0/16", "10.1.0.0/16"]\nipv6 = true',
    )
    text = text.replace(
        'cidrs = ["10.1.0.0/20"]', 'cidrs = ["10.1.0.0/20"]\nipv6 = true'
    )
    world = parse(text)
    pods = world.named(Subnet, "pods")
    assert pods.ipv6_cidr_blocks[0].endswith("::/64")
    new = NewVnic(subnet_id=pods.id, ipv6s=[(None, None)])
    attachment = vnics.attach(world, node(world).id, new, now=0.0)
    world.advance(100.0)
    listed = imds.vnics_body(world, node(world))
    assert "ipv6Addresses" not in listed[0]  # the node subnet has no IPv6
    mine = next(v for v in listed if v["vnicId"] == attachment.vnic_id)
    prefix = ip_network(pods.ipv6_cidr_blocks[0])
    assert [ip_address(a) in prefix for a in mine["ipv6Addresses"]] == [True]
    assert mine["ipv6VirtualRouterIp"].startswith("fe80::")
    text = text.replace("\nipv6 = true", "", 1)  # now the VCN has no IPv6
    with pytest.raises(WorldFileError, match="needs a VCN with ipv6"):
        parse(text)


@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(0, 63), st.integers(1, 8)), max_size=40
    )
)
def test_spans_are_a_set(moves: list[tuple[bool, int, int]]) -> None:
    spans, model = Spans(), set[int]()
    for put, start, size in moves:
        span = range(start, start + size)
        (spans.add if put else spans.remove)(span)
        model = model | set(span) if put else model - set(span)
        assert {n for s in spans for n in s} == model
        assert spans.count == len(model)
        gaps = {n for g in spans.gaps(range(80)) for n in g}
        assert gaps == set(range(80)) - model
        assert all(spans.meets(range(n, n + 1)) == (n in model) for n in range(80))
    ends = [(s.start, s.stop) for s in spans]
    assert ends == sorted(ends)
    assert all(a[1] < b[0] for a, b in pairwise(ends))


def test_metadata_shows_a_vnic_later_than_the_api() -> None:
    world = parse(default_text())
    timing = world.settings.timing
    timing.attach_seconds, timing.imds_seconds = 3.0, 10.0
    new = NewVnic(subnet_id=world.named(Subnet, "pods").id)
    attachment = vnics.attach(world, node(world).id, new, now=100.0)
    world.advance(104.0)
    assert attachment.lifecycle_state == "ATTACHED"

    def shown(now: float) -> int:
        return len(imds.vnics_body(world, node(world), now))

    assert [shown(now) for now in (104.0, 112.9, 113.0)] == [1, 1, 2]
