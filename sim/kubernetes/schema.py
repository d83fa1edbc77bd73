"""The schema of a CustomResourceDefinition of ours: what it refuses, what it drops."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from sim.kubernetes.resources import NETWORKS, Resource

DEPLOY = Path(__file__).parents[2] / "deploy"
TYPES: dict[str, type] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "boolean": bool,
}


@cache
def schema_of(resource: Resource) -> Any:
    """Return the schema of a resource; None if it is not one of ours."""
    if resource is not NETWORKS:
        return None
    parsed = msgspec.yaml.decode((DEPLOY / "base" / "crd.yaml").read_bytes())
    return parsed["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def pruned(schema: Any, value: Any) -> Any:
    """Return a value without the fields that a schema does not know."""
    if isinstance(value, list):
        return [pruned(schema.get("items", {}), x) for x in value]
    if not isinstance(value, dict):
        return value
    known, all_kept = (
        schema.get("properties", {}),
        "x-kubernetes-preserve-unknown-fields",
    )
    return {
        name: pruned(known[name], x) if name in known else x
        for name, x in value.items()
        if name in known or schema.get(all_kept)
    }


def flaws(schema: Any, value: Any, path: str = "") -> Iterator[str]:
    """Yield what a schema refuses of a value."""
    kind = schema.get("type", "")
    if kind and not isinstance(value, TYPES[kind]):
        yield f"{path}: Invalid value: must be of type {kind}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: Unsupported value"
    if _size(value) > schema.get(_most(value), _size(value)):
        yield f"{path}: Invalid value: too long, or too large"
    if isinstance(value, int) and value < schema.get("minimum", value):
        yield f"{path}: Invalid value: too small"
    if isinstance(value, list):
        for number, element in enumerate(value):
            yield from flaws(schema.get("items", {}), element, f"{path}[{number}]")
    elif isinstance(value, dict):
        for name, part in schema.get("properties", {}).items():
            if name in value:
                yield from flaws(part, value[name], f"{path}.{name}".lstrip("."))


def _size(value: Any) -> int:
    return value if isinstance(value, int) else len(value)


def _most(value: Any) -> str:
    """Return what a schema calls the most that a value may be."""
    names: dict[type, str] = {int: "maximum", str: "maxLength", list: "maxItems"}
    return names.get(type(value), "")
