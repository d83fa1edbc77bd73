"""Operations on private IPs and IPv6s, single and in bulk."""

from collections.abc import Callable, Sequence

from fakeoci.api.answers import listed, one, work_started
from fakeoci.api.crud import getter
from fakeoci.api.details.base import decode
from fakeoci.api.details.ips import (
    BulkCreateIpv6sDetails,
    BulkCreatePrivateIpsDetails,
    BulkDeleteIpv6sDetails,
    BulkDeletePrivateIpsDetails,
    BulkDetachIpv6sDetails,
    BulkDetachPrivateIpsDetails,
    BulkUpdateIpv6sDetails,
    BulkUpdatePrivateIpsDetails,
    ChangedIpv6,
    ChangedPrivateIp,
    CreateIpv6Details,
    CreatePrivateIpDetails,
    NewIpv6,
    NewPrivateIp,
    UpdateIpv6Details,
    UpdatePrivateIpDetails,
)
from fakeoci.api.query import among, check_known, matching
from fakeoci.api.service import Call, Operation, Result
from fakeoci.world import bulk, ips
from fakeoci.world.errors import ServiceError, invalid, missing
from fakeoci.world.resources import Address, Ipv6, PrivateIp, Subnet, Vnic, WorkRequest

Kind = type[Address]


def _lister(kind: Kind) -> Callable[[Call], Result]:
    def run(call: Call) -> Result:
        if not {"subnetId", "vnicId"} & call.query.keys():
            raise missing("subnetId or vnicId is required, ipAddress alone will not do")
        check_known(call, subnetId=Subnet, vnicId=Vnic)
        among(call, "lifetime", ips.LIFETIMES)
        among(call, "ipState", ("ASSIGNED", "AVAILABLE"))
        vnic_id = call.query.get("vnicId")
        some = call.world.all(kind)
        if vnic_id is not None:
            some = call.world.addresses_of(vnic_id, kind)
        found = matching(
            call,
            some,
            subnetId="subnet_id",
            vnicId="vnic_id",
            lifetime="lifetime",
            ipState="ip_state",
        )
        text = call.query.get("ipAddress")
        if text is not None:
            wanted = ips.canonical(text, kind)
            found = [a for a in found if a.ip_address == wanted]
        return listed(call, found)

    return run


def _new(details: NewPrivateIp | NewIpv6) -> ips.NewAddress:
    new = ips.NewAddress(
        ip_address=details.ip_address,
        prefix_length=details.cidr_prefix_length,
        lifetime=details.lifetime or "EPHEMERAL",
        route_table_id=details.route_table_id or "",
        display_name=details.display_name or "",
        freeform_tags=dict(details.freeform_tags or {}),
    )
    if isinstance(details, NewIpv6):
        new.kind = Ipv6
        new.subnet_cidr = details.ipv6_subnet_cidr
        new.hostname_label = details.hostname or ""
    else:
        new.subnet_cidr = details.ipv4_subnet_cidr_at_creation
        new.hostname_label = details.hostname_label or ""
    return new


def _changed(details: ChangedPrivateIp | ChangedIpv6) -> ips.Changed:
    label = (
        details.hostname if isinstance(details, ChangedIpv6) else details.hostname_label
    )
    return ips.Changed(
        lifetime=details.lifetime,
        route_table_id=details.route_table_id,
        hostname_label=label,
        display_name=details.display_name,
        freeform_tags=details.freeform_tags,
    )


def _create_private_ip(call: Call) -> Result:
    details = decode(call.body, CreatePrivateIpDetails)
    if details.vlan_id is not None:
        raise invalid("vlanId: this fake has no VLANs")
    return _create(call, details, details.vnic_id, details.subnet_id)


def _create_ipv6(call: Call) -> Result:
    details = decode(call.body, CreateIpv6Details)
    return _create(call, details, details.vnic_id, details.subnet_id)


def _create(
    call: Call,
    details: NewPrivateIp | NewIpv6,
    vnic_id: str | None,
    subnet_id: str | None,
) -> Result:
    new = _new(details)
    made = ips.create(
        call.world, new, vnic_id=vnic_id, subnet_id=subnet_id, now=call.now
    )
    return one(call, made)


