"""Operations on work requests, and those on identity that tools need at their start."""

from typing import Any

from fakeoci.api.answers import listed
from fakeoci.api.bodies import time_text
from fakeoci.api.crud import getter
from fakeoci.api.paging import page
from fakeoci.api.query import among, check_domain, compartment, matching, need
from fakeoci.api.service import Call, Operation, Result
from fakeoci.world.compartments import TENANCY, Compartment
from fakeoci.world.errors import invalid, not_found
from fakeoci.world.labels import FAULT_DOMAINS
from fakeoci.world.resources import WorkRequest


def _availability_domains(call: Call) -> Result:
    inside = compartment(call)
    name = call.world.availability_domain
    row = {"name": name, "id": f"ad:{name}", "compartmentId": inside}
    return page(call, [row])


def _fault_domains(call: Call) -> Result:
    inside = compartment(call)
    domain = need(call, "availabilityDomain")
    check_domain(call, call.query.get("availabilityDomain"))
    rows = [
        {
            "name": name,
            "id": f"fd:{domain}:{number}",
            "compartmentId": inside,
            "availabilityDomain": domain,
        }
        for number, name in enumerate(FAULT_DOMAINS, 1)
    ]
    return page(call, rows)


def _compartment_body(call: Call, compartment: Compartment) -> dict[str, Any]:
    return {
        "id": compartment.id,
        "compartmentId": call.world.compartments.named(compartment.parent).id,
        "name": compartment.name,
        "description": compartment.name,
        "timeCreated": time_text(0.0),
        "lifecycleState": "ACTIVE",
        "isAccessible": True,
        "freeformTags": {},
        "definedTags": {},
    }


def _list_compartments(call: Call) -> Result:
    compartments = call.world.compartments
    parent = compartments.get(compartment(call))
    among(call, "accessLevel", ("ANY", "ACCESSIBLE"))
    subtree = call.query.get("compartmentIdInSubtree", "").lower() == "true"
    if subtree and parent.name != TENANCY:
        raise invalid("compartmentIdInSubtree is for the tenancy alone")
    found = compartments.below(parent, subtree=subtree)
    name = call.query.get("name")
    return page(
        call, [_compartment_body(call, c) for c in found if name in (None, c.name)]
    )


def _get_compartment(call: Call) -> Result:
    found = call.world.compartments.get(call.path["id"])
    return Result(body=_compartment_body(call, found), headers={"etag": "1"})


def _tenancy(call: Call) -> Result:
    if call.path["id"] != call.world.tenancy_id:
        raise not_found()
    return Result(
        body={
            "id": call.world.tenancy_id,
            "name": "fakeoci",
            "description": "fakeoci",
            "homeRegionKey": call.world.region_key.upper(),
            "freeformTags": {},
            "definedTags": {},
        }
    )


def _regions(call: Call) -> Result:
    return Result(
        body=[{"key": call.world.region_key.upper(), "name": call.world.region}]
    )


def _region_subscriptions(call: Call) -> Result:
    row = {
        "regionKey": call.world.region_key.upper(),
        "regionName": call.world.region,
        "status": "READY",
        "isHomeRegion": True,
    }
    return Result(body=[row])


# Work requests


def _list_work_requests(call: Call) -> Result:
    compartment(call)
    found = matching(call, call.world.all(WorkRequest), compartmentId="compartment_id")
    wanted = call.query.get("resourceId")
    if wanted is not None:
        found = [r for r in found if wanted in {i for _, _, i in r.resources}]
    return listed(call, found)


def _errors(call: Call) -> Result:
    request = call.world.get(WorkRequest, call.path["id"])
    rows = [
        {"code": code, "message": text, "timestamp": time_text(at)}
        for code, text, at in request.errors
    ]
    return page(call, rows)


def _logs(call: Call) -> Result:
    request = call.world.get(WorkRequest, call.path["id"])
    rows = [{"message": text, "timestamp": time_text(at)} for text, at in request.logs]
    return page(call, rows)


_WORK = "/workRequests"
OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "ListAvailabilityDomains", "GET", "/availabilityDomains", _availability_domains
    ),
    Operation("ListFaultDomains", "GET", "/faultDomains", _fault_domains),
    Operation("ListCompartments", "GET", "/compartments", _list_compartments),
    Operation("GetCompartment", "GET", "/compartments/{id}", _get_compartment),
    Operation("GetTenancy", "GET", "/tenancies/{id}", _tenancy),
    Operation("ListRegions", "GET", "/regions", _regions),
    Operation(
        "ListRegionSubscriptions",
        "GET",
        "/tenancies/{id}/regionSubscriptions",
        _region_subscriptions,
    ),
    Operation("ListWorkRequests", "GET", _WORK, _list_work_requests),
    Operation("GetWorkRequest", "GET", f"{_WORK}/{{id}}", getter(WorkRequest)),
    Operation("ListWorkRequestErrors", "GET", f"{_WORK}/{{id}}/errors", _errors),
    Operation("ListWorkRequestLogs", "GET", f"{_WORK}/{{id}}/logs", _logs),
)
