"""Scripts for ``nft -f`` that bring a table to the kernel, each in one step.  Pure."""

from itertools import pairwise

import msgspec

from vcnd.linux.nft_text import are_plain


class Objects(msgspec.Struct, frozen=True, kw_only=True):
    """The named objects of a table."""

    chains: frozenset[str] = frozenset()
    maps: frozenset[str] = frozenset()
    sets: frozenset[str] = frozenset()
    counters: frozenset[str] = frozenset()
    limits: frozenset[str] = frozenset()

    @property
    def are_plain(self) -> bool:
        """Return True if a script can name them all: others may have made some."""
        named = (self.chains, self.maps, self.sets, self.counters, self.limits)
        return all(map(are_plain, named))


def in_place(table: str, text: str, there: Objects, *, renews: bool = False) -> str:
    """Return a script that gives a table other contents, and loses no packet by it.

    A packet that is being judged at that moment is judged to the end by the old rules,
    but looks into maps and sets as they are afterwards.  So one that stays must be the
    same object, with its elements flushed and added: in a deleted one a packet finds
    nothing.  Counters that stay count on.

    Args:
        table: its name.
        text: what is to be in it (``ruleset.render``).
        there: what is in it now; names are plain (``Objects.are_plain``).
        renews: chains at hooks are made anew: another version has them elsewhere.
    """
    wanted = objects(text)
    stay = wanted.chains - at_hooks(text) if renews else wanted.chains
    name = f"inet {table}"
    lines = [
        f"table {name} {{ }}",
        f"flush table {name}",
        *(f"flush map {name} {x}" for x in sorted(there.maps)),
        *(f"flush set {name} {x}" for x in sorted(there.sets)),
        *(f"delete chain {name} {x}" for x in sorted(there.chains - stay)),
        *(f"delete map {name} {x}" for x in sorted(there.maps - wanted.maps)),
        *(f"delete set {name} {x}" for x in sorted(there.sets - wanted.sets)),
        *(
            f"delete counter {name} {x}"
            for x in sorted(there.counters - wanted.counters)
        ),
        *(f"delete limit {name} {x}" for x in sorted(there.limits - wanted.limits)),
        text,
    ]
    return "\n".join(lines)


def anew(table: str, text: str) -> str:
    """Return a script that puts a table in place of whatever is there.

    A packet that is being judged at that moment may be lost.
    """
    return removal(table) + text


def removal(table: str) -> str:
    """Return a script that deletes a table, whether it is there or not."""
    return f"table inet {table} {{ }}\ndelete table inet {table}\n"


def at_hooks(text: str) -> frozenset[str]:
    """Return the chains of a table's text that are at a hook; no rule leads to them."""
    return frozenset(
        declared.split()[1]
        for declared, first in pairwise(text.splitlines())
        if declared.startswith("  chain ") and first.startswith("    type ")
    )


def objects(text: str) -> Objects:
    """Return what a table's text declares."""
    kinds = ("chain", "map", "set", "counter", "limit")
    found: dict[str, set[str]] = {kind: set() for kind in kinds}
    for line in text.splitlines():
        kind, *rest = line.split(maxsplit=2) or [""]
        # Rules stand deeper, and may begin with the same words.
        if line.startswith("  ") and not line.startswith("   ") and kind in found:
            found[kind].add(rest[0])
    return Objects(
        chains=frozenset(found["chain"]),
        maps=frozenset(found["map"]),
        sets=frozenset(found["set"]),
        counters=frozenset(found["counter"]),
        limits=frozenset(found["limit"]),
    )
