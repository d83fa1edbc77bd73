"""Requests that OCI refuses: tables by topic; each row names its source."""

from dataclasses import dataclass, field
from typing import Any

from fakeoci.api.service import Service
from fakeoci.world import vnics
from fakeoci.world.networks import create_vcn
from fakeoci.world.resources import (
    CaptureFilter,
    CaptureRule,
    DhcpOptions,
    Gateway,
    Instance,
    Nsg,
    Resource,
    RouteTable,
    SecurityList,
    Subnet,
    Vcn,
    VnicAttachment,
)
from fakeoci.world.subnets import NewSubnet, create_subnet

REFERENCE = "API reference"
"""Oracle's reference of the Core Services API: lengths, ranges, allowed values."""
SDK = "SDK docstring"
"""The docstrings of Oracle's Python SDK: those of its models and operations."""
ERRORS = "API errors page"
"""Oracle's page of error codes; docs/oci.md#errors."""
DNS = "DNS page"
"""DNS in Your Virtual Cloud Network: length and characters of labels, hostnames."""
NETWORKING = "Networking overview"
"""Sizes of VCNs and subnets, and addresses reserved for Oracle."""
TAGGING = "Tagging overview"
"""Numbers and lengths of tags."""
LIMITS = "Service limits page"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A request and OCI's answer.

    ``{name}`` in target and body is the OCID of an object of the default world.
    """

    what: str
    ask: str
    """Method and target."""
    body: Any = None
    answer: tuple[int, str]
    """Status and code; (200, "") if the request is accepted."""
    source: str
    headers: dict[str, str] = field(default_factory=dict)


def refused(
    what: str, ask: str, body: Any = None, *, source: str, code: str = ""
) -> Row:
    """Return a row that is answered with 400."""
    answer = (400, code or "InvalidParameter")
    return Row(what=what, ask=ask, body=body, answer=answer, source=source)


def unknown(what: str, ask: str, body: Any = None, *, source: str = ERRORS) -> Row:
    """Return a row that is answered with 404."""
    answer = (404, "NotAuthorizedOrNotFound")
    return Row(what=what, ask=ask, body=body, answer=answer, source=source)


def accepted(what: str, ask: str, body: Any = None, *, source: str) -> Row:
    """Return a row of a request that is just allowed."""
    return Row(what=what, ask=ask, body=body, answer=(200, ""), source=source)


def filled(value: Any, ids: dict[str, str]) -> Any:
    """Return a body or target with names replaced by OCIDs."""
    if isinstance(value, str):
        for name, ocid in ids.items():
            value = value.replace(f"{{{name}}}", ocid)
        return value
    if isinstance(value, dict):
        return {k: filled(v, ids) for k, v in value.items()}
    if isinstance(value, list):
        return [filled(v, ids) for v in value]
    return value


def names_in(service: Service) -> dict[str, str]:
    """Create a VCN with DNS labels; return the OCIDs that rows name.

    ``full`` is an instance with as many VNICs as its shape takes.
    """
    world = service.world
    labelled = create_vcn(
        world,
        compartment_id=world.compartment_id,
        cidr_blocks=["10.9.0.0/16"],
        display_name="labelled",
        dns_label="labelled",
        freeform_tags={},
        with_ipv6=True,
        now=0.0,
    )
    create_subnet(
        world,
        NewSubnet(
            vcn_id=labelled.id,
            cidr_blocks=["10.9.0.0/24"],
            display_name="labelled",
            dns_label="named",
        ),
        compartment_id=world.compartment_id,
        now=0.0,
    )
    node, full = world.named(Instance, "node1"), world.named(Instance, "peer-host")
    hosts = world.named(Subnet, "peer-hosts")
    vnics.attach(world, full.id, vnics.NewVnic(subnet_id=hosts.id), now=0.0)
    world.advance(60.0)
    vnic = world.vnics_of(node.id)[0]
    main, peer = world.named(Vcn, "main"), world.named(Vcn, "peer")
    attachment = next(a for a in world.all(VnicAttachment) if a.vnic_id == vnic.id)
    captures = world.add(
        CaptureFilter(
            id=world.names.ocid("capturefilter"),
            compartment_id=world.compartment_id,
            rules=[CaptureRule(direction="EGRESS")],
        )
    )
    chosen: dict[str, Resource] = {
        "main": main,
        "peer": peer,
        "labelled": labelled,
        "labelled-subnet": world.named(Subnet, "labelled"),
        "nodes": world.named(Subnet, "nodes"),
        "pods": world.named(Subnet, "pods"),
        "nsg": world.named(Nsg, "pods"),
        "nat": world.named(Gateway, "nat"),
        "drg": world.named(Gateway, "to-office"),
        "lpg": world.named(Gateway, "to-peer"),
        "peer-lpg": world.named(Gateway, "to-main"),
        "routes": world.named(RouteTable, "pods"),
        "list": world.named(SecurityList, "pods"),
        "dhcp": next(d for d in world.all(DhcpOptions) if d.vcn_id == main.id),
        "peer-dhcp": next(d for d in world.all(DhcpOptions) if d.vcn_id == peer.id),
        "node1": node,
        "full": full,
        "vnic": vnic,
        "peer-vnic": world.vnics_of(full.id)[0],
        "filter": captures,
        "attachment": attachment,
        "primary-ip": world.private_ips_of(vnic.id)[0],
    }
    ids = {name: resource.id for name, resource in chosen.items()}
    ids |= {
        "compartment": world.compartment_id,
        "tenancy": world.tenancy_id,
        "domain": world.availability_domain,
        "default-routes": main.default_route_table_id,
        "default-list": main.default_security_list_id,
        "peer-routes": peer.default_route_table_id,
        "peer-list": peer.default_security_list_id,
    }
    return ids
