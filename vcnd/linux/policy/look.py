"""Looks at what is in force for network policies, and at tracked connections."""

import socket
from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

import trio

from vcnd.linux import kernel, nft
from vcnd.linux.layout import POLICY_TABLES
from vcnd.linux.nft_listed import ListedTable, UnreadableError, listed
from vcnd.linux.nft_verdict import Forwarded, rulings
from vcnd.linux.policy.listed import in_force
from vcnd.linux.policy.table import TABLE
from vcnd.model.policy import Direction, Packet, Protocol
from vcnd.model.policy_answers import Ruling, WayInForce
from vcnd.netlink import conntrack, nftables
from vcnd.netlink.conntrack import Connection
from vcnd.netlink.messages import NetlinkSocket

T = TypeVar("T")

MOST_CONNECTIONS = 100_000
"""That differ in more than the source's port: some 30 MB."""
PROTOCOLS = {
    socket.IPPROTO_TCP: Protocol.TCP,
    socket.IPPROTO_UDP: Protocol.UDP,
    socket.IPPROTO_SCTP: Protocol.SCTP,
}


class PolicyLook:
    """Looks in the network namespace of its threads; changes nothing."""

    def __init__(self) -> None:
        self._thread = trio.CapacityLimiter(1)

    async def own_addresses(self) -> frozenset[str]:
        """Return the node's addresses.

        Raises:
            OSError: the kernel refused to list them.
        """
        return await self._in_thread(kernel.all_addresses)

    async def in_force(
        self, link: str, addresses: Sequence[str]
    ) -> dict[Direction, WayInForce]:
        """Return what the kernel does with a pod's packets.

        Args:
            link: the pod's.
            addresses: the pod's.

        Raises:
            KernelRefusedError: nft refused to list the table, or in another form.
            OSError: the kernel refused.
        """
        return in_force(await self._in_thread(lambda: _table(TABLE)), link, addresses)

    async def rulings(
        self, packet: Packet, iifname: str, oifname: str
    ) -> list[Ruling] | str:
        """Return what each chain of our tables does with the first packet.

        Args:
            packet: the packet.
            iifname: the link that it comes by; empty: no pod's.
            oifname: the link that it goes to.

        Returns:
            A text where the table has a rule that we cannot read: which one.

        Raises:
            KernelRefusedError: nft refused to list the table, or in another form.
            OSError: the kernel refused.
        """
        forwarded = Forwarded(packet=packet, iifname=iifname, oifname=oifname)

        def work() -> list[Ruling] | str:
            tables = [_table(name) for name in POLICY_TABLES]
            try:
                return rulings(tables, forwarded)
            except UnreadableError as error:
                return str(error)

        return await self._in_thread(work)

    async def connections(
        self, addresses: Collection[str]
    ) -> tuple[list[tuple[Packet, int]], int]:
        """Return connections by their first packet, and how many there are of each.

        Args:
            addresses: of either end.

        Returns:
            These, the most frequent ones first, and the number of all.

        Raises:
            OSError: the kernel refused to list them.
        """

        def work() -> tuple[list[tuple[Packet, int]], int]:
            found = conntrack.connections(addresses, MOST_CONNECTIONS)
            return [(_packet(x), n) for x, n in found.most_common()], found.total()

        return await self._in_thread(work)

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await trio.to_thread.run_sync(call, limiter=self._thread)


def _table(name: str) -> ListedTable:
    with NetlinkSocket(nftables.NETLINK_NETFILTER) as sock:
        if not nftables.chains(sock, name):
            return ListedTable(name=name)
    try:
        return listed(nft.listing(name), name)
    except UnreadableError as error:
        raise nft.KernelRefusedError(
            f"the table {name} cannot be read", details=str(error)
        ) from error


def _packet(connection: Connection) -> Packet:
    protocol = PROTOCOLS.get(connection.protocol)
    return Packet(
        source=connection.source,
        destination=connection.destination,
        protocol=protocol,
        port=connection.port if protocol else 0,
    )