def _update_private_ip(call: Call) -> Result:
    details = decode(call.body, UpdatePrivateIpDetails)
    return _update(call, PrivateIp, _changed(details), details.vnic_id)


def _update_ipv6(call: Call) -> Result:
    details = decode(call.body, UpdateIpv6Details)
    return _update(call, Ipv6, _changed(details), details.vnic_id)


def _update(
    call: Call, kind: Kind, changed: ips.Changed, vnic_id: str | None
) -> Result:
    world, id_ = call.world, call.path["id"]
    address = ips.secondary(world, id_, kind)
    world.match(address, call.if_match)
    ips.check_changed(world, address, changed)
    if vnic_id is not None:
        ips.move(world, id_, vnic_id, None, kind)
    ips.update(world, address, changed)
    return one(call, address)


def _deleter(kind: Kind) -> Callable[[Call], Result]:
    def run(call: Call) -> Result:
        ips.delete(call.world, call.path["id"], call.if_match, kind)
        return Result(status=204)

    return run


def _detacher(kind: Kind) -> Callable[[Call], Result]:
    def run(call: Call) -> Result:
        address = ips.detach(call.world, call.path["id"], call.if_match, kind)
        return one(call, address)

    return run


# In bulk


def _bulk_exists(call: Call, items: int) -> None:
    settings = call.world.settings
    if not settings.behaviour.has_bulk:
        raise ServiceError(404, "NotFound", "no such operation")
    most = settings.limits.items_per_bulk
    if most and items > most:
        raise invalid(f"at most {most} items in one bulk action")


def _bulk_create_private_ips(call: Call) -> Result:
    details = decode(call.body, BulkCreatePrivateIpsDetails)
    items = [_new(i) for i in details.bulk_create_private_ip_item]
    return _bulk_create(call, items, details.vnic_id, details.subnet_id)


def _bulk_create_ipv6s(call: Call) -> Result:
    details = decode(call.body, BulkCreateIpv6sDetails)
    items = [_new(i) for i in details.bulk_create_ipv6s_item]
    return _bulk_create(call, items, details.vnic_id, details.subnet_id)


def _bulk_create(
    call: Call,
    items: Sequence[ips.NewAddress],
    vnic_id: str | None,
    subnet_id: str | None,
) -> Result:
    _bulk_exists(call, len(items))
    return work_started(
        bulk.create(
            call.world, items, vnic_id=vnic_id, subnet_id=subnet_id, now=call.now
        )
    )


def _bulk_delete_private_ips(call: Call) -> Result:
    details = decode(call.body, BulkDeletePrivateIpsDetails)
    ids = [i.private_ip_id for i in details.bulk_delete_private_ip_item]
    return _bulk(call, "DELETE", PrivateIp, ids, details.vnic_id, details.subnet_id)


def _bulk_delete_ipv6s(call: Call) -> Result:
    details = decode(call.body, BulkDeleteIpv6sDetails)
    ids = [i.ipv6_id for i in details.bulk_delete_ipv6s_item]
    return _bulk(call, "DELETE", Ipv6, ids, details.vnic_id, details.subnet_id)


def _bulk_detach_private_ips(call: Call) -> Result:
    details = decode(call.body, BulkDetachPrivateIpsDetails)
    ids = [i.private_ip_id for i in details.bulk_detach_private_ip_item]
    return _bulk(call, "DETACH", PrivateIp, ids, details.vnic_id)


def _bulk_detach_ipv6s(call: Call) -> Result:
    details = decode(call.body, BulkDetachIpv6sDetails)
    ids = [i.ipv6_id for i in details.bulk_detach_ipv6s_item]
    return _bulk(call, "DETACH", Ipv6, ids, details.vnic_id)


def _bulk(
    call: Call,
    verb: str,
    kind: Kind,
    ids: Sequence[str],
    vnic_id: str | None,
    subnet_id: str | None = None,
) -> Result:
    changes = {i: ips.Changed() for i in ids}
    return work_started(_change(call, verb, changes, kind, vnic_id, subnet_id))


