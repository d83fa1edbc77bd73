"""Null in a request body, which counts as an absent field."""

from functools import cache
from typing import Any

from msgspec import inspect


def without_nulls(value: Any, kind: type) -> Any:
    """Return a decoded body without the fields of ``kind`` that are null.

    Unknown fields stay, so that they are refused by name.  Maps with the caller's own
    keys (tags, metadata) are unchanged: their keys are no fields.
    """
    return _stripped(value, _type_info(kind))


@cache
def _type_info(kind: type) -> inspect.Type:
    return inspect.type_info(kind)


def _stripped(value: Any, kind: inspect.Type) -> Any:
    if isinstance(kind, inspect.UnionType):
        for one in kind.types:
            value = _stripped(value, one)
        return value
    if isinstance(kind, inspect.ListType) and isinstance(value, list):
        return [_stripped(item, kind.item_type) for item in value]
    if isinstance(kind, inspect.StructType) and isinstance(value, dict):
        known = {field.encode_name: field.type for field in kind.fields}
        return {
            name: _stripped(item, known[name]) if name in known else item
            for name, item in value.items()
            if item is not None or name not in known
        }
    return value
