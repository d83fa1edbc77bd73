"""The parts that request bodies share.

A body may have OCI's fields and no others (400 for unknown ones).  Fields that the fake
does not act upon are accepted as the SDK sends them.
"""

from typing import Any, TypeVar

import msgspec

from fakeoci.api.intake import MOST_NESTED, is_too_nested
from fakeoci.api.nulls import without_nulls
from fakeoci.world.errors import ServiceError
from fakeoci.world.labels import (
    MOST_DEFINED_TAGS,
    DefinedTags,
    DisplayName,
    FreeformTags,
)

T = TypeVar("T", bound=msgspec.Struct)
SecurityAttributes = dict[str, dict[str, Any]]


class Details(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """A request body."""


class Named(Details, kw_only=True):
    """The fields of most bodies; in an update, None leaves a field unchanged."""

    display_name: DisplayName | None = None
    freeform_tags: FreeformTags | None = None
    defined_tags: DefinedTags | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for more defined tags than a resource can have."""
        if sum(map(len, (self.defined_tags or {}).values())) > MOST_DEFINED_TAGS:
            raise ValueError(f"definedTags: at most {MOST_DEFINED_TAGS} tags")


def decode(data: bytes, kind: type[T]) -> T:
    """Return a parsed request body; a field that is null counts as absent.

    Raises:
        ServiceError: 400, the body is not valid.
    """
    if is_too_nested(data):
        raise _unreadable(f"more than {MOST_NESTED} levels")
    try:
        if b"null" not in data:
            return msgspec.json.decode(data, type=kind)
        return msgspec.convert(without_nulls(msgspec.json.decode(data), kind), kind)
    except msgspec.ValidationError as error:
        text = str(error)
        code = "MissingParameter" if "missing required" in text else "InvalidParameter"
        raise ServiceError(400, code, text) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _unreadable(str(error)) from error


def _unreadable(why: str) -> ServiceError:
    text = f"Incorrectly formatted request: {why}"
    return ServiceError(400, "CannotParseRequest", text)


class Created(Named, kw_only=True):
    """The fields of bodies that create an object in a compartment."""

    compartment_id: str
