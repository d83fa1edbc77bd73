"""Every operation: name, method, path, and what it does (facts/oci.md §4.2)."""

import base64
import binascii
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from fakeoci.api import details
from fakeoci.api.bodies import body, rule_body, time_text
from fakeoci.api.service import Call, Result
from fakeoci.world import private_ips, vnics
from fakeoci.world.errors import ServiceError, invalid, missing
from fakeoci.world.nouns import (
    Gateway,
    Instance,
    Noun,
    Nsg,
    PortRange,
    PrivateIp,
    RouteTable,
    SecurityList,
    SecurityRule,
    Subnet,
    Vcn,
    Vnic,
    VnicAttachment,
    WorkRequest,
)

MOST_ITEMS = 1000


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the API."""

    name: str
    method: str
    path: str
    run: Callable[[Call], Result]


# Lists


def _page(call: Call, bodies: Sequence[Any]) -> Result:
    try:
        limit = min(MOST_ITEMS, int(call.query.get("limit", MOST_ITEMS)))
        token = call.query.get("page", "")
        start = int(base64.urlsafe_b64decode(token).decode()) if token else 0
    except (ValueError, binascii.Error) as error:
        raise invalid("limit or page is malformed") from error
    if limit < 1:
        raise invalid("limit must be at least 1")
    headers = {}
    if start + limit < len(bodies):
        following = base64.urlsafe_b64encode(str(start + limit).encode()).decode()
        headers["opc-next-page"] = following
    return Result(body=bodies[start : start + limit], headers=headers)


def _listed(call: Call, nouns: Iterable[Noun]) -> Result:
    """Return nouns, without those too new to be seen."""
    lag = call.world.settings.timing.consistency_seconds
    seen = [n for n in nouns if n.time_created + lag <= call.now]
    return _page(call, [body(call.world, n) for n in seen])


def _matching(call: Call, nouns: Iterable[Noun], **fields: str) -> list[Noun]:
    """Return the nouns whose fields are as the query's parameters say."""
    wanted = {f: call.query[q] for q, f in fields.items() if q in call.query}
    return [n for n in nouns if all(getattr(n, f) == v for f, v in wanted.items())]


def _one(call: Call, noun: Noun) -> Result:
    return Result(body=body(call.world, noun), headers={"etag": noun.etag})


def _need(call: Call, name: str) -> str:
    if name not in call.query:
        raise missing(f"the query parameter {name} is required")
    return call.query[name]


def _getter(kind: type[Noun]) -> Callable[[Call], Result]:
    return lambda call: _one(call, call.world.get(kind, call.path["id"]))


def _lister(kind: type[Noun]) -> Callable[[Call], Result]:
    def run(call: Call) -> Result:
        _need(call, "compartmentId")
        fields = {"compartmentId": "compartment_id", "displayName": "display_name"}
        if kind is not Vcn:
            fields["vcnId"] = "vcn_id"
        return _listed(call, _matching(call, call.world.all(kind), **fields))

    return run


# VNICs


def _list_attachments(call: Call) -> Result:
    _need(call, "compartmentId")
    found = _matching(
        call,
        call.world.all(VnicAttachment),
        compartmentId="compartment_id",
        instanceId="instance_id",
        vnicId="vnic_id",
    )
    return _listed(call, found)


def _attach_vnic(call: Call) -> Result:
    said = details.decode(call.body, details.AttachVnicDetails)
    new = said.create_vnic_details
    attachment = vnics.attach(
        call.world,
        said.instance_id,
        vnics.NewVnic(
            subnet_id=new.subnet_id,
            nsg_ids=new.nsg_ids,
            private_ip=new.private_ip,
            display_name=new.display_name or "",
            freeform_tags=_tags(new.freeform_tags),
            assign_public_ip=new.assign_public_ip,
            skip_source_dest_check=bool(new.skip_source_dest_check),
        ),
        display_name=said.display_name or "",
        nic_index=said.nic_index,
        now=call.now,
    )
    return _one(call, attachment)


def _tags(tags: dict[str, str]) -> dict[str, str]:
    for key in tags:
        if not key or "." in key or " " in key:
            raise invalid(f"freeform tag key {key!r} is not valid")
    return tags


def _detach_vnic(call: Call) -> Result:
    vnics.detach(call.world, call.path["id"], call.if_match, call.now)
    return Result(status=204)


def _update_vnic(call: Call) -> Result:
    said = details.decode(call.body, details.UpdateVnicDetails)
    vnic = call.world.get(Vnic, call.path["id"])
    call.world.match(vnic, call.if_match)
    if said.nsg_ids is not None:
        vcn_id = call.world.get(Subnet, vnic.subnet_id).vcn_id
        vnics.check_nsgs(call.world, said.nsg_ids, vcn_id)
        vnic.nsg_ids = said.nsg_ids
    if said.skip_source_dest_check is not None:
        vnic.skip_source_dest_check = said.skip_source_dest_check
    if said.display_name is not None:
        vnic.display_name = said.display_name
    if said.freeform_tags is not None:
        vnic.freeform_tags = _tags(said.freeform_tags)
    call.world.touch(vnic)
    return _one(call, vnic)


