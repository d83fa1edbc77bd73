"""A restarted fake has its cloud again."""

import json
import os
from pathlib import Path

import pytest
import trio

from fakeoci.api.bodies import body
from fakeoci.api.service import Result, Service
from fakeoci.keeping import StateFile
from fakeoci.world import bulk, ips, vnics
from fakeoci.world.ips import NewAddress
from fakeoci.world.resources import Instance, Ipv6, PrivateIp, Subnet, Vnic, WorkRequest
from fakeoci.world.state import StateError
from fakeoci.world.vnics import NewVnic
from fakeoci.world.world import KINDS, World
from fakeoci.world.worldfile import default_text, parse

NOW = 1_800_000_000.0
Clock = trio.testing.MockClock


def fresh(now: float = NOW) -> Service:
    return Service(parse(default_text()), lambda: now)


def everything(world: World) -> dict[str, list[object]]:
    return {kind.__name__: [body(world, n) for n in world.all(kind)] for kind in KINDS}


def busy(service: Service) -> Vnic:
    """Create a VNIC and addresses of all kinds; return the VNIC."""
    world = service.world
    node = world.named(Instance, "node1").id
    new = NewVnic(subnet_id=world.named(Subnet, "pods").id)
    attachment = vnics.attach(world, node, new, now=NOW)
    world.advance(NOW + 50)
    vnic = world.get(Vnic, attachment.vnic_id)
    for wanted in (
        NewAddress(),
        NewAddress(prefix_length=28),
        NewAddress(lifetime="RESERVED", freeform_tags={"k": "v"}),
    ):
        ips.create(world, wanted, vnic_id=vnic.id, now=NOW + 50)
    return vnic


def restarted(service: Service, now: float = NOW + 100) -> Service:
    other = fresh(now)
    other.restore(service.dump())
    return other


@pytest.mark.slow
def test_everything_is_there_again() -> None:
    service = fresh()
    busy(service)
    other = restarted(service)
    assert everything(other.world) == everything(service.world)
    assert other.dump() == restarted(other).dump()


def test_no_address_and_no_name_is_given_twice() -> None:
    service = fresh()
    vnic = busy(service)
    other = restarted(service)
    before = {a.ip_address for a in other.world.all(PrivateIp)}
    names = set(other.world.objects)
    made = ips.create(other.world, NewAddress(), vnic_id=vnic.id, now=NOW + 100)
    assert made.ip_address not in before
    assert made.id not in names
    assert other.world.all(Ipv6) == []


def test_in_flight_work_resumes_or_fails_after_restore() -> None:
    service = fresh()
    vnic = busy(service)
    world = service.world
    request = bulk.create(world, [NewAddress()] * 3, vnic_id=vnic.id, now=NOW + 60)
    node2 = world.named(Instance, "node2").id
    attachment = vnics.attach(
        world, node2, NewVnic(subnet_id=vnic.subnet_id), now=NOW + 60
    )
    other = restarted(service).world
    assert other.get(WorkRequest, request.id).status == "FAILED"
    again = other.get(type(attachment), attachment.id)
    assert again.lifecycle_state == "ATTACHING"
    ips.create(other, NewAddress(), vnic_id=vnic.id, now=NOW + 100)  # not busy now
    other.advance(NOW + 200)
    assert again.lifecycle_state == "ATTACHED"
    assert other.get(Vnic, attachment.vnic_id).lifecycle_state == "AVAILABLE"


def test_retry_tokens_are_remembered() -> None:
    service = fresh()
    service.remember("me", "AttachVnic", "t", b"{}", Result(body={"id": "x"}))
    other = restarted(service)
    answer = other.answered("me", "AttachVnic", "t", b"{}")
    assert answer is not None
    assert answer.body == {"id": "x"}


@pytest.mark.parametrize("version", [1, 3])
def test_state_of_another_version_is_refused_by_its_number(version: int) -> None:
    data = json.dumps({**json.loads(fresh().dump()), "version": version}).encode()
    with pytest.raises(StateError, match=f"version {version}, not 2"):
        fresh().restore(data)


@pytest.mark.parametrize("data", [b"", b"{}", b'{"version": 7}', b"[1]"])
def test_malformed_state_is_refused(data: bytes) -> None:
    with pytest.raises(StateError):
        fresh().restore(data)


async def test_the_file_follows_the_changes(
    autojump_clock: Clock, tmp_path: Path
) -> None:
    path = tmp_path / "state.json"
    service = fresh()
    async with trio.open_nursery() as nursery:
        kept = StateFile(service, path)
        assert not kept.read()
        await nursery.start(kept.run)
        vnic = busy(service)
        await trio.sleep(2)
        assert vnic.id.encode() in path.read_bytes()
        ips.create(service.world, NewAddress(), vnic_id=vnic.id, now=NOW + 60)
        nursery.cancel_scope.cancel()  # the task writes the last change when it ends
    other = fresh()
    assert StateFile(other, path).read()
    assert everything(other.world) == everything(service.world)
    assert os.listdir(tmp_path) == ["state.json"]
