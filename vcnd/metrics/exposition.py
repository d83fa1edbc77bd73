"""Families of metrics in Prometheus' formats: the one door to its library.

It is imported only where metrics are configured, or asked for: the library takes 1 MiB.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from vcnd.model.metrics import Kind, MetricFamily, Reading

OPEN_METRICS = "application/openmetrics-text; version=1.0.0"
"""What a caller accepts that wants OpenMetrics."""


class Exposition:
    """Answers scrapes; between them it keeps nothing."""

    def __init__(self, read: Callable[[], Awaitable[Sequence[MetricFamily]]]) -> None:
        """Make it.

        Args:
            read: returns what this process tells.
        """
        self._read = read

    async def scrape(self, accept: str) -> tuple[bytes, str]:
        """Return all metrics, and the format that they have.

        Args:
            accept: which formats the caller takes, as in HTTP's header.
        """
        return written(await self._read(), accept)


def of_another(reading: Reading, accept: str) -> str:
    """Return what another process of this node told, as text."""
    body, _ = written(reading.families, accept, pid=str(reading.pid))
    return body.decode()


def written(
    families: Sequence[MetricFamily], accept: str, *, pid: str = "self"
) -> tuple[bytes, str]:
    """Return families, and a process' memory, time and files, in a format.

    Args:
        families: what was read.
        accept: which formats the reader takes, as in HTTP's header.
        pid: the process'.
    """
    registry = CollectorRegistry()
    registry.register(_Families(families))
    ProcessCollector(pid=lambda: pid, registry=registry)
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class _Families(Collector):
    """Yields families as the library has them."""

    def __init__(self, families: Sequence[MetricFamily]) -> None:
        self._families = families

    def describe(self) -> list[Metric]:
        """Return nothing: the registry lives for one scrape."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield all families."""
        yield from map(_converted, self._families)


def _converted(family: MetricFamily) -> Metric:
    metric = family.metric
    name, text, labels = metric.name, metric.text, metric.labels
    if metric.kind is Kind.HISTOGRAM:
        ends = [*map(floatToGoString, metric.ends), "+Inf"]
        found = HistogramMetricFamily(name, text, labels=labels)
        for sample in family.samples:
            counts = map(float, accumulate(sample.counts))
            buckets = list(zip(ends, counts, strict=True))
            found.add_metric(sample.labels, buckets, sum_value=sample.value)
        return found
    plain = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    made = plain(name, text, labels=labels)
    for sample in family.samples:
        made.add_metric(sample.labels, sample.value)
    return made
