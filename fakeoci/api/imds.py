"""The instance metadata service v2, which knows its caller by the address.

Source: docs/oci.md#instance-metadata.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from fakeoci.api.bodies import shape_config
from fakeoci.api.service import Service
from fakeoci.world.errors import ServiceError
from fakeoci.world.resources import Instance, Ipv6, Subnet, Vnic
from fakeoci.world.world import World


def caller(world: World, address: str, vcn_id: str | None) -> Instance:
    """Return the instance with an address; only primary VNICs reach the service.

    Raises:
        ServiceError: 404, it is no primary VNIC's own address.
    """
    for held in world.at(address):
        if held.vnic_id is None:
            continue
        vnic = world.get(Vnic, held.vnic_id)
        subnet = world.get(Subnet, vnic.subnet_id)
        here = vcn_id in (None, subnet.vcn_id)
        own = held.is_primary or isinstance(held, Ipv6)
        if here and own and vnic.is_primary:
            return world.get(Instance, vnic.instance_id)
    raise ServiceError(404, "NotFound", f"{address} is no instance's primary address")


def address_of(world: World, name: str) -> str:
    """Return the primary address of the instance with a name.

    Raises:
        KeyError: no instance has the name.
    """
    return world.primary_ip(world.vnics_of(world.named(Instance, name).id)[0].id)


def instance_body(world: World, instance: Instance) -> dict[str, Any]:
    """Return the body of GET /opc/v2/instance/."""
    return {
        "availabilityDomain": world.availability_domain,
        "canonicalRegionName": world.region,
        "compartmentId": instance.compartment_id,
        "displayName": instance.display_name,
        "faultDomain": instance.fault_domain,
        "hostname": instance.display_name,
        "id": instance.id,
        "metadata": instance.metadata,
        "region": world.region_key,
        "regionInfo": {
            "realmDomainComponent": "oraclecloud.com",
            "realmKey": "oc1",
            "regionIdentifier": world.region,
            "regionKey": world.region_key.upper(),
        },
        "shape": instance.shape,
        "shapeConfig": shape_config(instance),
        "state": "Running",
        "timeCreated": int(instance.time_created * 1000),
    }


def vnics_body(
    world: World, instance: Instance, now: float = math.inf
) -> list[dict[str, Any]]:
    """Return the body of GET /opc/v2/vnics/, with all attached VNICs.

    It omits VNICs that are hidden from lists, and VNICs and IPv6s that are newer than
    ``[timing] imds_seconds``.  For IPv4 it has only the primary private IP and one
    CIDR block of the subnet.
    """
    arrived = now - world.settings.timing.imds_seconds
    return [
        _vnic_body(world, vnic, arrived)
        for vnic in world.vnics_of(instance.id)
        if vnic.lifecycle_state == "AVAILABLE"
        and vnic.attached_at <= arrived
        and world.hidden.get(vnic.id, 0.0) <= now
    ]


def _vnic_body(world: World, vnic: Vnic, arrived: float) -> dict[str, Any]:
    subnet = world.get(Subnet, vnic.subnet_id)
    document: dict[str, Any] = {
        "vnicId": vnic.id,
        "privateIp": world.primary_ip(vnic.id),
        "vlanTag": 0,
        "macAddr": vnic.mac_address,
        "virtualRouterIp": str(world.space(subnet.id).router),
        "subnetCidrBlock": subnet.cidr_blocks[0],
    }
    if subnet.ipv6_cidr_blocks:
        held = world.addresses_of(vnic.id, Ipv6)
        document |= {
            "ipv6Addresses": [a.ip_address for a in held if a.time_created <= arrived],
            "ipv6SubnetCidrBlock": subnet.ipv6_cidr_blocks[0],
            "ipv6VirtualRouterIp": str(world.space(subnet.id, Ipv6).router),
        }
    return document


def document(service: Service, instance: Instance, path: str) -> Any:
    """Return the document at a path: a structure, a value, or a PEM as bytes.

    Raises:
        ServiceError: 404, the path does not exist.
    """
    world = service.world
    certified = service.identities.certified
    pems: dict[str, Callable[[], bytes]] = {
        "identity/cert.pem": lambda: certified(instance).certificate_pem,
        "identity/key.pem": lambda: certified(instance).key_pem,
        "identity/intermediate.pem": service.identities.authority.root_pem,
    }
    if path in pems:
        return pems[path]()
    first, *steps = [part for part in path.split("/") if part] or [""]
    roots: dict[str, Callable[[World, Instance], Any]] = {
        "instance": instance_body,
        "vnics": partial(vnics_body, now=service.clock()),
    }
    if first not in roots:
        raise ServiceError(404, "NotFound", f"no {path}")
    found = roots[first](world, instance)
    for step in steps:
        try:
            numbered = isinstance(found, list) and step.isdecimal()
            found = found[int(step) if numbered else step]
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise ServiceError(404, "NotFound", f"no {path}") from error
    return found