# Private IPs


def _list_private_ips(call: Call) -> Result:
    if not {"subnetId", "vnicId", "ipAddress"} & call.query.keys():
        raise missing("one of subnetId, vnicId or ipAddress is required")
    found = _matching(
        call,
        call.world.all(PrivateIp),
        subnetId="subnet_id",
        vnicId="vnic_id",
        ipAddress="ip_address",
        lifetime="lifetime",
    )
    return _listed(call, found)


def _new_private_ip(said: details._NewAddress) -> private_ips.NewPrivateIp:
    lifetime = said.lifetime or "EPHEMERAL"
    if lifetime not in ("EPHEMERAL", "RESERVED"):
        raise invalid(f"lifetime {lifetime!r} is not EPHEMERAL or RESERVED")
    return private_ips.NewPrivateIp(
        ip_address=said.ip_address,
        prefix_length=said.cidr_prefix_length or 32,
        lifetime=lifetime,
        display_name=said.display_name or "",
        freeform_tags=_tags(said.freeform_tags),
    )


def _create_private_ip(call: Call) -> Result:
    said = details.decode(call.body, details.CreatePrivateIpDetails)
    made = private_ips.create(
        call.world,
        _new_private_ip(said),
        vnic_id=said.vnic_id,
        subnet_id=said.subnet_id,
        now=call.now,
    )
    return _one(call, made)


def _update_private_ip(call: Call) -> Result:
    said = details.decode(call.body, details.UpdatePrivateIpDetails)
    world, id_ = call.world, call.path["id"]
    private_ip = private_ips.secondary(world, id_)
    if said.vnic_id is not None:
        private_ip = private_ips.move(world, id_, said.vnic_id, call.if_match)
    if said.display_name is not None:
        private_ip.display_name = said.display_name
    if said.freeform_tags is not None:
        private_ip.freeform_tags = _tags(said.freeform_tags)
    if said.lifetime is not None:
        private_ip.lifetime = said.lifetime
    world.touch(private_ip)
    return _one(call, private_ip)


def _delete_private_ip(call: Call) -> Result:
    private_ips.delete(call.world, call.path["id"], call.if_match)
    return Result(status=204)


def _bulk_create(call: Call) -> Result:
    _bulk_exists(call)
    said = details.decode(call.body, details.BulkCreatePrivateIpsDetails)
    if said.vnic_id is None:
        raise missing("vnicId is required")
    items = [_new_private_ip(i) for i in said.bulk_create_private_ip_item]
    request = private_ips.bulk_create(call.world, said.vnic_id, items, call.now)
    return Result(status=202, headers={"opc-work-request-id": request.id})


def _bulk_delete(call: Call) -> Result:
    _bulk_exists(call)
    said = details.decode(call.body, details.BulkDeletePrivateIpsDetails)
    if said.vnic_id is None:
        raise missing("vnicId is required")
    ids = [i.private_ip_id for i in said.bulk_delete_private_ip_item]
    request = private_ips.bulk_delete(call.world, said.vnic_id, ids, call.now)
    return Result(status=202, headers={"opc-work-request-id": request.id})


def _bulk_exists(call: Call) -> None:
    if not call.world.settings.behaviour.has_bulk:
        raise ServiceError(404, "NotFound", "no such operation")


# NSGs and work requests


def _nsg_rules(call: Call) -> Result:
    nsg = call.world.get(Nsg, call.path["id"])
    direction = call.query.get("direction")
    rules = [r for r in nsg.rules.values() if direction in (None, r.direction)]
    return _page(call, [rule_body(r, of_list=False) for r in rules])


def _nsg_vnics(call: Call) -> Result:
    nsg = call.world.get(Nsg, call.path["id"])
    members = [v for v in call.world.all(Vnic) if nsg.id in v.nsg_ids]
    return _page(
        call,
        [
            {"vnicId": v.id, "timeAssociated": time_text(v.time_created)}
            for v in members
        ],
    )


def _add_nsg_rules(call: Call) -> Result:
    said = details.decode(call.body, details.AddSecurityRulesDetails)
    nsg = call.world.get(Nsg, call.path["id"])
    if len(said.security_rules) > call.world.settings.limits.rules_per_call:
        raise invalid("at most 25 rules per call")
    added = [_rule(call, r) for r in said.security_rules]
    nsg.rules |= {r.id: r for r in added}
    call.world.touch(nsg)
    return Result(body={"securityRules": [rule_body(r, of_list=False) for r in added]})


def _rule(call: Call, said: details.AddSecurityRuleDetails) -> SecurityRule:
    ingress = said.direction == "INGRESS"
    peer = said.source if ingress else said.destination
    peer_type = said.source_type if ingress else said.destination_type
    if said.direction not in ("INGRESS", "EGRESS") or peer is None:
        raise invalid("a rule needs direction, and source or destination by it")
    options = said.tcp_options if said.protocol == "6" else said.udp_options
    ports = options.destination_port_range if options else None
    return SecurityRule(
        id=call.world.names.segment()[:6],
        direction=said.direction,
        protocol=said.protocol,
        peer=peer,
        peer_type=peer_type or "CIDR_BLOCK",
        ports=PortRange(min=ports.min, max=ports.max) if ports else None,
        icmp_type=said.icmp_options.type if said.icmp_options else None,
        description=said.description or "",
        is_stateless=said.is_stateless,
    )


