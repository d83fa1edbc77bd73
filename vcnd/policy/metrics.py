"""The process' metrics in Prometheus' formats.

No label has a pod's name.  The namespaces are those of pods here that policies
select, and have a bound (``core.policy.tally``).  Only where metrics are configured is
this module imported: the library takes 1 MiB.
"""

from collections import Counter
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from vcnd.core.policy.denials import InForce
from vcnd.core.policy.tally import Tally
from vcnd.log import log
from vcnd.model.policy import Tier
from vcnd.model.policy_status import PolicyStatus
from vcnd.policy.counts import Counts
from vcnd.policy.meter import Meter

PREFIX = "vcnd_policy"


class Metrics:
    """Reads everything when it is asked, and keeps nothing."""

    def __init__(
        self,
        *,
        report: Callable[[], PolicyStatus],
        known: Callable[[], InForce | None],
        counts: Counts,
        meter: Meter,
    ) -> None:
        """Make it.

        Args:
            report: returns the process' state.
            known: returns the rules in force; None before there are any.
            counts: what the kernel counts.
            meter: what the process did.
        """
        self._counts = counts
        self._registry = CollectorRegistry()
        self._registry.register(_Families(report, known, counts.tally, meter))
        ProcessCollector(registry=self._registry)

    async def scrape(self, accept: str) -> tuple[bytes, str]:
        """Return all metrics, and the format that they have.

        Args:
            accept: which formats the caller takes, as in HTTP's header.
        """
        try:
            await self._counts.refresh()
        except OSError as error:  # those read before are as good as they can be
            log.warning("counters_not_read", reason=str(error))
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type


class _Families(Collector):
    """Yields the metrics."""

    def __init__(
        self,
        report: Callable[[], PolicyStatus],
        known: Callable[[], InForce | None],
        tally: Tally,
        meter: Meter,
    ) -> None:
        self._report, self._known = report, known
        self._tally, self._meter = tally, meter

    def describe(self) -> list[Metric]:
        """Return nothing: the state is read at a scrape, and not before."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics."""
        yield from self._traffic()
        yield from self._state()
        yield from self._work()

    def _traffic(self) -> Iterator[Metric]:
        denied = CounterMetricFamily(
            f"{PREFIX}_denied_packets",
            "Packets that network policies denied.",
            labels=["direction", "namespace", "why"],
        )
        accepted = CounterMetricFamily(
            f"{PREFIX}_accepted_connections",
            "New connections that network policies allowed, of pods that they select.",
            labels=["direction", "namespace"],
        )
        for total, count in self._tally.totals.items():
            labels = [total.direction.lower(), total.namespace]
            if total.why is None:
                accepted.add_metric(labels, count)
            else:
                denied.add_metric([*labels, total.why], count)
        yield denied
        yield accepted

    def _state(self) -> Iterator[Metric]:
        status = self._report()
        cluster, rules = status.cluster, status.rules
        info = _gauge("info", "What is configured.", labels=["enforcement"])
        info.add_metric([status.enforcement], 1)
        yield info
        policies = _gauge("policies", "Policies of the cluster.", labels=["tier"])
        known = self._known()
        found = Counter(p.ref.tier for p in known.cluster.policies) if known else {}
        for tier in Tier:
            policies.add_metric([tier.name.lower()], found.get(tier, 0))
        yield policies
        in_force = rules.in_force_seconds is not None
        for name, text, value in (
            ("flawed", "Policies that cannot be read in parts.", len(cluster.flawed)),
            ("pods", "Pods of the cluster that have an address.", cluster.pods),
            ("synced", "1 if the whole cluster is known.", cluster.synced),
            ("in_force", "1 if rules of this process are in force.", in_force),
            ("refused", "1 if the kernel refused the latest rules.", rules.refused),
            ("links", "Links of pods on this node.", rules.links),
            ("held_links", "Links that are closed: their pod is unknown.", rules.held),
            ("chains", "Chains of rules: one for each set of policies.", rules.chains),
            ("set_elements", "Elements of all sets of the rules.", rules.elements),
        ):
            number = int(value) if not isinstance(value, str) else int(bool(value))
            yield _gauge(name, text, value=number)

    def _work(self) -> Iterator[Metric]:
        meter = self._meter
        yield HistogramMetricFamily(
            f"{PREFIX}_rules_apply_seconds",
            "From when a change was seen until its rules were in force.",
            buckets=meter.cumulative(),
            sum_value=meter.apply_seconds,
        )
        admits = CounterMetricFamily(
            f"{PREFIX}_admits",
            "ADDs that asked for their pod's rules, by how it ended.",
            labels=["result"],
        )
        for result, count in meter.admits.items():
            admits.add_metric([result], count)
        yield admits
        yield CounterMetricFamily(
            f"{PREFIX}_nft_refusals", "Rules that the kernel refused.", meter.refusals
        )
        yield CounterMetricFamily(
            f"{PREFIX}_restored",
            "Rules put again that another program had changed.",
            meter.restored,
        )


def _gauge(
    name: str, text: str, value: float | None = None, labels: list[str] | None = None
) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{PREFIX}_{name}", text, value=value, labels=labels)
