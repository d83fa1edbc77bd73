"""Reads links' counters and tracked connections, in worker threads."""

import socket
from collections.abc import Collection, Mapping, Sequence

import trio

from vcnd.model.cause import Cause
from vcnd.model.errors import VcndError
from vcnd.model.traffic import FlowsShown, LinkCounters
from vcnd.netlink import conntrack, link_counters
from vcnd.netlink.messages import NetlinkSocket


class KernelTraffic:
    """Asks the kernel what pods send; changes nothing."""

    async def links(self) -> Mapping[str, LinkCounters]:
        """Return the counters of the node's links, by name.

        Raises:
            VcndError: the kernel does not tell.
        """
        try:
            return await trio.to_thread.run_sync(_links)
        except OSError as error:
            raise _not_told(error) from error

    async def connections(
        self, addresses: Collection[str], most: int
    ) -> Sequence[FlowsShown]:
        """Return the tracked connections with some addresses at one end.

        Args:
            addresses: of pods.
            most: so many that differ at most.

        Raises:
            VcndError: the kernel does not tell.
        """
        try:
            found = await trio.to_thread.run_sync(
                conntrack.connections, addresses, most
            )
        except OSError as error:
            raise _not_told(error) from error
        return [
            FlowsShown(
                source=c.source,
                destination=c.destination,
                protocol=c.protocol,
                port=c.port,
                connections=number,
            )
            for c, number in found.most_common()
        ]


def _links() -> Mapping[str, LinkCounters]:
    with NetlinkSocket(socket.NETLINK_ROUTE) as route:
        dump = route.dump("list links", *link_counters.LINKS)
        return dict(link_counters.read(body) for _, body in dump)


def _not_told(error: OSError) -> VcndError:
    cause = Cause.KERNEL_REFUSED
    return VcndError("the kernel does not tell", details=str(error), cause=cause)