def _remove_nsg_rules(call: Call) -> Result:
    said = details.decode(call.body, details.RemoveSecurityRulesDetails)
    nsg = call.world.get(Nsg, call.path["id"])
    unknown = [i for i in said.security_rule_ids if i not in nsg.rules]
    if unknown:
        raise invalid(f"no such rules: {', '.join(unknown)}")
    for rule_id in said.security_rule_ids:
        del nsg.rules[rule_id]
    call.world.touch(nsg)
    return Result(status=204)


def _work_request_errors(call: Call) -> Result:
    request = call.world.get(WorkRequest, call.path["id"])
    return _page(
        call,
        [
            {"code": code, "message": text, "timestamp": time_text(at)}
            for code, text, at in request.errors
        ],
    )


def _terminate_instance(call: Call) -> Result:
    instance = call.world.get(Instance, call.path["id"])
    call.world.match(instance, call.if_match)
    vnics.terminate(call.world, instance.id)
    return Result(status=204)


OPERATIONS: tuple[Operation, ...] = (
    Operation("ListVnicAttachments", "GET", "/vnicAttachments", _list_attachments),
    Operation("AttachVnic", "POST", "/vnicAttachments", _attach_vnic),
    Operation(
        "GetVnicAttachment", "GET", "/vnicAttachments/{id}", _getter(VnicAttachment)
    ),
    Operation("DetachVnic", "DELETE", "/vnicAttachments/{id}", _detach_vnic),
    Operation("GetVnic", "GET", "/vnics/{id}", _getter(Vnic)),
    Operation("UpdateVnic", "PUT", "/vnics/{id}", _update_vnic),
    Operation("ListPrivateIps", "GET", "/privateIps", _list_private_ips),
    Operation("CreatePrivateIp", "POST", "/privateIps", _create_private_ip),
    Operation(
        "BulkCreatePrivateIps",
        "POST",
        "/privateIps/actions/bulkCreatePrivateIps",
        _bulk_create,
    ),
    Operation(
        "BulkDeletePrivateIps",
        "POST",
        "/privateIps/actions/bulkDeletePrivateIps",
        _bulk_delete,
    ),
    Operation("GetPrivateIp", "GET", "/privateIps/{id}", _getter(PrivateIp)),
    Operation("UpdatePrivateIp", "PUT", "/privateIps/{id}", _update_private_ip),
    Operation("DeletePrivateIp", "DELETE", "/privateIps/{id}", _delete_private_ip),
    Operation("ListVcns", "GET", "/vcns", _lister(Vcn)),
    Operation("GetVcn", "GET", "/vcns/{id}", _getter(Vcn)),
    Operation("ListSubnets", "GET", "/subnets", _lister(Subnet)),
    Operation("GetSubnet", "GET", "/subnets/{id}", _getter(Subnet)),
    Operation("ListRouteTables", "GET", "/routeTables", _lister(RouteTable)),
    Operation("GetRouteTable", "GET", "/routeTables/{id}", _getter(RouteTable)),
    Operation("ListSecurityLists", "GET", "/securityLists", _lister(SecurityList)),
    Operation("GetSecurityList", "GET", "/securityLists/{id}", _getter(SecurityList)),
    Operation(
        "ListNetworkSecurityGroups", "GET", "/networkSecurityGroups", _lister(Nsg)
    ),
    Operation(
        "GetNetworkSecurityGroup", "GET", "/networkSecurityGroups/{id}", _getter(Nsg)
    ),
    Operation(
        "ListNetworkSecurityGroupSecurityRules",
        "GET",
        "/networkSecurityGroups/{id}/securityRules",
        _nsg_rules,
    ),
    Operation(
        "ListNetworkSecurityGroupVnics",
        "GET",
        "/networkSecurityGroups/{id}/vnics",
        _nsg_vnics,
    ),
    Operation(
        "AddNetworkSecurityGroupSecurityRules",
        "POST",
        "/networkSecurityGroups/{id}/actions/addSecurityRules",
        _add_nsg_rules,
    ),
    Operation(
        "RemoveNetworkSecurityGroupSecurityRules",
        "POST",
        "/networkSecurityGroups/{id}/actions/removeSecurityRules",
        _remove_nsg_rules,
    ),
    Operation("ListNatGateways", "GET", "/natGateways", _lister(Gateway)),
    Operation("GetInstance", "GET", "/instances/{id}", _getter(Instance)),
    Operation("TerminateInstance", "DELETE", "/instances/{id}", _terminate_instance),
    Operation("GetWorkRequest", "GET", "/workRequests/{id}", _getter(WorkRequest)),
    Operation(
        "ListWorkRequestErrors",
        "GET",
        "/workRequests/{id}/errors",
        _work_request_errors,
    ),
)
