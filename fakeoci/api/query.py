"""Query parameters of lists: checked, and applied as filters."""

from collections.abc import Iterable
from typing import TypeVar

from fakeoci.api.service import Call
from fakeoci.world.errors import invalid, missing
from fakeoci.world.resources import DrgAttachment, Instance, Noun, Subnet, Vcn

N = TypeVar("N", bound=Noun)
STATES = ("PROVISIONING", "AVAILABLE", "TERMINATING", "TERMINATED")
"""The lifecycle states of most objects; VCNs and subnets have one more."""
STATES_OF: dict[type[Noun], tuple[str, ...]] = {
    Vcn: (*STATES, "UPDATING"),
    Subnet: (*STATES, "UPDATING"),
    DrgAttachment: ("ATTACHING", "ATTACHED", "DETACHING", "DETACHED"),
    Instance: (
        *("MOVING", "PROVISIONING", "RUNNING", "STARTING", "STOPPING", "STOPPED"),
        *("CREATING_IMAGE", "TERMINATING", "TERMINATED"),
    ),
}


def matching(call: Call, nouns: Iterable[N], **fields: str) -> list[N]:
    """Return the nouns whose fields are as the query's parameters say."""
    wanted = {f: call.query[q] for q, f in fields.items() if q in call.query}
    return [n for n in nouns if all(getattr(n, f) == v for f, v in wanted.items())]


def among(call: Call, name: str, values: Iterable[str]) -> str | None:
    """Return a query parameter that has one of some values, or None without it.

    Raises:
        ServiceError: 400, it has another value.
    """
    value = call.query.get(name)
    if value is not None and value not in (known := list(values)):
        raise invalid(f"{name} {value!r} is not one of {', '.join(known)}")
    return value


def in_state(call: Call, kind: type[Noun], nouns: Iterable[N]) -> list[N]:
    """Return the nouns in the ``lifecycleState`` asked for, in letters of any case.

    Raises:
        ServiceError: 400, nouns of this kind have no such state.
    """
    value = call.query.get("lifecycleState")
    if value is None:
        return list(nouns)
    states = STATES_OF.get(kind, STATES)
    if value.upper() not in states:
        raise invalid(f"lifecycleState {value!r} is not one of {', '.join(states)}")
    return [n for n in nouns if getattr(n, "lifecycle_state", "") == value.upper()]


def check_known(call: Call, **kinds: type[Noun]) -> None:
    """Raise 404 when a query parameter names an object that does not exist."""
    for name, kind in kinds.items():
        if name in call.query:
            call.world.get(kind, call.query[name])


def check_domain(call: Call, value: str | None) -> None:
    """Raise 400 when there is no such availability domain."""
    if value not in (None, call.world.availability_domain):
        raise invalid(f"availabilityDomain {value!r} does not exist in this region")


def compartment(call: Call) -> str:
    """Return ``compartmentId``.

    Raises:
        ServiceError: 400, it is missing; 404, there is no such compartment.
    """
    return call.world.compartment(need(call, "compartmentId"))


def need(call: Call, name: str) -> str:
    """Return a query parameter that must be there."""
    if name not in call.query:
        raise missing(f"the query parameter {name} is required")
    return call.query[name]
