"""Policies of a file, with the lines where they stand."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml  # type: ignore[import-untyped]

from vcnd.ctl import caller

MOST_NODES = 100_000
"""Of one file, aliases counted as what they stand for."""
MOST_DEPTH = 64
STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")
TIMESTAMP = "tag:yaml.org,2002:timestamp"
NO_VALUE = (ValueError, LookupError, AttributeError, TypeError)
"""Errors of PyYAML for values that do not fit their tag, such as ``!!bool x``."""


class FileError(Exception):
    """A file cannot be used; says where and why."""


class Located(msgspec.Struct, frozen=True):
    """An object of a file."""

    body: Any
    node: Any
    """Of YAML."""

    @property
    def line(self) -> int:
        """Return the line where it begins, from 1."""
        return int(self.node.start_mark.line) + 1

    def line_of(self, what: str) -> int:
        """Return the line of a part, or of what is there of the way to it.

        Args:
            what: such as ``spec.ingress[0].ports[1]``.
        """
        node, line = self.node, self.line
        for index, key in STEP.findall(what):
            found = _part(node, index, key)
            if found is None:
                break
            node, line = found
        return line


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Reads what looks like a date as the text that it is in an object of the API."""

    def construct_object(self, node: Any, **options: bool) -> Any:
        try:
            return super().construct_object(node, **options)
        except NO_VALUE as error:
            raise yaml.constructor.ConstructorError(
                problem=f"{node.value!r:.40} does not fit its tag",
                problem_mark=node.start_mark,
            ) from error


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in some if tag != TIMESTAMP]
    for first, some in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(path: Path) -> list[Located]:
    """Return the objects of a file of YAML or JSON; those of lists one by one.

    Raises:
        FileError: it cannot be read, or has none.
    """
    try:
        found = [item for one in _documents(_text(path)) for item in _items(one)]
    except OSError as error:
        raise FileError(error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise FileError(f"it is no text: {error}") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 1}: " if mark else ""
        raise FileError(f"{line}{error.problem or error.context}") from error
    except RecursionError as error:
        raise FileError("it is too deep") from error
    except (yaml.YAMLError, ValueError) as error:
        raise FileError(" ".join(str(error).split())) from error
    if not found:
        raise FileError("it has no object")
    return found


def _text(path: Path) -> str:
    """Return a file's text, as the caller sees the file."""
    if str(path) == "-":
        return sys.stdin.read()
    return caller.read_bytes(path).decode()


def _documents(text: str) -> Iterator[Located]:
    loader = _Loader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            for number, _ in enumerate(_nodes(node, 0)):
                if number > MOST_NODES:
                    raise FileError(f"it has more than {MOST_NODES} values")
            body = loader.construct_document(node)
            if body is not None:
                yield Located(body, node)
    finally:
        loader.dispose()


def _nodes(node: Any, depth: int) -> Iterator[Any]:
    """Yield a node and all that it holds; a key may stand once in a mapping."""
    if depth > MOST_DEPTH:
        line = node.start_mark.line + 1
        raise FileError(f"line {line}: it is deeper than {MOST_DEPTH} levels")
    yield node
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _nodes(item, depth + 1)
    elif isinstance(node, yaml.MappingNode):
        seen = set[str]()
        for key, value in node.value:
            name = str(key.value)
            if name in seen:
                raise FileError(f"line {key.start_mark.line + 1}: {name} stands twice")
            seen.add(name)
            yield from _nodes(value, depth + 1)


def _items(found: Located) -> Iterator[Located]:
    """Yield a document's objects."""
    body = found.body
    is_list = isinstance(body, dict) and str(body.get("kind")).endswith("List")
    if not is_list:
        yield found
        return
    items = _part(found.node, "", "items")
    if items is None or not isinstance(items[0], yaml.SequenceNode):
        raise FileError(f"line {found.line}: the list has no items")
    for node, item in zip(items[0].value, body["items"], strict=True):
        yield Located(item, node)


def _part(node: Any, index: str, key: str) -> tuple[Any, int] | None:
    """Return a part of a node, and its line."""
    if index and isinstance(node, yaml.SequenceNode):
        if int(index) < len(node.value):
            part = node.value[int(index)]
            return part, part.start_mark.line + 1
    elif key and isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == key:
                return value, name.start_mark.line + 1
    return None
