"""A target as a value: where it is, and its functions."""

from collections.abc import Callable, Iterable
from importlib import import_module

import msgspec

ALONE = 2048
"""Bytes: the longest input, unless a target takes longer ones."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What is fuzzed."""

    rooms: tuple[str, ...]
    """The packages whose coverage guides."""
    most_bytes: int = ALONE
    starts_programs: bool = False
    """True if each input starts a program: such a target is slow."""

    def load(self, name: str) -> "Loaded":
        """Import it, with the rooms."""
        module = import_module(f"tests.fuzz.targets.{name}")
        return Loaded(run=module.run, seeds=module.seeds)


class Loaded(msgspec.Struct, frozen=True):
    """A target's functions."""

    run: Callable[[bytes], None]
    """Takes one input; raises if that breaks the target's rule."""
    seeds: Callable[[], Iterable[bytes]]
    """Returns the inputs with which a search begins."""
