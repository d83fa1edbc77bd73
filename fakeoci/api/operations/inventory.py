"""Operations on the use of a network's addresses, and on its topology."""

from collections.abc import Sequence
from typing import Any

from fakeoci.api.bodies import body, time_text
from fakeoci.api.query import among, compartment, need
from fakeoci.api.service import Call, Operation, Result
from fakeoci.world.resources import (
    Address,
    Gateway,
    Instance,
    Nsg,
    PrivateIp,
    Resource,
    RouteTable,
    SecurityList,
    Subnet,
    Vcn,
    Vnic,
)

ACCESS_LEVELS = ("ANY", "ACCESSIBLE")


def _cidr_utilization(call: Call) -> Result:
    subnet = call.world.get(Subnet, call.path["id"])
    rows = [
        {
            "cidr": str(block),
            "utilization": round(100 * space.in_use(block) / block.num_addresses, 2),
            "addressType": f"Private_IPv{block.version}",
        }
        for space in call.world.blocks(subnet.id)
        for block in space.blocks
    ]
    return _inventory(call, subnet, "ipInventoryCidrUtilizationSummary", rows)


def _ip_inventory(call: Call) -> Result:
    world, subnet = call.world, call.world.get(Subnet, call.path["id"])
    rows = []
    for address in world.all(Address):
        if address.subnet_id != subnet.id:
            continue
        name = ""
        if address.vnic_id is not None:
            vnic = world.get(Vnic, address.vnic_id)
            name = world.get(Instance, vnic.instance_id).display_name
        rows.append(
            {
                "ipId": address.id,
                "ipAddress": address.ip_address,
                "ipAddressLifetime": address.lifetime.capitalize(),
                "parentCidr": str(
                    world.space(subnet.id, type(address)).block_of(address.ip_address)
                ),
                "assignedResourceName": name,
                "assignedResourceType": "Instance" if name else None,
                "isPrimary": address.is_primary,
                "addressType": "Private_IPv4"
                if isinstance(address, PrivateIp)
                else "Private_IPv6",
                "assignedTime": time_text(address.time_created),
            }
        )
    return _inventory(call, subnet, "ipInventorySubnetResourceSummary", rows)


def _inventory(
    call: Call, subnet: Subnet, field: str, rows: Sequence[object]
) -> Result:
    return Result(
        body={
            "count": len(rows),
            "lastUpdatedTimestamp": time_text(call.now),
            "compartmentId": subnet.compartment_id,
            "message": "",
            field: rows,
        }
    )


# Topology


def _subnet_topology(call: Call) -> Result:
    compartment(call)
    among(call, "accessLevel", ACCESS_LEVELS)
    subnet = call.world.get(Subnet, need(call, "subnetId"))
    vcn = call.world.get(Vcn, subnet.vcn_id)
    vnics = [v for v in call.world.all(Vnic) if v.subnet_id == subnet.id]
    topology = _topology(call, "SUBNET", [vcn, subnet, *vnics])
    return Result(body={**topology, "subnetId": subnet.id})


def _vcn_topology(call: Call) -> Result:
    compartment(call)
    among(call, "accessLevel", ACCESS_LEVELS)
    vcn = call.world.get(Vcn, need(call, "vcnId"))
    parts: list[Resource] = [vcn]
    for kind in (Subnet, RouteTable, SecurityList, Nsg, Gateway):
        parts += [n for n in call.world.all(kind) if getattr(n, "vcn_id", "") == vcn.id]
    subnets = {n.id for n in parts if isinstance(n, Subnet)}
    parts += [v for v in call.world.all(Vnic) if v.subnet_id in subnets]
    return Result(body={**_topology(call, "VCN", parts), "vcnId": vcn.id})


def _topology(call: Call, kind: str, parts: list[Resource]) -> dict[str, Any]:
    there = {n.id for n in parts}
    relations = []
    for resource in parts:
        above = getattr(resource, "subnet_id", "") or getattr(resource, "vcn_id", "")
        if above in there:
            relations.append(("CONTAINS", above, resource.id))
        if isinstance(resource, Subnet):
            ends = (resource.route_table_id, *resource.security_list_ids)
            relations += [
                ("ASSOCIATED_WITH", resource.id, e) for e in ends if e in there
            ]
        if isinstance(resource, Vnic):
            relations += [
                ("ASSOCIATED_WITH", resource.id, e)
                for e in resource.nsg_ids
                if e in there
            ]
    return {
        "type": kind,
        "entities": [
            {"type": type(n).__name__.upper(), **body(call.world, n)} for n in parts
        ],
        "relationships": [
            {"type": relation, "id1": one, "id2": two}
            for relation, one, two in relations
        ],
        "limitedEntities": [],
        "timeCreated": time_text(call.now),
    }


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GetSubnetCidrUtilization",
        "GET",
        "/ipInventory/subnets/{id}/cidrs",
        _cidr_utilization,
    ),
    Operation(
        "GetSubnetIpInventory", "GET", "/ipInventory/subnets/{id}", _ip_inventory
    ),
    Operation("GetSubnetTopology", "GET", "/subnetTopology", _subnet_topology),
    Operation("GetVcnTopology", "GET", "/vcnTopology", _vcn_topology),
)
