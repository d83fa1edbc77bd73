"""Query parameters of lists: their checks, and their use as filters."""

from collections.abc import Iterable
from typing import TypeVar

from fakeoci.api.service import Call
from fakeoci.world.errors import invalid, missing
from fakeoci.world.resources import (
    CaptureFilter,
    DrgAttachment,
    Instance,
    Resource,
    Subnet,
    Vcn,
    Vtap,
)

N = TypeVar("N", bound=Resource)
STATES = ("PROVISIONING", "AVAILABLE", "TERMINATING", "TERMINATED")
"""The lifecycle states of most objects; VCNs and subnets have one more."""
STATES_OF: dict[type[Resource], tuple[str, ...]] = {
    Vcn: (*STATES, "UPDATING"),
    Subnet: (*STATES, "UPDATING"),
    CaptureFilter: (*STATES, "UPDATING"),
    Vtap: (*STATES, "UPDATING"),
    DrgAttachment: ("ATTACHING", "ATTACHED", "DETACHING", "DETACHED"),
    Instance: (
        *("MOVING", "PROVISIONING", "RUNNING", "STARTING", "STOPPING", "STOPPED"),
        *("CREATING_IMAGE", "TERMINATING", "TERMINATED"),
    ),
}


def matching(call: Call, resources: Iterable[N], **fields: str) -> list[N]:
    """Return the objects whose fields equal the query's parameters.

    Args:
        call: the request.
        resources: the objects to filter.
        fields: an object's fields by their query parameters; absent ones match all.
    """
    wanted = {f: call.query[q] for q, f in fields.items() if q in call.query}
    return [n for n in resources if all(getattr(n, f) == v for f, v in wanted.items())]


def among(call: Call, name: str, values: Iterable[str]) -> str | None:
    """Return a query parameter with one of some values, or None if it is absent.

    Raises:
        ServiceError: 400, it has another value.
    """
    value = call.query.get(name)
    if value is not None and value not in (known := list(values)):
        raise invalid(f"{name} {value!r} is not one of {', '.join(known)}")
    return value


def in_state(call: Call, kind: type[Resource], resources: Iterable[N]) -> list[N]:
    """Return the objects in the requested ``lifecycleState``, whose case is ignored.

    Raises:
        ServiceError: 400, objects of this kind have no such state.
    """
    value = call.query.get("lifecycleState")
    if value is None:
        return list(resources)
    states = STATES_OF.get(kind, STATES)
    if value.upper() not in states:
        raise invalid(f"lifecycleState {value!r} is not one of {', '.join(states)}")
    return [n for n in resources if getattr(n, "lifecycle_state", "") == value.upper()]


def check_known(call: Call, **kinds: type[Resource]) -> None:
    """Raise 404 if a query parameter names an object that does not exist."""
    for name, kind in kinds.items():
        if name in call.query:
            call.world.get(kind, call.query[name])


def check_domain(call: Call, value: str | None) -> None:
    """Raise 400 if the availability domain does not exist."""
    if value not in (None, call.world.availability_domain):
        raise invalid(f"availabilityDomain {value!r} does not exist in this region")


def compartment(call: Call) -> str:
    """Return ``compartmentId``.

    Raises:
        ServiceError: 400, it is missing; 404, the compartment does not exist.
    """
    return call.world.compartment(need(call, "compartmentId"))


def need(call: Call, name: str) -> str:
    """Return a required query parameter; raise 400 if it is missing."""
    if name not in call.query:
        raise missing(f"the query parameter {name} is required")
    return call.query[name]
