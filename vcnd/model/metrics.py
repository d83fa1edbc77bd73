"""Metrics as values: what is measured, and what was read at one moment.

Each owner of numbers has its metrics as constants and returns families of them;
``vcnd.metrics.exposition`` writes them in Prometheus' formats.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TypeVar

import msgspec

Label = TypeVar("Label", bound=str)
Labels = TypeVar("Labels", bound=tuple[str, ...])

OTHERS = "_others"
"""A label's value for all values beyond its bound; no real value is equal to it."""


class Kind(StrEnum):
    """A kind of metric, as Prometheus has them."""

    GAUGE = "gauge"
    COUNTER = "counter"
    """It only grows; it begins at 0 with the process, or with what it counts."""
    HISTOGRAM = "histogram"


class Sample(msgspec.Struct, frozen=True):
    """A value of a metric."""

    labels: tuple[str, ...]
    """The labels' values, in the order of the metric's labels."""
    value: float
    """Of a histogram: the sum of all observations."""
    counts: tuple[int, ...] = ()
    """Of a histogram: the observations in each bucket and none other; the last is
    beyond all upper ends."""


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured."""

    name: str
    """With its unit; a counter's without ``_total``."""
    kind: Kind
    text: str
    """One sentence for people."""
    labels: tuple[str, ...] = ()
    ends: tuple[float, ...] = ()
    """Of a histogram: the buckets' upper ends, rising."""

    @property
    def shown_name(self) -> str:
        """Return the name that users see; a histogram has several beside it."""
        return f"{self.name}_total" if self.kind is Kind.COUNTER else self.name

    def family(self, samples: Iterable[Sample]) -> "MetricFamily":
        """Return what was read of this metric."""
        return MetricFamily(self, tuple(samples))

    def single(self, value: float) -> "MetricFamily":
        """Return the only value of a metric without labels."""
        return self.family([Sample((), float(value))])

    def by_label(self, values: Mapping[Label, float]) -> "MetricFamily":
        """Return the values of a metric with one label."""
        return self.family(Sample((x,), float(n)) for x, n in values.items())

    def by_labels(self, values: Mapping[Labels, float]) -> "MetricFamily":
        """Return the values of a metric with several labels."""
        return self.family(Sample(x, float(n)) for x, n in values.items())


class MetricFamily(msgspec.Struct, frozen=True):
    """A metric and all values that it has at one moment."""

    metric: Metric
    samples: tuple[Sample, ...]


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """All that a process tells of itself."""

    pid: int
    """The process' own; from it follow memory, processor time and open files."""
    families: tuple[MetricFamily, ...]


def gauge(name: str, text: str, *labels: str) -> Metric:
    """Return a metric that rises and falls."""
    return Metric(name=name, kind=Kind.GAUGE, text=text, labels=labels)


def counter(name: str, text: str, *labels: str) -> Metric:
    """Return a metric that only grows; its name is without ``_total``."""
    return Metric(name=name, kind=Kind.COUNTER, text=text, labels=labels)


def histogram(name: str, text: str, ends: tuple[float, ...], *labels: str) -> Metric:
    """Return a metric of durations or sizes; ``ends`` are the buckets' upper ends."""
    return Metric(name=name, kind=Kind.HISTOGRAM, text=text, labels=labels, ends=ends)
