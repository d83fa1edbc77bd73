"""Pages of a list: the number of items, and the beginning of the next page.

A page ends at a place in the list's order, not at a count of items.  So the next page
skips no item if an object is deleted between two pages.
"""

import base64
import hashlib
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from fakeoci.api.service import Call, Result
from fakeoci.world.errors import ServiceError, invalid

MOST_ITEMS = 1000
"""The largest ``limit`` of the API reference, and the default."""

MOST_TOKEN = 4000
"""Maximum characters of a page token; one with a display name of 255 is shorter."""

Place = list[Any]
"""An item's place in its list: numbers and texts that sort as the items do."""

T = TypeVar("T")


class _Token(msgspec.Struct, array_like=True):
    """The place of a page's last item, and a checksum that binds it to its list."""

    place: Place
    checksum: str


def chosen(
    call: Call,
    items: Sequence[T],
    places: Sequence[Place],
    *,
    descending: bool = False,
) -> tuple[Sequence[T], dict[str, str]]:
    """Return the items of the requested page, and the answer's headers.

    Args:
        call: the request, with ``limit`` and ``page``.
        items: the whole list, in order.
        places: the items' places, ascending or descending.
        descending: True if they descend.

    Raises:
        ServiceError: 400, the limit or the page token cannot be used.
    """
    limit, after, start = _limit(call), _after(call), 0
    if after is not None:
        rest = (p < after if descending else p > after for p in places)
        start = next((n for n, later in enumerate(rest) if later), len(items))
    stop, headers = start + limit, {}
    if stop < len(items):
        headers["opc-next-page"] = _token(call, places[stop - 1])
    return items[start:stop], headers


def page(call: Call, bodies: Sequence[Any]) -> Result:
    """Return a page of a list that grows only at its end."""
    places = [[number] for number in range(len(bodies))]
    rows, headers = chosen(call, bodies, places)
    return Result(body=rows, headers=headers)


def _limit(call: Call) -> int:
    text = call.query.get("limit")
    if text is None:
        return MOST_ITEMS
    if not (
        text.isascii() and text.isdecimal() and len(text) < len(str(MOST_ITEMS)) + 1
    ):
        raise _bad_limit(text)
    if not 1 <= int(text) <= MOST_ITEMS:
        raise _bad_limit(text)
    return int(text)


def _bad_limit(text: str) -> ServiceError:
    return invalid(f"limit {text!r} is not a number from 1 to {MOST_ITEMS}")


def _after(call: Call) -> Place | None:
    text = call.query.get("page")
    if text is None:
        return None
    if len(text) > MOST_TOKEN:
        raise invalid("page is no token of this service")
    try:
        token = msgspec.json.decode(base64.urlsafe_b64decode(text), type=_Token)
    except (ValueError, msgspec.MsgspecError) as error:
        raise invalid("page is no token of this service") from error
    if token.checksum != _checksum(call, token.place):
        raise invalid("page is a token of another list")
    return token.place


def _token(call: Call, place: Place) -> str:
    token = _Token(place, _checksum(call, place))
    return base64.urlsafe_b64encode(msgspec.json.encode(token)).decode()


def _checksum(call: Call, place: Place) -> str:
    """Return a checksum of a place and its list: operation, path and filters."""
    filters = {k: v for k, v in call.query.items() if k not in ("limit", "page")}
    of = [call.world.tenancy_id, call.operation, dict(call.path), filters, place]
    return hashlib.sha256(msgspec.json.encode(of, order="sorted")).hexdigest()[:16]
