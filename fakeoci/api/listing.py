"""How lists, single objects and tags are answered."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from fakeoci.api import details
from fakeoci.api.bodies import body
from fakeoci.api.paging import chosen
from fakeoci.api.service import Call, Result
from fakeoci.world.errors import invalid, missing, not_found
from fakeoci.world.nouns import (
    DrgAttachment,
    Instance,
    Noun,
    Subnet,
    Vcn,
    WorkRequest,
)
from fakeoci.world.world import World

N = TypeVar("N", bound=Noun)
SORTS: dict[str, Callable[[Noun], Any]] = {
    "TIMECREATED": lambda n: n.time_created,
    "DISPLAYNAME": lambda n: n.display_name,
}
"""``sortBy`` → what most lists sort by."""
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


def _is_too_new(call: Call, noun: Noun) -> bool:
    lag = call.world.settings.timing.consistency_seconds
    return noun.time_created + lag > call.now


def listed(
    call: Call,
    nouns: Iterable[Noun],
    sorts: Mapping[str, Callable[[Noun], Any]] | None = None,
) -> Result:
    """Return a page of nouns, without those too new to be seen.

    Args:
        call: the request.
        nouns: what its filters leave.
        sorts: what ``sortBy`` may name; None where the list has no such parameter.
            Without ``sortBy`` nouns come in the order in which they were made.
    """
    hidden = call.world.hidden
    seen = [
        n
        for n in nouns
        if not _is_too_new(call, n) and hidden.get(n.id, 0.0) <= call.now
    ]
    rows, headers = in_order(call, seen, sorts)
    return Result(body=[body(call.world, n) for n in rows], headers=headers)


class Numbered(Protocol):
    """What the world counts as it is made."""

    number: int


C = TypeVar("C", bound=Numbered)


def in_order(
    call: Call, items: Iterable[C], sorts: Mapping[str, Callable[[C], Any]] | None
) -> tuple[Sequence[C], dict[str, str]]:
    """Return the page of items as ``sortBy`` and ``sortOrder`` say, and headers."""
    by = None if sorts is None else among(call, "sortBy", sorts)
    order = None if sorts is None else among(call, "sortOrder", ("ASC", "DESC"))
    down = order == "DESC" or (order is None and (by or "").startswith("TIME"))

    def place(item: C) -> list[Any]:
        return [*([sorts[by](item)] if sorts and by else []), item.number]

    rows = sorted(items, key=place, reverse=down)
    return chosen(call, rows, [place(r) for r in rows], descending=down)


def matching(call: Call, nouns: Iterable[N], **fields: str) -> list[N]:
    """Return the nouns whose fields are as the query's parameters say."""
    wanted = {f: call.query[q] for q, f in fields.items() if q in call.query}
    return [n for n in nouns if all(getattr(n, f) == v for f, v in wanted.items())]


def among(call: Call, name: str, values: Iterable[str]) -> str | None:
    """Return a query parameter that has one of some values, or None without it.

    Raises:
        ServiceError: 400, it has another value.
    """
    said = call.query.get(name)
    if said is not None and said not in (known := list(values)):
        raise invalid(f"{name} {said!r} is not one of {', '.join(known)}")
    return said


def in_state(call: Call, kind: type[Noun], nouns: Iterable[N]) -> list[N]:
    """Return the nouns in the ``lifecycleState`` asked for, in letters of any case.

    Raises:
        ServiceError: 400, nouns of this kind have no such state.
    """
    said = call.query.get("lifecycleState")
    if said is None:
        return list(nouns)
    states = STATES_OF.get(kind, STATES)
    if said.upper() not in states:
        raise invalid(f"lifecycleState {said!r} is not one of {', '.join(states)}")
    return [n for n in nouns if getattr(n, "lifecycle_state", "") == said.upper()]


def check_known(call: Call, **kinds: type[Noun]) -> None:
    """Raise 404 when a query parameter names an object that does not exist."""
    for name, kind in kinds.items():
        if name in call.query:
            call.world.get(kind, call.query[name])


def check_domain(call: Call, said: str | None) -> None:
    """Raise 400 when there is no such availability domain."""
    if said not in (None, call.world.availability_domain):
        raise invalid(f"availabilityDomain {said!r} does not exist in this region")


def compartment(call: Call) -> str:
    """Return ``compartmentId``.

    Raises:
        ServiceError: 400, it is missing; 404, there is no such compartment.
    """
    return call.world.compartment(need(call, "compartmentId"))


def one(call: Call, noun: Noun) -> Result:
    """Return an object with its etag."""
    return Result(body=body(call.world, noun), headers={"etag": noun.etag})


def need(call: Call, name: str) -> str:
    """Return a query parameter that must be there."""
    if name not in call.query:
        raise missing(f"the query parameter {name} is required")
    return call.query[name]


def getter(kind: type[Noun]) -> Callable[[Call], Result]:
    """Return the operation that gets one object of a kind, unless it is too new."""

    def run(call: Call) -> Result:
        noun = call.world.get(kind, call.path["id"])
        if _is_too_new(call, noun):
            raise not_found()
        return one(call, noun)

    return run


def lister(kind: type[Noun]) -> Callable[[Call], Result]:
    """Return the operation that lists a kind by compartment, VCN and name."""

    def run(call: Call) -> Result:
        compartment(call)
        fields = {"compartmentId": "compartment_id", "displayName": "display_name"}
        if kind is not Vcn:
            check_known(call, vcnId=Vcn)
            fields["vcnId"] = "vcn_id"
        found = matching(call, call.world.all(kind), **fields)
        return listed(call, in_state(call, kind, found), SORTS)

    return run


def work_started(request: WorkRequest) -> Result:
    """Return the answer to an asynchronous action."""
    return Result(status=202, headers={"opc-work-request-id": request.id})


def rename(noun: Noun, said: details.Named) -> None:
    """Change an object's name and tags where a body says so."""
    if said.display_name is not None:
        noun.display_name = said.display_name
    if said.freeform_tags is not None:
        noun.freeform_tags = said.freeform_tags


def names(call: Call, kind: str, said: details.Named) -> dict[str, Any]:
    """Return what a new object has of its OCID, name, tags and time."""
    return {
        "id": call.world.names.ocid(kind),
        "display_name": said.display_name or "",
        "freeform_tags": dict(said.freeform_tags or {}),
        "time_created": call.now,
    }


def changing(call: Call, kind: type[N]) -> N:
    """Return the object of a change, its etag compared."""
    noun = call.world.get(kind, call.path["id"])
    call.world.match(noun, call.if_match)
    return noun


def deleter(
    kind: type[N], delete: Callable[[World, N], None]
) -> Callable[[Call], Result]:
    """Return the operation that deletes one object of a kind."""

    def run(call: Call) -> Result:
        delete(call.world, changing(call, kind))
        return Result(status=204)

    return run
