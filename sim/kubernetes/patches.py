"""Patches of objects.  Sources: RFC 7396; Kubernetes, "Strategic merge patch"."""

from collections.abc import Mapping
from typing import Any


def merged(target: Any, patch: Any) -> Any:
    """Return what a JSON merge patch makes of a value."""
    return _merge(target, patch, {})


def strategic(target: Any, patch: Any, keys: Mapping[str, str]) -> Any:
    """Return what a strategic merge patch makes of a value.

    Args:
        target: the value.
        patch: the patch.
        keys: lists that are merged by a key of their elements, by their names; others
            are replaced.
    """
    return _merge(target, patch, keys)


def _merge(target: Any, patch: Any, keys: Mapping[str, str]) -> Any:
    if not isinstance(patch, dict):
        return patch
    found = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            found.pop(name, None)
        elif name in keys and isinstance(value, list):
            found[name] = _merge_list(found.get(name) or [], value, keys[name])
        else:
            found[name] = _merge(found.get(name), value, keys)
    return found


def _merge_list(target: list[Any], patch: list[Any], key: str) -> list[Any]:
    found = list(target)
    for element in patch:
        there = [n for n, x in enumerate(found) if x.get(key) == element.get(key)]
        if element.get("$patch") == "delete":
            found = [x for x in found if x.get(key) != element.get(key)]
        elif there:
            found[there[0]] = _merge(found[there[0]], element, {})
        else:
            found.append(element)
    return found
