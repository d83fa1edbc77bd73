"""What differs between two values of a table, also as scripts for ``nft -f``.  Pure.

A table of many thousand elements, of which a few come or go, is changed by these alone.
New objects come first, in a step of their own.  A packet that is being judged looks
into maps as they are after a load, and could be led to a chain that to it, by the old
rules, is empty.  Sets that are new get their elements in the second step, before any
packet is led to a rule that looks into them.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from vcnd.linux.nft_table import Element, Filled, Table, written


class Changed(msgspec.Struct, frozen=True):
    """The elements that a map or a set loses, and those that it gets."""

    lost: frozenset[Element]
    gained: frozenset[Element]
    ranges: bool
    """Whether they are ranges, each of which is two elements to the kernel."""


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What differs, by the names of objects."""

    new: Mapping[str, Filled]
    """Without elements, unless these are ranges; ``changed`` has them."""
    new_chains: Mapping[str, Sequence[str]]
    """With their lines."""
    changed_chains: Mapping[str, Sequence[str]]
    """Those that have other rules: with their lines."""
    changed: Mapping[str, Changed]
    gone: Mapping[str, Filled]
    gone_chains: Sequence[str]


def changes(old: Table, new: Table) -> Changes:
    """Return what differs between two values of a table.

    Args:
        old: what is in it.
        new: what is to be in it.
    """
    added = {
        name: x if _has_ranges(x) else Filled(x.kind, x.head)
        for name, x in new.filled.items()
        if name not in old.filled
    }
    there = {**old.filled, **added}
    changed = {
        name: _changed(there[name], x)
        for name, x in sorted(new.filled.items())
        if x.elements is not there[name].elements
    }
    return Changes(
        new=added,
        new_chains={n: x for n, x in new.chains.items() if n not in old.chains},
        changed_chains={
            name: lines
            for name, lines in new.chains.items()
            if name in old.chains and not _is_same(lines, old.chains[name])
        },
        changed={name: x for name, x in changed.items() if x.lost or x.gained},
        gone={
            name: old.filled[name]
            for name in sorted(old.filled.keys() - new.filled.keys())
        },
        gone_chains=sorted(old.chains.keys() - new.chains.keys()),
    )


def _changed(old: Filled, new: Filled) -> Changed:
    was, now = old.elements, new.elements
    return Changed(was - now, now - was, _has_ranges(new))


def _has_ranges(filled: Filled) -> bool:
    return "flags interval" in filled.head


def _is_same(some: Sequence[str], others: Sequence[str]) -> bool:
    return some is others or some == others


def additions(table: str, found: Changes) -> str:
    """Return a script that adds the objects that are new; empty if there are none."""
    lines = [x.declared(name) for name, x in found.new.items()]
    for some in found.new_chains.values():
        lines += some
    return _script(_in_table(table, lines) if lines else [])


def remainder(table: str, found: Changes) -> str:
    """Return a script for all else: objects that stay are changed, others deleted.

    Empty if there is nothing.
    """
    name = f"inet {table}"
    emptied = (*found.changed_chains, *found.gone_chains)
    lines = [f"flush chain {name} {chain}" for chain in emptied]
    for one, x in found.changed.items():
        keys = (element.partition(" : ")[0] for element in written(x.lost))
        lines += _elements("delete", name, one, keys)
    lines += [f"delete chain {name} {chain}" for chain in found.gone_chains]
    lines += [f"delete {x.kind} {name} {one}" for one, x in found.gone.items()]
    for some in found.changed_chains.values():
        lines += _in_table(table, some)
    for one, x in found.changed.items():
        lines += _elements("add", name, one, written(x.gained))
    return _script(lines)


def _elements(verb: str, name: str, one: str, some: Iterable[str]) -> list[str]:
    text = ", ".join(some)
    return [f"{verb} element {name} {one} {{ {text} }}"] if text else []


def _in_table(table: str, lines: Iterable[str]) -> list[str]:
    return [f"table inet {table} {{", *lines, "}"]


def _script(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
