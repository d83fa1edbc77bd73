"""``vcndctl top`` and ``vcndctl flows``: what the pods of the node send and receive."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Protocol

import trio
from msgspec.structs import replace

from vcnd.flow.pool import Pool
from vcnd.model.express import ExpressState
from vcnd.model.traffic import (
    FlowsAnswer,
    FlowsShown,
    LinkCounters,
    PodCounters,
    TrafficAnswer,
)

MOST_FLOWS = 2000
"""So many connections that differ are listed."""


class KernelCounts(Protocol):
    """Asks the kernel what pods send."""

    async def links(self) -> Mapping[str, LinkCounters]:
        """Return the counters of the node's links, by name."""

    async def connections(
        self, addresses: Collection[str], most: int
    ) -> Sequence[FlowsShown]:
        """Return the tracked connections with some addresses at one end."""


class Traffic:
    """Answers what pods send and receive; changes nothing."""

    def __init__(
        self,
        *,
        pool: Pool,
        kernel: KernelCounts,
        express: Callable[[], Awaitable[ExpressState]],
    ) -> None:
        """Make it.

        Args:
            pool: has the pods.
            kernel: counts.
            express: returns the express lane's state.
        """
        self._pool, self._kernel, self._express = pool, kernel, express

    async def counters(self) -> TrafficAnswer:
        """Return the counters of all pods."""
        lane, links = await self._express(), await self._kernel.links()
        found = [
            PodCounters(
                pod=str(lease.pod) or lease.key.container_id[:13],
                addresses=lease.addresses,
                link=lease.wiring.ifname,
                counters=_of_pod(links[lease.wiring.ifname]),
            )
            for lease in self._pool.ledger.leases()
            if lease.wiring is not None and lease.wiring.ifname in links
        ]
        return TrafficAnswer(
            at=trio.current_time(),
            pods=tuple(sorted(found, key=lambda x: x.pod)),
            express=lane.on,
        )

    async def flows(self) -> FlowsAnswer:
        """Return the connections of all pods, the most frequent ones first."""
        pods = {
            address: str(lease.pod) or lease.key.container_id[:13]
            for lease in self._pool.ledger.leases()
            for address in lease.addresses
        }
        lane = await self._express()
        found = await self._kernel.connections([*pods], MOST_FLOWS) if pods else ()
        return FlowsAnswer(
            flows=tuple(
                replace(
                    x,
                    source_pod=pods.get(x.source, ""),
                    destination_pod=pods.get(x.destination, ""),
                )
                for x in sorted(found, key=lambda x: -x.connections)
            ),
            left_out=len(found) >= MOST_FLOWS,
            express_flows=lane.flows,
        )


def _of_pod(link: LinkCounters) -> LinkCounters:
    """Return a link's counters from the other end's point of view."""
    return LinkCounters(
        received_packets=link.sent_packets,
        sent_packets=link.received_packets,
        received_bytes=link.sent_bytes,
        sent_bytes=link.received_bytes,
    )
