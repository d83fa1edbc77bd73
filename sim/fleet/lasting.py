"""Faults that last for a while, and may meet others of their kind."""

from collections import Counter
from collections.abc import Callable, Hashable
from typing import Any

import msgspec
import trio


class _Value(msgspec.Struct, eq=False):
    """What one fault sets a field to."""

    value: Any


class Lasting:
    """Faults of a fleet that last; the end of one does not end another."""

    def __init__(self) -> None:
        self._counts: Counter[Hashable] = Counter()
        self._values: dict[tuple[int, str], list[_Value]] = {}
        """What a field was, and what each fault that lasts sets it to."""

    async def keep(
        self, what: Hashable, end: Callable[[], object], seconds: float
    ) -> None:
        """Call a function after a while, unless another fault of this kind lasts on.

        Args:
            what: the kind; the fault has begun.
            end: ends all faults of the kind.
            seconds: how long this one lasts.
        """
        self._counts[what] += 1
        await trio.sleep(seconds)
        self._counts[what] -= 1
        if not self._counts[what]:
            end()

    async def set(self, thing: Any, name: str, value: object, seconds: float) -> None:
        """Set a field for a while; of several faults the one that began last counts."""
        key, mine = (id(thing), name), _Value(value)
        values = self._values.setdefault(key, [_Value(getattr(thing, name))])
        values.append(mine)
        setattr(thing, name, value)
        await trio.sleep(seconds)
        values.remove(mine)
        setattr(thing, name, values[-1].value)
