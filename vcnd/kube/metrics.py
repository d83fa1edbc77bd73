"""The metrics of following the cluster, and of writing to it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import inf
from typing import Any

import trio

from vcnd.kubeapi.reflector import Reflector
from vcnd.model.metrics import Metric, MetricFamily, counter, gauge

FOLLOWED = gauge(
    "vcnd_kubernetes_followed",
    "1 if all objects of the kind have been listed and none of them is missed now.",
    "kind",
)
HEARD = gauge(
    "vcnd_kubernetes_heard_timestamp_seconds",
    "When a watch of the kind had its last line; bookmarks come each minute.",
    "kind",
)
LISTS = counter(
    "vcnd_kubernetes_lists", "Lists of the kind that were asked for.", "kind"
)
WATCHES = counter("vcnd_kubernetes_watches", "Watches of the kind that began.", "kind")
FAILURES = counter(
    "vcnd_kubernetes_follow_failures",
    "Lists and watches of the kind that failed, by cause.",
    *("kind", "cause"),
)
SKIPPED = gauge(
    "vcnd_kubernetes_skipped_objects",
    "Objects of the kind that cannot be decoded, and are skipped.",
    "kind",
)
WRITES = counter(
    "vcnd_kubernetes_writes",
    "Writes, but of Events, by how they ended: ok, overtaken (somebody else was"
    " faster), or a cause.",
    "result",
)
METRICS: tuple[Metric, ...] = (
    *(FOLLOWED, HEARD, LISTS, WATCHES, FAILURES, SKIPPED, WRITES),
)


def families(
    reflectors: "Sequence[Reflector[Any]]",
    writes: Mapping[str, int],
    wall_clock: Callable[[], float],
) -> Iterator[MetricFamily]:
    """Yield the metrics.

    Args:
        reflectors: they follow a kind each.
        writes: by how they ended.
        wall_clock: Unix time.
    """
    by_kind = {r.cache.name: r for r in reflectors}
    counts = {kind: r.counts for kind, r in by_kind.items()}
    began = wall_clock() - trio.current_time()
    yield FOLLOWED.by_label(
        {k: r.cache.synced and r.failure is None for k, r in by_kind.items()}
    )
    yield HEARD.by_label(
        {k: began + c.heard_at for k, c in counts.items() if c.heard_at > -inf}
    )
    yield LISTS.by_label({k: c.lists for k, c in counts.items()})
    yield WATCHES.by_label({k: c.watches for k, c in counts.items()})
    yield FAILURES.by_labels(
        {(k, why): n for k, c in counts.items() for why, n in c.failures.items()}
    )
    yield SKIPPED.by_label({k: len(r.cache.skipped) for k, r in by_kind.items()})
    yield WRITES.by_label(writes)
