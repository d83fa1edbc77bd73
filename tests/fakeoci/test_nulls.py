"""Null in request bodies: an absent field, at every depth."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import msgspec
import pytest
from msgspec import inspect, structs

from fakeoci.api import details
from fakeoci.api.details.base import Details, decode
from fakeoci.api.details.ips import UpdatePrivateIpDetails
from fakeoci.world.errors import ServiceError

MODULES = [
    import_module(f"{details.__name__}.{file.name}")
    for file in iter_modules(details.__path__)
]
KINDS = sorted(
    {
        kind
        for module in MODULES
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Details)
    },
    key=lambda kind: kind.__name__,
)


EVERY_KIND = pytest.mark.parametrize("kind", KINDS)


def example(kind: inspect.Type) -> Any:
    """Return a minimal value of a type; of a body, its required fields."""
    match kind:
        case inspect.StructType(fields=fields):
            return {f.encode_name: example(f.type) for f in fields if f.required}
        case inspect.ListType(item_type=item):
            return [example(item)]
        case inspect.UnionType(types=types):
            return example(next(t for t in types if t != inspect.NoneType()))
        case inspect.LiteralType(values=values):
            return values[0]
        case inspect.BoolType():
            return False
        case inspect.IntType() | inspect.FloatType():
            return 1
        case inspect.DictType():
            return {}
        case _:
            return "x"


def least(kind: type[Details]) -> dict[str, Any]:
    """Return a minimal body of a type."""
    value = example(inspect.type_info(kind))
    assert isinstance(value, dict)
    return value


def names(kind: type[Details], *, required: bool) -> list[str]:
    """Return a body's required fields, or its optional ones."""
    return [
        field.encode_name
        for field in structs.fields(kind)
        if field.required == required
    ]


@pytest.mark.matrix(fast=9)
@EVERY_KIND
def test_null_is_absent(kind: type[Details]) -> None:
    body = least(kind)
    without = decode(msgspec.json.encode(body), kind)
    for name in names(kind, required=False):
        with_null = decode(msgspec.json.encode(body | {name: None}), kind)
        assert with_null == without, name


@pytest.mark.matrix(fast=9)
@EVERY_KIND
def test_null_in_a_required_field_means_missing(kind: type[Details]) -> None:
    for name in names(kind, required=True):
        with pytest.raises(ServiceError, match=name) as caught:
            decode(msgspec.json.encode(least(kind) | {name: None}), kind)
        assert (caught.value.status, caught.value.code) == (400, "MissingParameter")


def _within(kind: inspect.Type) -> Iterator[inspect.StructType]:
    if isinstance(kind, inspect.StructType):
        yield kind
    elif isinstance(kind, inspect.ListType):
        yield from _within(kind.item_type)
    elif isinstance(kind, inspect.UnionType):
        for one in kind.types:
            yield from _within(one)


@pytest.mark.matrix(fast=9)
@EVERY_KIND
def test_null_is_absent_in_nested_objects(kind: type[Details]) -> None:
    for field in structs.fields(kind):
        for inner in _within(inspect.type_info(field.type)):
            nulls = {f.encode_name: None for f in inner.fields if not f.required}
            bare = example(inner)
            of_list = isinstance(example(inspect.type_info(field.type)), list)
            bodies = [
                least(kind) | {field.encode_name: [value] if of_list else value}
                for value in (bare, bare | nulls)
            ]
            without, with_nulls = (
                decode(msgspec.json.encode(body), kind) for body in bodies
            )
            assert with_nulls == without, field.encode_name


def test_an_unknown_field_is_refused_though_it_is_null() -> None:
    with pytest.raises(ServiceError, match="zone"):
        decode(b'{"vnicId": "x", "zone": null}', UpdatePrivateIpDetails)


def test_null_is_no_value_of_a_tag() -> None:
    with pytest.raises(ServiceError, match="null"):
        decode(b'{"freeformTags": {"a": null}}', UpdatePrivateIpDetails)
