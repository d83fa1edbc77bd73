"""The page of all keys of the configuration, made from the code.

The keys, their types and defaults are those of ``vcnd.config.Config``; the meanings are
the docstrings there, or those of the value that a key becomes.
"""

import ast
import inspect
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import inspect as types

from vcnd.config import Config
from vcnd.core.target import PoolPolicy
from vcnd.linux.layout import Layout
from vcnd.model.request import NamespacePolicy

PAGE = Path("docs") / "configuration.md"
BECOMES: dict[str, type] = {
    "pool": PoolPolicy,
    "node": Layout,
    "allow": NamespacePolicy,
}
"""The values that have the meanings of a section's keys, where the section has none."""
INTRODUCTION = """\
# Configuration

The daemon reads one TOML file, `/etc/vcnd/vcnd.toml`. In a cluster the DaemonSet
writes it from its ConfigMap ([quick start](quickstart-oci.md)).
Every key has a default, except where the table says *required*. Unknown keys are
refused. `vcnd --print-config` shows the effective values. A change counts when the
daemon starts again; in a cluster the installer restarts it.

This page is made from `vcnd/config.py` by `./vcn docs --write`.
"""


def render() -> str:
    """Return the page's text."""
    return "\n".join([INTRODUCTION, *map(_rendered, sections())])


class Section(NamedTuple):
    """A section of the configuration."""

    name: str
    is_list: bool
    """True if there may be several, each as ``[[name]]``."""
    struct: types.StructType
    meanings: dict[str, str]
    """Of its keys: their docstrings, here or where the values go."""


def sections() -> Iterator[Section]:
    """Yield the sections of the configuration, in their order."""
    for field in _struct(types.type_info(Config)).fields:
        kind, is_list = field.type, False
        if isinstance(kind, types.ListType):
            kind, is_list = kind.item_type, True
        struct = _struct(kind)
        texts = meanings(BECOMES[field.name]) if field.name in BECOMES else {}
        texts |= meanings(struct.cls)
        yield Section(field.name, is_list, struct, texts)


def _struct(kind: types.Type) -> types.StructType:
    if not isinstance(kind, types.StructType):
        raise TypeError(kind)
    return kind


def _rendered(section: Section) -> str:
    heading = f"[[{section.name}]]" if section.is_list else f"[{section.name}]"
    told = inspect.getdoc(section.struct.cls) or ""
    # The docstring begins with the section's name in brackets.
    purpose = _markdown(told.split(": ", 1)[1])
    rows = [
        f"| `{field.name}` | {_type(field.type)} | {_default(field)}"
        f" | {_markdown(section.meanings[field.name])} |"
        for field in section.struct.fields
    ]
    begin = [f"## {heading}", "", purpose[0].upper() + purpose[1:], ""]
    head = ["| key | type | default | meaning |", "|---|---|---|---|"]
    return "\n".join([*begin, *head, *rows, ""])


def meanings(struct: type) -> dict[str, str]:
    """Return the docstrings of a struct's fields, those that have one."""
    (found,) = ast.parse(inspect.getsource(struct)).body
    return dict(_documented(found.body)) if isinstance(found, ast.ClassDef) else {}


def _documented(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    """Yield each field that a string follows, and the string."""
    for field, after in pairwise(body):
        match field, after:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                yield name, inspect.cleandoc(text)
            case _:
                pass


def _markdown(text: str) -> str:
    """Return a docstring's text as one line of Markdown."""
    one_line = " ".join(text.split()).replace("``", "`").replace("|", "\\|")
    return re.sub(r"docs/([\w-]+\.md)", r"[\1](\1)", one_line)


def _default(field: types.Field) -> str:
    if field.required:
        return "*required*"
    value = (
        field.default_factory()
        if field.default_factory is not msgspec.NODEFAULT
        else field.default
    )
    if field.name.endswith("_mask"):
        return f"`{value:#x}`"
    return f"`{msgspec.json.encode(value).decode()}`"


def _type(kind: types.Type) -> str:
    """Return a type in words."""
    match kind:
        case types.BoolType():
            return "true or false"
        case types.LiteralType(values=values):
            return ", ".join(f'`"{value}"`' for value in values)
        case types.EnumType(cls=cls):
            return " or ".join(f'`"{member.value}"`' for member in cls)
        case types.IntType():
            return "whole number" + _bounds(kind)
        case types.FloatType():
            return "number" + _bounds(kind)
        case types.ListType(item_type=item) | types.VarTupleType(item_type=item):
            return f"list of {_type(item)}"
        case types.StrType():
            return "text"
        case _:
            raise TypeError(kind)


def _bounds(kind: types.IntType | types.FloatType) -> str:
    least, above, most = kind.ge, kind.gt, kind.le
    told = [
        *([f"≥ {least:,}"] if least is not None else []),
        *([f"> {above:,}"] if above is not None else []),
        *([f"≤ {most:,}"] if most is not None else []),
    ]
    return " " + ", ".join(told) if told else ""
