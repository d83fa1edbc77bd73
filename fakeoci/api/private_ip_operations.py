"""Operations on private IPs, single and in bulk."""

from fakeoci.api import details
from fakeoci.api.listing import checked_tags, listed, matching, one
from fakeoci.api.service import Call, Result
from fakeoci.world import private_ips
from fakeoci.world.errors import ServiceError, invalid, missing
from fakeoci.world.nouns import PrivateIp


def list_private_ips(call: Call) -> Result:
    """ListPrivateIps."""
    if not {"subnetId", "vnicId", "ipAddress"} & call.query.keys():
        raise missing("one of subnetId, vnicId or ipAddress is required")
    found = matching(
        call,
        call.world.all(PrivateIp),
        subnetId="subnet_id",
        vnicId="vnic_id",
        ipAddress="ip_address",
        lifetime="lifetime",
    )
    return listed(call, found)


def _new_private_ip(said: details._NewAddress) -> private_ips.NewPrivateIp:
    lifetime = said.lifetime or "EPHEMERAL"
    if lifetime not in ("EPHEMERAL", "RESERVED"):
        raise invalid(f"lifetime {lifetime!r} is not EPHEMERAL or RESERVED")
    return private_ips.NewPrivateIp(
        ip_address=said.ip_address,
        prefix_length=said.cidr_prefix_length or 32,
        lifetime=lifetime,
        display_name=said.display_name or "",
        freeform_tags=checked_tags(said.freeform_tags),
    )


def create_private_ip(call: Call) -> Result:
    """CreatePrivateIp."""
    said = details.decode(call.body, details.CreatePrivateIpDetails)
    made = private_ips.create(
        call.world,
        _new_private_ip(said),
        vnic_id=said.vnic_id,
        subnet_id=said.subnet_id,
        now=call.now,
    )
    return one(call, made)


def update_private_ip(call: Call) -> Result:
    """UpdatePrivateIp."""
    said = details.decode(call.body, details.UpdatePrivateIpDetails)
    world, id_ = call.world, call.path["id"]
    private_ip = private_ips.secondary(world, id_)
    if said.vnic_id is not None:
        private_ip = private_ips.move(world, id_, said.vnic_id, call.if_match)
    if said.display_name is not None:
        private_ip.display_name = said.display_name
    if said.freeform_tags is not None:
        private_ip.freeform_tags = checked_tags(said.freeform_tags)
    if said.lifetime is not None:
        private_ip.lifetime = said.lifetime
    world.touch(private_ip)
    return one(call, private_ip)


def delete_private_ip(call: Call) -> Result:
    """DeletePrivateIp."""
    private_ips.delete(call.world, call.path["id"], call.if_match)
    return Result(status=204)


def bulk_create(call: Call) -> Result:
    """BulkCreatePrivateIps."""
    _bulk_exists(call)
    said = details.decode(call.body, details.BulkCreatePrivateIpsDetails)
    if said.vnic_id is None:
        raise missing("vnicId is required")
    items = [_new_private_ip(i) for i in said.bulk_create_private_ip_item]
    request = private_ips.bulk_create(call.world, said.vnic_id, items, call.now)
    return Result(status=202, headers={"opc-work-request-id": request.id})


def bulk_delete(call: Call) -> Result:
    """BulkDeletePrivateIps."""
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
