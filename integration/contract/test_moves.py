"""Moves to another compartment by Oracle's clients, as Terraform makes them."""

from typing import Any

import pytest
from oci.core import models
from oci.exceptions import ServiceError

from fakeoci.world.resources import (
    CaptureFilter,
    DhcpOptions,
    Gateway,
    Instance,
    Nsg,
    Resource,
    RouteTable,
    SecurityList,
    Subnet,
    Vcn,
    Vnic,
    Vtap,
)
from integration.contract.conftest import Oracle
from integration.contract.networks import made_filter, made_vtap

SLOW = ("vcn", "subnet", "drg", "instance", "vtap")
"""Kinds that move under a work request, by the docstrings of Oracle's SDK."""


def details(resource: str, compartment: str) -> Any:
    kind = "".join(part.capitalize() for part in resource.split("_"))
    model = getattr(models, f"Change{kind}CompartmentDetails")
    return model(compartment_id=compartment)


def move(oracle: Oracle, resource: str, ocid: str, **more: Any) -> Any:
    """Move an object into the tenancy itself."""
    client = oracle.compute if resource == "instance" else oracle.network
    change = getattr(client, f"change_{resource}_compartment")
    return change(ocid, details(resource, oracle.config["tenancy"]), **more)


def ocid_of(oracle: Oracle, kind: type[Resource], gateway: str) -> str:
    """Return the OCID of an object; create a gateway that the world lacks."""
    network, vcn = oracle.network, oracle.vcn()
    common = {"compartment_id": oracle.compartment, "vcn_id": vcn}
    if gateway == "internet":
        body = models.CreateInternetGatewayDetails(**common, is_enabled=True)
        return str(network.create_internet_gateway(body).data.id)
    if gateway == "service":
        body = models.CreateServiceGatewayDetails(**common, services=[])
        return str(network.create_service_gateway(body).data.id)
    if kind is CaptureFilter:
        return made_filter(oracle)
    if kind is Vtap:
        return made_vtap(oracle, made_filter(oracle))
    every = oracle.cloud.service.world.all(kind)
    return next(n.id for n in every if getattr(n, "kind", "") == gateway)


@pytest.mark.parametrize(
    ("resource", "kind", "gateway"),
    [
        ("vcn", Vcn, ""),
        ("subnet", Subnet, ""),
        ("instance", Instance, ""),
        ("route_table", RouteTable, ""),
        ("security_list", SecurityList, ""),
        ("network_security_group", Nsg, ""),
        ("dhcp_options", DhcpOptions, ""),
        ("drg", Gateway, "drg"),
        ("internet_gateway", Gateway, "internet"),
        ("nat_gateway", Gateway, "nat"),
        ("service_gateway", Gateway, "service"),
        ("local_peering_gateway", Gateway, "peering"),
        ("capture_filter", CaptureFilter, ""),
        ("vtap", Vtap, ""),
    ],
)
def test_a_move(
    oracle: Oracle, resource: str, kind: type[Resource], gateway: str
) -> None:
    ocid = ocid_of(oracle, kind, gateway)
    client = oracle.compute if resource == "instance" else oracle.network
    answer = move(oracle, resource, ocid)
    got = getattr(client, f"get_{resource}")(ocid)
    assert got.data.compartment_id == oracle.config["tenancy"]
    assert got.headers["etag"] == answer.headers["etag"]
    assert answer.status == (202 if resource in SLOW else 204)
    if resource in SLOW:
        assert oracle.done(answer).status == "SUCCEEDED"
    else:
        assert "opc-work-request-id" not in answer.headers


def test_a_move_compares_the_etag_of_an_instance(oracle: Oracle) -> None:
    node = oracle.instance()
    etag = oracle.compute.get_instance(node).headers["etag"]
    move(oracle, "instance", node, if_match=etag)
    with pytest.raises(ServiceError) as caught:
        move(oracle, "instance", node, if_match=etag)
    assert (caught.value.status, caught.value.code) == (412, "NoEtagMatch")


def test_a_retry_token_moves_once(oracle: Oracle) -> None:
    token = "A" * 30
    answers = [
        move(oracle, "vcn", oracle.vcn(), opc_retry_token=token) for _ in range(2)
    ]
    assert len({a.headers["opc-work-request-id"] for a in answers}) == 1


def test_vnics_follow_the_vcn(oracle: Oracle) -> None:
    world = oracle.cloud.service.world
    (vnic,) = world.vnics_of(oracle.instance())
    before = oracle.network.get_vnic(vnic.id).data.compartment_id
    oracle.done(move(oracle, "vcn", oracle.vcn()))
    after = oracle.network.get_vnic(vnic.id).data.compartment_id
    assert (before, after) == (oracle.compartment, oracle.config["tenancy"])
    assert {v.compartment_id for v in world.all(Vnic)} == {before, after}
