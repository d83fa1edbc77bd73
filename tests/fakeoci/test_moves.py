"""Moves to another compartment: which parts move with an object, and which stay."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from fakeoci.api.service import Service
from fakeoci.world.resources import Address, Instance, Subnet, Vcn, Vnic
from tests.fakeoci.calls import CORE
from tests.fakeoci.compartments import get, names, ocid, post, several


@pytest.fixture
def service() -> Iterator[Service]:
    with several() as made:
        yield made


def places(service: Service, *resources: Any) -> set[str]:
    named = {c.id: c.name for c in service.world.compartments.all()}
    return {named[resource.compartment_id] for resource in resources}


def move(service: Service, path: str, to: str) -> httpx2.Response:
    body = {"compartmentId": ocid(service, to)}
    return post(f"{path}/actions/changeCompartment", body)


def held(service: Service, subnet: str) -> list[Any]:
    """Return the VNICs and addresses of a subnet."""
    world = service.world
    every: list[Any] = [*world.all(Vnic), *world.all(Address)]
    return [n for n in every if n.subnet_id == world.named(Subnet, subnet).id]


def test_vnics_and_addresses_follow_their_vcn_later(service: Service) -> None:
    world = service.world
    vcn, nodes = world.named(Vcn, "main"), held(service, "nodes")
    answer = move(service, f"/vcns/{vcn.id}", "shop")
    assert (answer.status_code, answer.headers["etag"]) == (202, vcn.etag)
    assert places(service, vcn) == {"shop"}
    assert places(service, *nodes) == {"network"}
    request = get(f"/workRequests/{answer.headers['opc-work-request-id']}")
    assert (request["status"], request["compartmentId"]) == (
        "SUCCEEDED",
        ocid(service, "shop"),
    )
    assert places(service, *nodes) == {"shop"}
    assert places(service, world.named(Subnet, "nodes")) == {"network"}
    assert places(service, *held(service, "peer-hosts")) == {"network"}


@pytest.mark.parametrize(("follow", "to"), [(False, "network"), (True, "apps")])
def test_what_follows_a_subnet_is_a_setting(
    service: Service, follow: bool, to: str
) -> None:
    service.world.settings.behaviour.vnics_follow_subnet = follow
    subnet = service.world.named(Subnet, "nodes")
    assert move(service, f"/subnets/{subnet.id}", "apps").status_code == 202
    assert names(get("/subnets", compartmentId=ocid(service, "apps"))) == ["nodes"]
    assert places(service, *held(service, "nodes")) == {to}
    assert places(service, *held(service, "peer-hosts")) == {"network"}


@pytest.mark.slow
def test_an_instance_leaves_vnics_and_boot_volume_behind(service: Service) -> None:
    world = service.world
    node = world.named(Instance, "node1")
    answer = move(service, f"/instances/{node.id}", "apps")
    assert answer.status_code == 202
    there = {"compartmentId": ocid(service, "apps")}
    assert names(get("/instances", **there)) == ["node1"]
    (attachment,) = get("/vnicAttachments", **there)
    assert attachment["instanceId"] == node.id
    here = {"compartmentId": world.compartment_id}
    assert node.id not in {a["instanceId"] for a in get("/vnicAttachments", **here)}
    assert places(service, *world.vnics_of(node.id)) == {"network"}
    where = {**there, "availabilityDomain": world.availability_domain}
    (disk,) = get("/bootVolumeAttachments", **where)
    volume = get(f"/bootVolumes/{disk['bootVolumeId']}")
    assert volume["compartmentId"] == world.compartment_id


@pytest.mark.slow
def test_a_move_is_refused(service: Service) -> None:
    node = service.world.named(Instance, "node1")
    path, there = f"/instances/{node.id}/actions/changeCompartment", "ocid1.x"
    assert post(path, {"compartmentId": there}).status_code == 404
    assert post(path, {}).json()["code"] == "MissingParameter"
    apps = {"compartmentId": ocid(service, "apps")}
    stale = {"if-match": "old"}
    answer = httpx2.post(CORE + path, json=apps, headers=stale)
    assert answer.json()["code"] == "NoEtagMatch"
    nat = f"/natGateways/{node.id}/actions/changeCompartment"
    assert post(nat, apps).status_code == 404
    httpx2.delete(f"{CORE}/instances/{node.id}")
    assert post(path, apps).json()["code"] == "IncorrectState"
    assert places(service, node) == {"network"}