def _bulk_update_private_ips(call: Call) -> Result:
    details = decode(call.body, BulkUpdatePrivateIpsDetails)
    changes = {
        i.private_ip_id: _changed(i) for i in details.bulk_update_private_ip_item
    }
    return work_started(_change(call, "UPDATE", changes, PrivateIp, details.vnic_id))


def _bulk_update_ipv6s(call: Call) -> Result:
    details = decode(call.body, BulkUpdateIpv6sDetails)
    changes = {i.ipv6_id: _changed(i) for i in details.bulk_update_ipv6s_item}
    return work_started(_change(call, "UPDATE", changes, Ipv6, details.vnic_id))


def _change(
    call: Call,
    verb: str,
    changes: dict[str, ips.Changed],
    kind: Kind,
    vnic_id: str | None,
    subnet_id: str | None = None,
) -> WorkRequest:
    _bulk_exists(call, len(changes))
    return bulk.change(
        call.world,
        verb,
        changes,
        kind=kind,
        vnic_id=vnic_id,
        subnet_id=subnet_id,
        now=call.now,
    )


_V4, _V6 = "/privateIps", "/ipv6"
OPERATIONS: tuple[Operation, ...] = (
    Operation("ListPrivateIps", "GET", _V4, _lister(PrivateIp)),
    Operation("CreatePrivateIp", "POST", _V4, _create_private_ip),
    Operation(
        "BulkCreatePrivateIps",
        "POST",
        f"{_V4}/actions/bulkCreatePrivateIps",
        _bulk_create_private_ips,
    ),
    Operation(
        "BulkDeletePrivateIps",
        "POST",
        f"{_V4}/actions/bulkDeletePrivateIps",
        _bulk_delete_private_ips,
    ),
    Operation(
        "BulkDetachPrivateIps",
        "POST",
        f"{_V4}/actions/bulkDetachPrivateIps",
        _bulk_detach_private_ips,
    ),
    Operation(
        "BulkUpdatePrivateIps",
        "POST",
        f"{_V4}/actions/bulkUpdatePrivateIps",
        _bulk_update_private_ips,
    ),
    Operation("GetPrivateIp", "GET", f"{_V4}/{{id}}", getter(PrivateIp)),
    Operation("UpdatePrivateIp", "PUT", f"{_V4}/{{id}}", _update_private_ip),
    Operation("DeletePrivateIp", "DELETE", f"{_V4}/{{id}}", _deleter(PrivateIp)),
    Operation(
        "PrivateIpVnicDetach",
        "POST",
        f"{_V4}/{{id}}/actions/detach",
        _detacher(PrivateIp),
    ),
    Operation("ListIpv6s", "GET", _V6, _lister(Ipv6)),
    Operation("CreateIpv6", "POST", _V6, _create_ipv6),
    Operation(
        "BulkCreateIpv6s", "POST", f"{_V6}/actions/bulkCreateIpv6s", _bulk_create_ipv6s
    ),
    Operation(
        "BulkDeleteIpv6s", "POST", f"{_V6}/actions/bulkDeleteIpv6s", _bulk_delete_ipv6s
    ),
    Operation(
        "BulkDetachIpv6s", "POST", f"{_V6}/actions/bulkDetachIpv6s", _bulk_detach_ipv6s
    ),
    Operation(
        "BulkUpdateIpv6s", "POST", f"{_V6}/actions/bulkUpdateIpv6s", _bulk_update_ipv6s
    ),
    Operation("GetIpv6", "GET", f"{_V6}/{{id}}", getter(Ipv6)),
    Operation("UpdateIpv6", "PUT", f"{_V6}/{{id}}", _update_ipv6),
    Operation("DeleteIpv6", "DELETE", f"{_V6}/{{id}}", _deleter(Ipv6)),
    Operation(
        "Ipv6VnicDetach", "POST", f"{_V6}/{{id}}/actions/detach", _detacher(Ipv6)
    ),
)
