"""Policies of a file, with the lines where they stand."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml  # type: ignore[import-untyped]

from vcnd import foreign_yaml
from vcnd.ctl import caller
from vcnd.foreign_yaml import MOST_BYTES, BoundsError

STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


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
    except BoundsError as error:
        raise FileError(f"line {error.line}: {error.why}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise FileError(" ".join(str(error).split())) from error
    if not found:
        raise FileError("it has no object")
    return found


def _text(path: Path) -> str:
    """Return a file's text, as the caller sees the file."""
    if str(path) == "-":
        content = sys.stdin.buffer.read(MOST_BYTES + 1)
    else:
        content = caller.read_bytes(path, MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise FileError(f"it is longer than {MOST_BYTES} bytes")
    return content.decode()


def _documents(text: str) -> Iterator[Located]:
    foreign_yaml.check(yaml.parse(text, Loader=yaml.SafeLoader))
    loader = foreign_yaml.loader(yaml.SafeLoader)(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            _check_keys(node)
            body = loader.construct_document(node)
            if body is not None:
                yield Located(body, node)
    finally:
        loader.dispose()


def _check_keys(node: Any) -> None:
    """Check that a key stands once in each mapping."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _check_keys(item)
    elif isinstance(node, yaml.MappingNode):
        seen = set[str]()
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            if name and name in seen:
                raise FileError(f"line {key.start_mark.line + 1}: {name} stands twice")
            seen.add(name)
            _check_keys(value)


def _items(found: Located) -> Iterator[Located]:
    """Yield a document's objects."""
    body = found.body
    kind = body.get("kind") if isinstance(body, dict) else None
    if not (isinstance(kind, str) and kind.endswith("List")):
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
