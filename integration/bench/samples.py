"""Samples of interleaved blocks: medians, tails and ratios.

A block is a short, uninterrupted series of samples of one side.  Sides take turns, so
a machine that is slow for a second is slow for all of them, and the ratio of two
neighbouring blocks says more than the ratio of two means.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import TypeVar

T = TypeVar("T")


def in_turn(sides: Sequence[T], number: int) -> Sequence[T]:
    """Return the order of a round; each round begins with the next side.

    So none always runs on the caches that the same other one left.
    """
    first = (number - 1) % len(sides)
    return [*sides[first:], *sides[:first]]


def turns(sides: Sequence[T], rounds: int) -> Iterator[tuple[int, T]]:
    """Yield each round's number with each side: A B, B A, A B, B A ….

    Round 0 comes in addition: it warms caches and shall not count.
    """
    for number in range(rounds + 1):
        for side in in_turn(sides, number):
            yield number, side


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that is at least as high as so many percent of all."""
    if not values:
        raise ValueError("no samples")
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)  # rounded up
    return ordered[max(0, int(rank) - 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One side's samples, in the row's unit."""

    minimum: float
    p50: float
    p99: float
    samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """How one side stands to another."""

    of: str
    to: str
    p50: float
    """Median of the ratios of the blocks' medians."""
    low: float
    high: float
    """Tenth and ninetieth percentile of these ratios: how noisy the machine was."""
    p99: float
    """Ratio of the p99 of all samples."""


@dataclass(slots=True)
class Samples:
    """The blocks of all sides, in the order in which they were measured."""

    blocks: dict[str, list[list[float]]] = field(default_factory=dict)

    def add(self, side: str, block: Sequence[float]) -> None:
        """Append a block of a side."""
        self.blocks.setdefault(side, []).append(list(block))

    def all(self, side: str) -> list[float]:
        """Return all samples of a side."""
        return [value for block in self.blocks[side] for value in block]

    def summary(self, side: str) -> Summary:
        """Return a side's minimum, median and p99."""
        values = self.all(side)
        return Summary(
            minimum=min(values),
            p50=median(values),
            p99=percentile(values, 99),
            samples=len(values),
        )

    def summaries(self) -> dict[str, Summary]:
        """Return the summary of each side."""
        return {side: self.summary(side) for side in self.blocks}

    def ratio(self, of: str, to: str) -> Ratio:
        """Compare two sides that have equally many blocks."""
        pairs = zip(self.blocks[of], self.blocks[to], strict=True)
        ratios = [median(a) / median(b) for a, b in pairs]
        return Ratio(
            of=of,
            to=to,
            p50=median(ratios),
            low=percentile(ratios, 10),
            high=percentile(ratios, 90),
            p99=percentile(self.all(of), 99) / percentile(self.all(to), 99),
        )


def median_ratios(
    measured: Mapping[str, Samples], wanted: Mapping[str, tuple[str, str, str]]
) -> dict[str, float]:
    """Return the median ratios of those pairs of sides that were measured.

    Args:
        measured: the samples of each test.
        wanted: test, side, and the side it is compared with, by the ratio's name.
    """
    return {
        name: round(measured[test].ratio(of, to).p50, 3)
        for name, (test, of, to) in wanted.items()
        if {of, to} <= measured[test].blocks.keys()
    }
