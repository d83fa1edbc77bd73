"""Objects of a table, in nft's language, as ``nft_scripts`` reads them.  Pure."""

import re
from collections.abc import Iterable, Mapping

from vcnd.model.family import Family

ADDRESS_KINDS = {Family.IPV4: "ipv4_addr", Family.IPV6: "ipv6_addr"}
PLAIN = re.compile("[A-Za-z0-9_.-]+")
"""Names that mean themselves in nft's language."""


def are_plain(names: Iterable[str]) -> bool:
    """Return True if names that others chose can stand in a script."""
    return all(PLAIN.fullmatch(name) for name in names)


def quoted(links: Iterable[str]) -> list[str]:
    """Return others' links as rules name them; those with odd names are left out.

    A kernel takes most characters in a link's name.  In nft's language an asterisk
    stands for any others, and a quotation mark ends the name.  So no rule of ours may
    let a link with such a name pass: it is treated like a pod's that is not known.
    """
    return [f'"{link}"' for link in links if PLAIN.fullmatch(link)]


def chain(name: str, *rules: str) -> list[str]:
    """Return the lines of a chain; rules that are empty are left out."""
    return [f"  chain {name} {{", *(f"    {r}" for r in rules if r), "  }"]


def verdict_map(name: str, kind: str, elements: Mapping[str, str]) -> str:
    """Return a map of verdicts.

    It has a name, so that a later load changes it in place: in a map that a rule holds,
    and that goes with it, a packet that is on its way finds nothing.
    """
    pairs = (f"{key} : {verdict}" for key, verdict in elements.items())
    return declared("map", name, f"type {kind} : verdict;", pairs)


def declared(kind: str, name: str, head: str, elements: Iterable[str] = ()) -> str:
    """Return the line that declares an object with a name.

    Args:
        kind: ``map``, ``set``, ``counter`` or ``limit``.
        name: the object's.
        head: what its declaration says besides the elements.
        elements: those of a map or a set.
    """
    some = ", ".join(elements)
    filling = f"elements = {{ {some} }};" if some else ""
    parts = (kind, name, "{", head, filling, "}")
    return "  " + " ".join(part for part in parts if part)
