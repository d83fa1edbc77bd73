"""Operations on VTAPs and capture filters."""

from dataclasses import replace
from typing import Any

from fakeoci.api.answers import SORTS, listed, one, work_started
from fakeoci.api.crud import changing, deleter, getter, lister, names, rename
from fakeoci.api.details.base import decode
from fakeoci.api.details.vtaps import (
    CreateCaptureFilterDetails,
    CreateVtapDetails,
    UpdateCaptureFilterDetails,
    UpdateVtapDetails,
    VtapCaptureFilterRuleDetails,
)
from fakeoci.api.operations.rules import traffic
from fakeoci.api.query import check_known, compartment, in_state, matching
from fakeoci.api.service import Call, Operation, Result
from fakeoci.world import vtaps, work
from fakeoci.world.errors import invalid
from fakeoci.world.resources import (
    CaptureFilter,
    CaptureRule,
    Subnet,
    Vcn,
    Vnic,
    Vtap,
    WorkRequest,
)

# Capture filters


def _rule(details: VtapCaptureFilterRuleDetails) -> CaptureRule:
    return CaptureRule(
        direction=details.traffic_direction,
        includes=details.rule_action == "INCLUDE",
        source=details.source_cidr or "",
        destination=details.destination_cidr or "",
        **traffic(details, details.protocol or "all"),
    )


def _rules(
    details: CreateCaptureFilterDetails | UpdateCaptureFilterDetails,
) -> list[CaptureRule]:
    if details.flow_log_capture_filter_rules is not None:
        raise invalid("flowLogCaptureFilterRules: this fake has filters of VTAPs only")
    rules = [_rule(r) for r in details.vtap_capture_filter_rules or ()]
    vtaps.check_rules(rules)
    return rules


def _create_filter(call: Call) -> Result:
    details = decode(call.body, CreateCaptureFilterDetails)
    if details.filter_type != "VTAP":
        raise invalid("filterType: this fake has filters of VTAPs only")
    made = CaptureFilter(
        rules=_rules(details),
        compartment_id=call.world.compartment(details.compartment_id),
        **names(call, "capturefilter", details),
    )
    return one(call, call.world.add(made))


def _update_filter(call: Call) -> Result:
    details = decode(call.body, UpdateCaptureFilterDetails)
    made = changing(call, CaptureFilter)
    if details.vtap_capture_filter_rules is not None:
        made.rules = _rules(details)
    rename(made, details)
    call.world.touch(made)
    return one(call, made)


# VTAPs


def _check_types(
    call: Call, vtap: Vtap, source: str | None, target: str | None
) -> None:
    """Raise 400 if a body names types that source or target do not have."""
    held = call.world.objects.get(vtap.source_id)
    kind = {Vnic: "VNIC", Subnet: "SUBNET"}.get(type(held))
    if source not in (None, kind):
        raise invalid(
            f"sourceType {source}: this fake has VNICs and subnets as sources"
        )
    if target not in (None, "VNIC" if vtap.target_id else "IP_ADDRESS"):
        raise invalid(f"targetType {target}: this fake has VNICs and private IPs")


def _create_vtap(call: Call) -> Result:
    details, world = decode(call.body, CreateVtapDetails), call.world
    identifier = details.vxlan_network_identifier
    vtap = Vtap(
        vcn_id=world.get(Vcn, details.vcn_id).id,
        source_id=details.source_id,
        capture_filter_id=details.capture_filter_id,
        target_id=details.target_id or "",
        target_ip=details.target_ip or "",
        vxlan_network_identifier=(
            vtaps.fresh_identifier(world) if identifier is None else identifier
        ),
        is_enabled=bool(details.is_vtap_enabled),
        traffic_mode=details.traffic_mode or "DEFAULT",
        max_packet_size=details.max_packet_size or MAX_PACKET_SIZE,
        compartment_id=world.compartment(details.compartment_id),
        **names(call, "vtap", details),
    )
    vtaps.check_vtap(world, vtap)
    _check_types(call, vtap, details.source_type, details.target_type)
    return one(call, world.add(vtap))


