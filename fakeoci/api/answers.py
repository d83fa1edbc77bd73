"""The answers for single objects, pages of lists and started work requests."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from fakeoci.api.bodies import body
from fakeoci.api.paging import chosen
from fakeoci.api.query import among
from fakeoci.api.service import Call, Result
from fakeoci.world.resources import (
    Resource,
    WorkRequest,
)

SORTS: dict[str, Callable[[Resource], Any]] = {
    "TIMECREATED": lambda n: n.time_created,
    "DISPLAYNAME": lambda n: n.display_name,
}
"""The sort keys of most lists, by the value of ``sortBy``."""


def is_too_new(call: Call, resource: Resource) -> bool:
    """Return True if an object is too new to be visible (``consistency_seconds``)."""
    lag = call.world.settings.timing.consistency_seconds
    return resource.time_created + lag > call.now


def listed(
    call: Call,
    resources: Iterable[Resource],
    sorts: Mapping[str, Callable[[Resource], Any]] | None = None,
) -> Result:
    """Return a page of objects, without hidden ones and those too new to be visible.

    Args:
        call: the request.
        resources: the objects that match its filters.
        sorts: sort keys by the value of ``sortBy``; None if the list has no such
            parameter.  Without ``sortBy`` the order is that of creation.
    """
    hidden = call.world.hidden
    seen = [
        n
        for n in resources
        if not is_too_new(call, n) and hidden.get(n.id, 0.0) <= call.now
    ]
    rows, headers = in_order(call, seen, sorts)
    return Result(body=[body(call.world, n) for n in rows], headers=headers)


class Numbered(Protocol):
    """An item that the world numbered at its creation."""

    number: int


C = TypeVar("C", bound=Numbered)


def in_order(
    call: Call, items: Iterable[C], sorts: Mapping[str, Callable[[C], Any]] | None
) -> tuple[Sequence[C], dict[str, str]]:
    """Return the page that ``sortBy`` and ``sortOrder`` give, and its headers."""
    by = None if sorts is None else among(call, "sortBy", sorts)
    order = None if sorts is None else among(call, "sortOrder", ("ASC", "DESC"))
    down = order == "DESC" or (order is None and (by or "").startswith("TIME"))

    def place(item: C) -> list[Any]:
        return [*([sorts[by](item)] if sorts and by else []), item.number]

    rows = sorted(items, key=place, reverse=down)
    return chosen(call, rows, [place(r) for r in rows], descending=down)


def one(call: Call, resource: Resource) -> Result:
    """Return an object with its etag."""
    return Result(body=body(call.world, resource), headers={"etag": resource.etag})


def work_started(request: WorkRequest) -> Result:
    """Return the answer to an asynchronous action."""
    return Result(status=202, headers={"opc-work-request-id": request.id})
