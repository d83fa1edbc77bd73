"""What differs between two values of a table, as scripts for ``nft -f``.  Pure.

A table of many thousand elements, of which a few come or go, is changed by these alone.
"""

from collections.abc import Iterator, Sequence

from vcnd.linux.nft_table import Filled, Table, written


def changes(table: str, before: Table, after: Table) -> list[str]:
    """Return scripts, to be loaded one by one, that change a table.

    New chains come first.  A packet that is being judged looks into maps as they are
    after a load, and could be led to a chain that to it, by the old rules, is empty.

    Args:
        table: its name.
        before: what is in it.
        after: what is to be in it.
    """
    name = f"inet {table}"
    steps = _additions(name, before, after), _changes(name, before, after)
    return ["".join(f"{line}\n" for line in step) for step in steps if step]


def _additions(name: str, old: Table, new: Table) -> list[str]:
    """Return what adds the objects that are new; nothing if there are none."""
    added = [(one, x) for one, x in new.filled.items() if one not in old.filled]
    lines = [x.declared(one) for one, x in added]
    for chain, some in new.chains.items():
        lines += () if chain in old.chains else some
    return [f"table {name} {{", *lines, "}"] if lines else []


def _changes(name: str, old: Table, new: Table) -> list[str]:
    """Return what changes objects that stay, and deletes those that go."""
    changed = [
        (chain, lines)
        for chain, lines in new.chains.items()
        if not _is_same(lines, old.chains.get(chain, lines))
    ]
    filled = [
        (one, old.filled[one], x)
        for one, x in sorted(new.filled.items())
        if one in old.filled and x.elements is not old.filled[one].elements
    ]
    gone = sorted(old.chains.keys() - new.chains.keys())
    lines = [f"flush chain {name} {x}" for x in (*(c for c, _ in changed), *gone)]
    for one, before, after in filled:
        lines += _elements("delete", name, one, before, after)
    lines += [f"delete chain {name} {chain}" for chain in gone]
    for one in sorted(old.filled.keys() - new.filled.keys()):
        lines.append(f"delete {old.filled[one].kind} {name} {one}")
    for _, some in changed:
        lines += [f"table {name} {{", *some, "}"]
    for one, before, after in filled:
        lines += _elements("add", name, one, after, before)
    return lines


def _is_same(some: Sequence[str], others: Sequence[str]) -> bool:
    return some is others or some == others


def _elements(
    verb: str, name: str, one: str, filled: Filled, other: Filled
) -> Iterator[str]:
    """Yield what adds or deletes the elements that only one of two values has."""
    some = written(filled.elements - other.elements)
    if verb == "delete":
        some = (element.partition(" : ")[0] for element in some)
    text = ", ".join(some)
    if text:
        yield f"{verb} element {name} {one} {{ {text} }}"
