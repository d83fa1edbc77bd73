"""The port at which a process serves its metrics to Prometheus."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Never

from vcnd.aside import aside
from vcnd.model.metrics import MetricFamily

Read = Callable[[], Awaitable[Sequence[MetricFamily]]]
"""Returns what the process tells."""


async def serve(address: str, read: Read) -> Never:
    """Serve metrics for ever; a failure is logged, and ends nothing else.

    Args:
        address: host and port.
        read: returns the metrics.
    """
    await aside("metrics", partial(_serve, address, read))


async def _serve(address: str, read: Read) -> Never:
    # The libraries are for nothing else, and take 1 MiB.
    from vcnd.metrics.exposition import Exposition  # noqa: PLC0415
    from vcnd.serve import metrics  # noqa: PLC0415

    await metrics.serve(address, Exposition(read).scrape)
