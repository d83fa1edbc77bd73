"""The metrics of vcnd-policy.

No label has a pod's name.  The namespaces are those of pods here that policies
select, and have a bound (``core.policy.tally``).
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from vcnd.core.policy.denials import InForce
from vcnd.log import log
from vcnd.model.metrics import (
    Metric,
    MetricFamily,
    Reading,
    Sample,
    counter,
    gauge,
    histogram,
)
from vcnd.model.policy import Tier
from vcnd.model.policy_status import PolicyStatus
from vcnd.policy.counts import Counts
from vcnd.policy.meter import ENDS, Meter

DENIED = counter(
    "vcnd_policy_denied_packets",
    "Packets from or to pods here that network policies denied, as the kernel counts"
    " them; what the guard drops while the table is lost is not counted.",
    *("direction", "namespace", "why"),
)
ACCEPTED = counter(
    "vcnd_policy_accepted_connections",
    "New connections that network policies allowed, of pods that they select.",
    *("direction", "namespace"),
)
INFO = gauge("vcnd_policy_info", "What is configured; always 1.", "enforcement")
POLICIES = gauge("vcnd_policy_policies", "Policies of the cluster.", "tier")
FLAWED = gauge(
    "vcnd_policy_flawed", "Policies of which parts cannot be read, and allow nothing."
)
PODS = gauge("vcnd_policy_pods", "Pods of the cluster that have an address.")
SYNCED = gauge("vcnd_policy_synced", "1 if the whole cluster is known.")
IN_FORCE = gauge(
    "vcnd_policy_in_force",
    "1 if rules of this process are in force; before, those of its earlier life are.",
)
REFUSED = gauge("vcnd_policy_refused", "1 if the kernel refused the latest rules.")
LINKS = gauge("vcnd_policy_links", "Links of pods on this node.")
HELD_LINKS = gauge(
    "vcnd_policy_held_links",
    "Links whose pod is not known: closed in mode strict, open in mode standard.",
)
CHAINS = gauge("vcnd_policy_chains", "Chains of rules: one for each set of policies.")
ELEMENTS = gauge("vcnd_policy_set_elements", "Elements of all sets of the rules.")
APPLY = histogram(
    "vcnd_policy_rules_apply_seconds",
    "Time from when a change was seen until its rules were in force.",
    ENDS,
)
ADMITS = counter(
    "vcnd_policy_admits",
    "ADDs that asked for their pod's rules: answered (ok), or the caller hung up.",
    "result",
)
REFUSALS = counter("vcnd_policy_nft_refusals", "Rules that the kernel refused.")
RESTORED = counter(
    "vcnd_policy_restored",
    "How often another program had changed the rules, and they were put again.",
)
METRICS: tuple[Metric, ...] = (
    *(DENIED, ACCEPTED, INFO, SYNCED, IN_FORCE, POLICIES, PODS, FLAWED, LINKS),
    *(HELD_LINKS, CHAINS, ELEMENTS, APPLY, ADMITS, REFUSED, REFUSALS, RESTORED),
)


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
        self._report, self._known = report, known
        self._counts, self._meter = counts, meter

    async def read(self) -> Sequence[MetricFamily]:
        """Return all metrics."""
        try:
            await self._counts.refresh()
        except OSError as error:  # those read before are as good as they can be
            log.warning("counters_not_read", reason=str(error))
        return [*self._traffic(), *self._state(), *self._work()]

    async def reading(self) -> Reading:
        """Return all metrics, for another process to write."""
        return Reading(pid=os.getpid(), families=tuple(await self.read()))

    def _traffic(self) -> Iterator[MetricFamily]:
        denied, accepted = list[Sample](), list[Sample]()
        for total, count in self._counts.tally.totals.items():
            labels = (total.direction.lower(), total.namespace)
            if total.why is None:
                accepted.append(Sample(labels, count))
            else:
                denied.append(Sample((*labels, total.why), count))
        yield DENIED.family(denied)
        yield ACCEPTED.family(accepted)

    def _state(self) -> Iterator[MetricFamily]:
        status, known = self._report(), self._known()
        cluster, rules = status.cluster, status.rules
        yield INFO.by_label({status.enforcement: 1})
        found = Counter(p.ref.tier for p in known.cluster.policies) if known else {}
        yield POLICIES.by_label({t.name.lower(): found.get(t, 0) for t in Tier})
        yield FLAWED.single(len(cluster.flawed))
        yield PODS.single(cluster.pods)
        yield SYNCED.single(cluster.synced)
        yield IN_FORCE.single(rules.in_force_seconds is not None)
        yield REFUSED.single(bool(rules.refused))
        yield LINKS.single(rules.links)
        yield HELD_LINKS.single(rules.held)
        yield CHAINS.single(rules.chains)
        yield ELEMENTS.single(rules.elements)

    def _work(self) -> Iterator[MetricFamily]:
        meter = self._meter
        yield APPLY.family([meter.apply.sample()])
        yield ADMITS.by_label(meter.admits)
        yield REFUSALS.single(meter.refusals)
        yield RESTORED.single(meter.restored)