def _update_vtap(call: Call) -> Result:
    details, world = decode(call.body, UpdateVtapDetails), call.world
    vtap = changing(call, Vtap)
    changes: dict[str, Any] = {
        name: value
        for name, value in (
            ("source_id", details.source_id),
            ("capture_filter_id", details.capture_filter_id),
            ("vxlan_network_identifier", details.vxlan_network_identifier),
            ("is_enabled", details.is_vtap_enabled),
            ("traffic_mode", details.traffic_mode),
            ("max_packet_size", details.max_packet_size),
        )
        if value is not None
    }
    if details.target_id is not None or details.target_ip is not None:
        changes |= {
            "target_id": details.target_id or "",
            "target_ip": details.target_ip or "",
        }
    wanted = replace(vtap, **changes)
    # A VTAP whose source or target is gone can be stopped and renamed.
    if changes.keys() & ENDS:
        vtaps.check_vtap(world, wanted)
    _check_types(call, wanted, details.source_type, details.target_type)
    for name, value in changes.items():
        setattr(vtap, name, value)
    rename(vtap, details)
    world.touch(vtap)
    request = _started(call, vtap, "UPDATE_VTAP", "UPDATED")
    answer = one(call, vtap)
    headers = {**answer.headers, "opc-work-request-id": request.id}
    return replace(answer, headers=headers)


def _started(call: Call, vtap: Vtap, operation: str, action: str) -> WorkRequest:
    due = call.now + call.world.settings.timing.bulk_seconds
    return work.note(call.world, vtap, operation, action, now=call.now, due=due)


def _delete_vtap(call: Call) -> Result:
    vtap = changing(call, Vtap)
    request = _started(call, vtap, "DELETE_VTAP", "DELETED")
    call.world.drop(vtap)
    return work_started(request)


def _list_vtaps(call: Call) -> Result:
    compartment(call)
    check_known(call, vcnId=Vcn)
    found = matching(
        call,
        call.world.all(Vtap),
        compartmentId="compartment_id",
        displayName="display_name",
        vcnId="vcn_id",
        source="source_id",
        targetId="target_id",
        targetIp="target_ip",
    )
    enabled = call.query.get("isVtapEnabled")
    if enabled is not None:
        found = [v for v in found if v.is_enabled == (enabled.lower() == "true")]
    return listed(call, in_state(call, Vtap, found), SORTS)


MAX_PACKET_SIZE = 9000
ENDS = {
    *("source_id", "target_id", "target_ip"),
    *("capture_filter_id", "vxlan_network_identifier"),
}
"""What a VTAP is checked for when it changes."""
_FILTERS, _VTAPS = "/captureFilters", "/vtaps"
OPERATIONS: tuple[Operation, ...] = (
    Operation("ListCaptureFilters", "GET", _FILTERS, lister(CaptureFilter)),
    Operation("CreateCaptureFilter", "POST", _FILTERS, _create_filter),
    Operation("GetCaptureFilter", "GET", f"{_FILTERS}/{{id}}", getter(CaptureFilter)),
    Operation("UpdateCaptureFilter", "PUT", f"{_FILTERS}/{{id}}", _update_filter),
    Operation(
        "DeleteCaptureFilter",
        "DELETE",
        f"{_FILTERS}/{{id}}",
        deleter(CaptureFilter, vtaps.delete_filter),
    ),
    Operation("ListVtaps", "GET", _VTAPS, _list_vtaps),
    Operation("CreateVtap", "POST", _VTAPS, _create_vtap),
    Operation("GetVtap", "GET", f"{_VTAPS}/{{id}}", getter(Vtap)),
    Operation("UpdateVtap", "PUT", f"{_VTAPS}/{{id}}", _update_vtap),
    Operation("DeleteVtap", "DELETE", f"{_VTAPS}/{{id}}", _delete_vtap),
)
