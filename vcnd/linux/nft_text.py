"""Objects of a table, in nft's language, as ``nft_scripts`` reads them.  Pure."""

from collections.abc import Iterable, Mapping

from vcnd.model.family import Family

ADDRESS_KINDS = {Family.IPV4: "ipv4_addr", Family.IPV6: "ipv6_addr"}


def chain(name: str, *rules: str) -> list[str]:
    """Return the lines of a chain; rules that are empty are left out."""
    return [f"  chain {name} {{", *(f"    {r}" for r in rules if r), "  }"]


def verdict_map(name: str, kind: str, elements: Mapping[str, str]) -> str:
    """Return a map of verdicts.

    It has a name, so that a later load changes it in place: in a map that a rule holds,
    and that goes with it, a packet that is on its way finds nothing.
    """
    pairs = (f"{key} : {verdict}" for key, verdict in elements.items())
    return f"  map {name} {{ type {kind} : verdict;{_filled(pairs)} }}"


def named_set(
    name: str, kind: str, elements: Iterable[str], *, interval: bool = False
) -> str:
    """Return a set; it has a name for the same reason."""
    flags = " flags interval;" if interval else ""
    return f"  set {name} {{ type {kind};{flags}{_filled(elements)} }}"


def counter(name: str) -> str:
    """Return a counter that rules share; it counts on while rules change."""
    return f"  counter {name} {{ }}"


def limit(name: str, per_second: int) -> str:
    """Return a limit that rules share; its rate stays as it was made."""
    burst = f"burst {per_second} packets"
    return f"  limit {name} {{ rate {per_second}/second {burst}; }}"


def _filled(elements: Iterable[str]) -> str:
    some = ", ".join(elements)
    return f" elements = {{ {some} }};" if some else ""
