"""How lists, single objects and tags are answered."""

import base64
import binascii
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from fakeoci.api import details
from fakeoci.api.bodies import body
from fakeoci.api.service import Call, Result
from fakeoci.world.errors import invalid, missing, not_found
from fakeoci.world.nouns import Noun, Vcn, WorkRequest
from fakeoci.world.world import World

MOST_ITEMS = 1000
N = TypeVar("N", bound=Noun)


def page(call: Call, bodies: Sequence[Any]) -> Result:
    """Return one page of a list, and where the next begins."""
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


def _is_too_new(call: Call, noun: Noun) -> bool:
    lag = call.world.settings.timing.consistency_seconds
    return noun.time_created + lag > call.now


def listed(call: Call, nouns: Iterable[Noun]) -> Result:
    """Return nouns, without those too new to be seen."""
    hidden = call.world.hidden
    seen = [
        n
        for n in nouns
        if not _is_too_new(call, n) and hidden.get(n.id, 0.0) <= call.now
    ]
    return page(call, [body(call.world, n) for n in seen])


def matching(call: Call, nouns: Iterable[Noun], **fields: str) -> list[Noun]:
    """Return the nouns whose fields are as the query's parameters say."""
    wanted = {f: call.query[q] for q, f in fields.items() if q in call.query}
    return [n for n in nouns if all(getattr(n, f) == v for f, v in wanted.items())]


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
        need(call, "compartmentId")
        fields = {
            "compartmentId": "compartment_id",
            "displayName": "display_name",
            "lifecycleState": "lifecycle_state",
        }
        if kind is not Vcn:
            fields["vcnId"] = "vcn_id"
        return listed(
            call, in_order(call, matching(call, call.world.all(kind), **fields))
        )

    return run


def in_order(call: Call, nouns: list[Noun]) -> list[Noun]:
    """Return nouns as sortBy and sortOrder say, or as they were made."""
    by = call.query.get("sortBy")
    if by is None:
        return nouns
    keys: dict[str, Callable[[Noun], Any]] = {
        "TIMECREATED": lambda n: n.time_created,
        "DISPLAYNAME": lambda n: n.display_name,
    }
    order = call.query.get("sortOrder", "DESC" if by == "TIMECREATED" else "ASC")
    if by not in keys or order not in ("ASC", "DESC"):
        raise invalid(f"sortBy {by!r} or sortOrder {order!r} is not known")
    return sorted(nouns, key=keys[by], reverse=order == "DESC")


def work_started(request: WorkRequest) -> Result:
    """Return the answer to an asynchronous action."""
    return Result(status=202, headers={"opc-work-request-id": request.id})


def rename(noun: Noun, said: details.Named) -> None:
    """Change an object's name and tags where a body says so."""
    if said.display_name is not None:
        noun.display_name = said.display_name
    if said.freeform_tags is not None:
        noun.freeform_tags = checked_tags(said.freeform_tags)


def names(call: Call, kind: str, said: details.Named) -> dict[str, Any]:
    """Return what a new object has of its OCID, name, tags and time."""
    return {
        "id": call.world.names.ocid(kind),
        "display_name": said.display_name or "",
        "freeform_tags": checked_tags(said.freeform_tags or {}),
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


def checked_tags(tags: dict[str, str]) -> dict[str, str]:
    """Return freeform tags, checked as OCI does."""
    for key in tags:
        if not key or "." in key or " " in key:
            raise invalid(f"freeform tag key {key!r} is not valid")
    return tags
