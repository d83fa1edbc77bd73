"""YAML that others wrote, within bounds.

libyaml's composer calls itself for each level, in C: nesting alone can end the process.
The events come flat, so they are counted before anything is composed.
"""

from collections.abc import Iterable
from datetime import date, datetime
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

MOST_BYTES = 16 << 20
MOST_NODES = 100_000
"""Of one text, aliases counted as what they stand for."""
MOST_DEPTH = 64
MOST_DIGITS = 64
"""Of a whole number, with signs and separators: longer ones cannot all be printed."""
NO_VALUE = (ValueError, LookupError, AttributeError, TypeError)
"""Errors of PyYAML for values that do not fit their tag, such as ``!!bool x``."""
INTEGER = "tag:yaml.org,2002:int"
TIMESTAMP = "tag:yaml.org,2002:timestamp"


class BoundsError(ValueError):
    """A text is larger, deeper or more than is read."""

    def __init__(self, why: str, line: int) -> None:
        """Make it.

        Args:
            why: what is wrong.
            line: where, from 1.
        """
        super().__init__(why)
        self.why, self.line = why, line


class _Part(msgspec.Struct):
    """A value that is being counted."""

    anchor: str | None
    nodes: int = 1
    depth: int = 0
    """Levels below it."""


class _Counter:
    """Counts the values of documents, event by event."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._total = 0
        self._open: list[_Part] = []
        self._anchors: dict[str, _Part | None] = {}
        """None: of a value that has not ended yet."""

    def begin_document(self) -> None:
        """Forget the anchors: they are those of one document."""
        self._anchors.clear()

    def begin(self, anchor: str | None) -> None:
        """Begin a list or mapping."""
        if anchor is not None:
            self._anchors[anchor] = None
        self._open.append(_Part(anchor))
        self._check(1, 0)

    def end(self) -> None:
        """End the innermost list or mapping."""
        self._add(self._open.pop())

    def scalar(self, anchor: str | None) -> None:
        """Add a scalar."""
        self._check(1, 0)
        self._add(_Part(anchor))

    def alias(self, name: str) -> None:
        """Add what an alias stands for; the composer refuses one of nothing."""
        part = self._anchors.get(name, _Part(None))
        if part is None:
            raise ValueError(
                f"it is deeper than {MOST_DEPTH} levels: an alias stands for what it"
                " is in"
            )
        self._check(part.nodes, part.depth)
        self._add(_Part(None, part.nodes, part.depth))

    def _add(self, part: _Part) -> None:
        if part.anchor is not None:
            self._anchors[part.anchor] = part
        if self._open:
            outer = self._open[-1]
            outer.nodes += part.nodes
            outer.depth = max(outer.depth, part.depth + 1)

    def _check(self, nodes: int, depth: int) -> None:
        self._total += nodes
        if self._total > self._most:
            raise ValueError(f"it has more than {self._most} values")
        if len(self._open) + depth > MOST_DEPTH:
            raise ValueError(f"it is deeper than {MOST_DEPTH} levels")


def check(events: Iterable[Any], most: int = MOST_NODES) -> None:
    """Check how many values YAML has, and how deep they are.

    Args:
        events: PyYAML's, of one text.
        most: how many values it may have.

    Raises:
        BoundsError: they are too many, or too deep.
        yaml.YAMLError: it is no YAML.
    """
    # PyYAML is imported where YAML is read, and nowhere else.
    from yaml import events as kinds  # type: ignore[import-untyped]  # noqa: PLC0415

    counter = _Counter(most)
    for event in events:
        try:
            match event:
                case kinds.ScalarEvent():
                    counter.scalar(event.anchor)
                case kinds.CollectionStartEvent():
                    counter.begin(event.anchor)
                case kinds.CollectionEndEvent():
                    counter.end()
                case kinds.AliasEvent():
                    counter.alias(event.anchor)
                case kinds.DocumentStartEvent():
                    counter.begin_document()
                case _:
                    pass
        except ValueError as error:
            raise BoundsError(str(error), event.start_mark.line + 1) from error


@lru_cache
def loader(base: Any) -> Any:
    """Return a loader of objects of the API.

    What looks like a date is the text that it is there, and a value that does not fit
    its tag is a ``yaml.YAMLError``.

    Args:
        base: PyYAML's safe loader, in Python or in C.
    """
    from yaml.constructor import (  # type: ignore[import-untyped]  # noqa: PLC0415
        ConstructorError,
    )

    class Loader(base):  # type: ignore[misc]
        def construct_object(self, node: Any, **options: bool) -> Any:
            try:
                return super().construct_object(node, **options)
            except NO_VALUE as error:
                shown = repr(node.value[:40]) if node.id == "scalar" else "a value"
                raise ConstructorError(
                    problem=f"{shown} does not fit its tag",
                    problem_mark=node.start_mark,
                ) from error

        def whole_number(self, node: Any) -> int:
            if len(self.construct_scalar(node)) > MOST_DIGITS:
                raise ConstructorError(
                    problem=f"a number has more than {MOST_DIGITS} digits",
                    problem_mark=node.start_mark,
                )
            return int(self.construct_yaml_int(node))

    Loader.add_constructor(INTEGER, Loader.whole_number)
    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in some if tag != TIMESTAMP]
        for first, some in base.yaml_implicit_resolvers.items()
    }
    return Loader


def yaml_as(text: bytes | str, kind: type[T], *, most: int = MOST_NODES) -> T:
    """Return the value of a YAML document.

    Args:
        text: the document.
        kind: the value's type.
        most: how many values the document may have.

    Raises:
        ValueError: it is no YAML, has another structure, or is larger or deeper than
            is read.
    """
    import yaml  # noqa: PLC0415

    if len(text) > MOST_BYTES:
        raise ValueError(f"it is longer than {MOST_BYTES} bytes")
    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        check(yaml.parse(text, Loader=base), most)
        found = yaml.load(text, Loader=loader(base))  # noqa: S506 - a safe one
        # PyYAML makes dates of what has their tag.
        return msgspec.convert(found, kind, builtin_types=(datetime, date))
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    except (LookupError, AttributeError, TypeError) as error:
        raise ValueError("a value does not fit its tag") from error
