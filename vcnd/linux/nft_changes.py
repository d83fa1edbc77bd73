"""What differs between two texts of a table, as scripts for ``nft -f``.  Pure.

It reads texts as ``nft_text`` writes them.  A table of many thousand elements, of which
a few come or go, is changed by these alone.
"""

from collections.abc import Iterator

import msgspec

ELEMENTS = " elements = { "
KINDS = ("map", "set")
PLAIN = ("counter", "limit")
"""Objects that hold nothing that a change adds or takes."""


class _Filled(msgspec.Struct, frozen=True):
    """A map or a set, or an object without elements."""

    kind: str
    declared: str
    """Its line."""
    elements: frozenset[str]


class _Table(msgspec.Struct, frozen=True):
    """The objects of a table, by name."""

    chains: dict[str, list[str]]
    """Their lines."""
    filled: dict[str, _Filled]


def changes(table: str, before: str, after: str) -> list[str]:
    """Return scripts, to be loaded one by one, that change a table.

    New chains come first.  A packet that is being judged looks into maps as they are
    after a load, and could be led to a chain that to it, by the old rules, is empty.

    Args:
        table: its name.
        before: what is in it.
        after: what is to be in it.
    """
    name, old, new = f"inet {table}", _read(before), _read(after)
    steps = _additions(name, old, new), _changes(name, old, new)
    return ["".join(f"{line}\n" for line in step) for step in steps if step]


def _additions(name: str, old: _Table, new: _Table) -> list[str]:
    """Return what adds the objects that are new; nothing if there are none."""
    lines = [x.declared for one, x in new.filled.items() if one not in old.filled]
    for chain, some in new.chains.items():
        lines += [] if chain in old.chains else some
    return [f"table {name} {{", *lines, "}"] if lines else []


def _changes(name: str, old: _Table, new: _Table) -> list[str]:
    """Return what changes objects that stay, and deletes those that go."""
    return [*_removals(name, old, new), *_fillings(name, old, new)]


def _removals(name: str, old: _Table, new: _Table) -> Iterator[str]:
    stay = old.filled.keys() & new.filled.keys()
    for chain, lines in old.chains.items():
        if new.chains.get(chain) != lines:
            yield f"flush chain {name} {chain}"
    for one in sorted(stay):
        gone = old.filled[one].elements - new.filled[one].elements
        keys = (element.partition(" : ")[0] for element in gone)
        yield from _elements("delete", name, one, keys)
    for chain in old.chains.keys() - new.chains.keys():
        yield f"delete chain {name} {chain}"
    for one in sorted(old.filled.keys() - stay):
        yield f"delete {old.filled[one].kind} {name} {one}"


def _fillings(name: str, old: _Table, new: _Table) -> Iterator[str]:
    for chain, lines in new.chains.items():
        if old.chains.get(chain, lines) != lines:
            yield from [f"table {name} {{", *lines, "}"]
    for one in sorted(old.filled.keys() & new.filled.keys()):
        come = new.filled[one].elements - old.filled[one].elements
        yield from _elements("add", name, one, iter(come))


def _elements(verb: str, name: str, one: str, elements: Iterator[str]) -> Iterator[str]:
    some = ", ".join(elements)
    if some:
        yield f"{verb} element {name} {one} {{ {some} }}"


def _read(text: str) -> _Table:
    found = _Table({}, {})
    chain: list[str] = []
    for line in text.splitlines():
        kind, *rest = line.split(maxsplit=2)
        if line.startswith("    ") or line == "  }":
            chain.append(line)
        elif kind == "chain":
            chain = found.chains[rest[0]] = [line]
        elif kind in KINDS + PLAIN:
            _, _, elements = line.partition(ELEMENTS)
            some = elements.removesuffix(" }; }").split(", ") if elements else ()
            found.filled[rest[0]] = _Filled(kind, line, frozenset(some))
    return found
