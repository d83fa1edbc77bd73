"""The operations that most kinds of resources share: get, list, delete, rename."""

from collections.abc import Callable
from typing import Any

from fakeoci.api.answers import SORTS, is_too_new, listed, one
from fakeoci.api.details.base import Named
from fakeoci.api.query import N, check_known, compartment, in_state, matching
from fakeoci.api.service import Call, Result
from fakeoci.world.errors import not_found
from fakeoci.world.resources import (
    Resource,
    Vcn,
)
from fakeoci.world.world import World


def getter(kind: type[Resource]) -> Callable[[Call], Result]:
    """Return the operation that gets one object of a kind, unless it is too new."""

    def run(call: Call) -> Result:
        resource = call.world.get(kind, call.path["id"])
        if is_too_new(call, resource):
            raise not_found()
        return one(call, resource)

    return run


def lister(kind: type[Resource]) -> Callable[[Call], Result]:
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


def rename(resource: Resource, details: Named) -> None:
    """Change an object's name and tags if a body has them."""
    if details.display_name is not None:
        resource.display_name = details.display_name
    if details.freeform_tags is not None:
        resource.freeform_tags = details.freeform_tags


def names(call: Call, kind: str, details: Named) -> dict[str, Any]:
    """Return a new object's OCID, name, tags and time of creation."""
    return {
        "id": call.world.names.ocid(kind),
        "display_name": details.display_name or "",
        "freeform_tags": dict(details.freeform_tags or {}),
        "time_created": call.now,
    }


def changing(call: Call, kind: type[N]) -> N:
    """Return the object that a call changes; raise 412 if its etag is another."""
    resource = call.world.get(kind, call.path["id"])
    call.world.match(resource, call.if_match)
    return resource


def deleter(
    kind: type[N], delete: Callable[[World, N], None]
) -> Callable[[Call], Result]:
    """Return the operation that deletes one object of a kind."""

    def run(call: Call) -> Result:
        delete(call.world, changing(call, kind))
        return Result(status=204)

    return run
