"""Objects as OCI's JSON (docs/oci.md#bodies)."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from fakeoci.api.rule_bodies import capture_filter_body, rule_body
from fakeoci.api.service import CORE
from fakeoci.world.resources import (
    Address,
    CaptureFilter,
    DhcpOptions,
    DrgAttachment,
    Gateway,
    Instance,
    Ipv6,
    Nsg,
    PrivateIp,
    Resource,
    RouteTable,
    SecurityList,
    Subnet,
    Vcn,
    Vnic,
    VnicAttachment,
    Vtap,
    WorkRequest,
)
from fakeoci.world.services import SERVICES
from fakeoci.world.vtaps import is_running
from fakeoci.world.world import World

Body = dict[str, Any]
NAT_IP = "203.0.113.1"


def time_text(seconds: float) -> str:
    """Return a time as RFC 3339 with milliseconds."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _common(resource: Resource) -> Body:
    return {
        "id": resource.id,
        "compartmentId": resource.compartment_id,
        "displayName": resource.display_name,
        "timeCreated": time_text(resource.time_created),
        "freeformTags": resource.freeform_tags,
        "definedTags": {},
    }


def body(world: World, resource: Resource) -> Body:
    """Return an object's JSON."""
    fields = _common(resource)
    state = getattr(resource, "lifecycle_state", None)
    if state is not None:
        fields["lifecycleState"] = state
    return fields | _OWN[type(resource)](world, resource)


def _vcn(_world: World, vcn: Vcn) -> Body:
    label = vcn.dns_label
    return {
        "cidrBlock": vcn.cidr_blocks[0],
        "cidrBlocks": vcn.cidr_blocks,
        "ipv6CidrBlocks": vcn.ipv6_cidr_blocks,
        "dnsLabel": label or None,
        "vcnDomainName": f"{label}.oraclevcn.com" if label else None,
        "defaultRouteTableId": vcn.default_route_table_id or None,
        "defaultSecurityListId": vcn.default_security_list_id or None,
        "defaultDhcpOptionsId": vcn.default_dhcp_options_id or None,
    }


def _route_table(_world: World, table: RouteTable) -> Body:
    return {
        "vcnId": table.vcn_id,
        "routeRules": [
            {
                "destination": r.destination,
                "destinationType": r.destination_type,
                "networkEntityId": r.network_entity_id,
                "routeType": "STATIC",
                "description": r.description,
            }
            for r in table.rules
        ],
    }


def _security_list(_world: World, security: SecurityList) -> Body:
    fields: Body = {"vcnId": security.vcn_id}
    for direction in ("INGRESS", "EGRESS"):
        fields[f"{direction.lower()}SecurityRules"] = [
            rule_body(r, of_list=True)
            for r in security.rules
            if r.direction == direction
        ]
    return fields


def _nsg(_world: World, nsg: Nsg) -> Body:
    return {"vcnId": nsg.vcn_id}


def _gateway(world: World, gateway: Gateway) -> Body:
    fields: Body = {"vcnId": gateway.vcn_id}
    if gateway.kind == "internet":
        return fields | {"isEnabled": gateway.is_enabled}
    if gateway.kind == "nat":
        return fields | {"blockTraffic": not gateway.is_enabled, "natIp": NAT_IP}
    if gateway.kind == "peering":
        peer = world.objects.get(gateway.peer_id)
        vcn = world.objects.get(peer.vcn_id) if isinstance(peer, Gateway) else None
        cidrs = vcn.cidr_blocks if isinstance(vcn, Vcn) else []
        return fields | {
            "peerId": gateway.peer_id or None,
            "peeringStatus": "PEERED" if gateway.peer_id else "NEW",
            "isCrossTenancyPeering": False,
            "peerAdvertisedCidrDetails": cidrs,
        }
    if gateway.kind == "service":
        return fields | {
            "blockTraffic": not gateway.is_enabled,
            "services": [
                {"serviceId": s, "serviceName": SERVICES[s]}
                for s in gateway.service_ids
            ],
        }
    return {}  # a DRG has no VCN; its attachment has one


def _drg_attachment(_world: World, attachment: DrgAttachment) -> Body:
    return {
        "drgId": attachment.drg_id,
        "vcnId": attachment.vcn_id,
        "networkDetails": {"type": "VCN", "id": attachment.vcn_id},
    }


def _dhcp_options(_world: World, dhcp: DhcpOptions) -> Body:
    return {"vcnId": dhcp.vcn_id, "options": dhcp.options}


def _attachment(world: World, attachment: VnicAttachment) -> Body:
    fields: Body = {
        "instanceId": attachment.instance_id,
        "availabilityDomain": world.availability_domain,
        "nicIndex": attachment.nic_index,
        "subnetId": attachment.subnet_id,
    }
    if attachment.lifecycle_state != "ATTACHING":
        fields["vnicId"] = attachment.vnic_id
    return fields


