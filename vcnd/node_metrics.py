"""All metrics of a node's daemon, read when somebody asks."""

import os
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from vcnd import __version__
from vcnd.flow import metrics as flow
from vcnd.flow.pool import Pool
from vcnd.journal import meter as journal
from vcnd.kube import metrics as kube
from vcnd.model.drift import DriftKind
from vcnd.model.express import ExpressState
from vcnd.model.metrics import Metric, MetricFamily, Reading, gauge
from vcnd.ociapi import caller
from vcnd.ociapi import meter as ociapi
from vcnd.serve import call_meter
from vcnd.serve.call_meter import CallMeter

INFO = gauge("vcnd_info", "The daemon's version; always 1.", "version")
METRICS: tuple[Metric, ...] = (
    INFO,
    *flow.METRICS,
    *call_meter.METRICS,
    *ociapi.METRICS,
    *caller.METRICS,
    *journal.METRICS,
    *kube.METRICS,
)


class NodeMetrics:
    """Asks the owners of the numbers; keeps those of calls."""

    def __init__(
        self,
        *,
        pool: Pool,
        express: Callable[[], Awaitable[ExpressState]],
        restored: Callable[[], Mapping[DriftKind, int]],
        others: Sequence[Callable[[], Iterable[MetricFamily]]],
        wall_clock: Callable[[], float],
    ) -> None:
        """Make it.

        Args:
            pool: the node's state.
            express: returns the express lane's.
            restored: returns how often each kind was restored in the kernel.
            others: return what adapters measure: cloud, journal, cluster.
            wall_clock: Unix time.
        """
        self._pool, self.express, self._restored = pool, express, restored
        self._others = others
        self._wall_clock = wall_clock
        self.calls = CallMeter()
        """Of CNI calls: the server tells it."""

    async def read(self) -> Sequence[MetricFamily]:
        """Return all metrics."""
        lane = await self.express()
        return [
            INFO.by_label({__version__: 1}),
            *flow.families(self._pool, lane, self._restored(), self._wall_clock),
            *self.calls.families(),
            *(family for read in self._others for family in read()),
        ]

    async def reading(self) -> Reading:
        """Return all metrics, for another process to write."""
        return Reading(pid=os.getpid(), families=tuple(await self.read()))