def _subnet(world: World, subnet: Subnet) -> Body:
    v4, v6 = world.blocks(subnet.id)
    return {
        "vcnId": subnet.vcn_id,
        "cidrBlock": subnet.cidr_blocks[0] if v4.blocks else None,
        "ipv4CidrBlocks": subnet.cidr_blocks,
        "ipv6CidrBlock": subnet.ipv6_cidr_blocks[0] if v6.blocks else None,
        "ipv6CidrBlocks": subnet.ipv6_cidr_blocks,
        "virtualRouterIp": str(v4.router) if v4.blocks else None,
        "ipv6VirtualRouterIp": str(v6.router) if v6.blocks else None,
        "virtualRouterMac": "02:00:17:ff:ff:01",
        "routeTableId": subnet.route_table_id,
        "securityListIds": subnet.security_list_ids,
        "prohibitPublicIpOnVnic": subnet.prohibit_public_ip,
        "prohibitInternetIngress": subnet.prohibit_public_ip,
        "dnsLabel": subnet.dns_label or None,
        "dhcpOptionsId": subnet.dhcp_options_id or None,
        "availabilityDomain": None,
    }


def _instance(world: World, instance: Instance) -> Body:
    return {
        "availabilityDomain": world.availability_domain,
        "faultDomain": instance.fault_domain,
        "imageId": instance.image_id,
        "sourceDetails": instance.source
        or {"sourceType": "image", "imageId": instance.image_id},
        "region": world.region_key,
        "shape": instance.shape,
        "shapeConfig": shape_config(instance),
        "metadata": instance.metadata,
    }


def shape_config(instance: Instance) -> Body:
    """Return an instance's ``shapeConfig``, the same for the API and IMDS."""
    return {
        "ocpus": instance.ocpus,
        "memoryInGBs": instance.gigabytes or instance.ocpus * 8,
        "maxVnicAttachments": instance.max_vnic_attachments,
        "networkingBandwidthInGbps": instance.ocpus,
    }


def _vnic(world: World, vnic: Vnic) -> Body:
    return {
        "availabilityDomain": world.availability_domain,
        "macAddress": vnic.mac_address.upper(),
        "privateIp": world.primary_ip(vnic.id),
        "publicIp": vnic.public_ip,
        "isPrimary": vnic.is_primary,
        "subnetId": vnic.subnet_id,
        "ipv6Addresses": [a.ip_address for a in world.addresses_of(vnic.id, Ipv6)],
        "hostnameLabel": vnic.hostname_label or None,
        "routeTableId": vnic.route_table_id or None,
        "nsgIds": vnic.nsg_ids,
        "skipSourceDestCheck": vnic.skip_source_dest_check,
    }


def _address(address: Address) -> Body:
    return {
        "ipAddress": address.ip_address,
        "cidrPrefixLength": address.prefix_length,
        "subnetId": address.subnet_id,
        "vnicId": address.vnic_id,
        "ipState": address.ip_state,
        "lifetime": address.lifetime,
        "routeTableId": address.route_table_id or None,
    }


def _private_ip(world: World, private_ip: PrivateIp) -> Body:
    space = world.space(private_ip.subnet_id)
    return {
        **_address(private_ip),
        "availabilityDomain": None,
        "isPrimary": private_ip.is_primary,
        "hostnameLabel": private_ip.hostname_label or None,
        "ipv4SubnetCidrAtCreation": str(space.block_of(private_ip.ip_address)),
    }


def _ipv6(_world: World, ipv6: Ipv6) -> Body:
    return {**_address(ipv6), "hostname": ipv6.hostname_label or None}


def _work_request(_world: World, request: WorkRequest) -> Body:
    done = request.time_finished is not None
    fields: Body = {
        "operationType": request.operation_type,
        "status": request.status if done else "IN_PROGRESS",
        "percentComplete": 100.0 if done else 10.0,
        "timeAccepted": time_text(request.time_created),
        "timeStarted": time_text(request.time_created),
        "resources": [
            {
                "entityType": entity,
                "actionType": action,
                "identifier": identifier,
                "entityUri": f"{CORE}/{entity}s/{identifier}",
            }
            for entity, action, identifier in request.resources
        ],
    }
    if request.time_finished is not None:
        fields["timeFinished"] = time_text(request.time_finished)
    return fields


def _vtap(world: World, vtap: Vtap) -> Body:
    of_subnet = isinstance(world.objects.get(vtap.source_id), Subnet)
    return {
        "vcnId": vtap.vcn_id,
        "sourceId": vtap.source_id,
        "sourceType": "SUBNET" if of_subnet else "VNIC",
        "targetId": vtap.target_id or None,
        "targetIp": vtap.target_ip or None,
        "targetType": "VNIC" if vtap.target_id else "IP_ADDRESS",
        "captureFilterId": vtap.capture_filter_id,
        "encapsulationProtocol": "VXLAN",
        "vxlanNetworkIdentifier": vtap.vxlan_network_identifier,
        "isVtapEnabled": vtap.is_enabled,
        "lifecycleStateDetails": "RUNNING" if is_running(world, vtap) else "STOPPED",
        "trafficMode": vtap.traffic_mode,
        "maxPacketSize": vtap.max_packet_size,
    }


_OWN: dict[type[Resource], Callable[[World, Any], Body]] = {
    Vcn: _vcn,
    Subnet: _subnet,
    RouteTable: _route_table,
    SecurityList: _security_list,
    Nsg: _nsg,
    Gateway: _gateway,
    DrgAttachment: _drg_attachment,
    DhcpOptions: _dhcp_options,
    Instance: _instance,
    Vnic: _vnic,
    VnicAttachment: _attachment,
    PrivateIp: _private_ip,
    Ipv6: _ipv6,
    CaptureFilter: lambda _world, made: capture_filter_body(made),
    Vtap: _vtap,
    WorkRequest: _work_request,
}
