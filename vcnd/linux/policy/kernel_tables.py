"""The nft tables of network policies in the kernel, kept as they were put.

The kernel tells of each change of a rule set, and who made it.  What another program
has changed is put again at once: that takes no look at the cluster.
"""

import socket
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Never, TypeVar

import trio

from vcnd.linux import events, nft
from vcnd.linux.guard import NFNLGRP_NFTABLES
from vcnd.linux.layout import POLICY_TABLES
from vcnd.linux.nft_table import Table
from vcnd.linux.policy import events as policy_events
from vcnd.linux.policy.guard import TABLE as GUARD
from vcnd.linux.policy.table import TABLE
from vcnd.log import log
from vcnd.model.errors import VcndError
from vcnd.netlink import nftables
from vcnd.netlink.messages import LOSSES, RECEIVE_BYTES, NetlinkSocket

T = TypeVar("T")

TRIES = 3
"""So often tables are put again at once, where another program goes on."""
REST_SECONDS = 0.2
"""Between two restorations: another program must not keep us busy."""
SO_RCVBUFFORCE = 33
QUEUED_BYTES = 32 << 20
"""Of events: a large set makes one for each element."""


class PolicyTables:
    """Looks and acts in the network namespace where it is made.

    Attributes:
        socket: takes changes, in the thread.
    """

    def __init__(self) -> None:
        """Begin to hear of changes."""
        self._events = events.subscribed(nftables.NETLINK_NETFILTER, NFNLGRP_NFTABLES)
        with suppress(PermissionError):
            self._events.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, QUEUED_BYTES)
        self.socket = NetlinkSocket(nftables.NETLINK_NETFILTER)
        self._thread = trio.CapacityLimiter(1)
        self._turn = trio.Lock()
        self._table = Table()
        """The policies, as they were put last."""
        self._is_known = False
        """Whether that is what the kernel has."""
        self._guard: str | None = None
        """The guard, as it was put; empty: there is none; None: it is not known."""
        self._sources: Mapping[str, str] = {}
        """The tables of an earlier life, as nft lists them, until others are put."""
        self._restored: Callable[[], None] = lambda: None
        self._lost: frozenset[str] = frozenset()
        """What others have changed, and is not as it was."""

    def close(self) -> None:
        """Hear no more; what is in force stays."""
        self._events.close()
        self.socket.close()

    async def adopt(self) -> bool:
        """Take over the tables of an earlier life; return False if there are none."""

        def look() -> dict[str, str]:
            return {table: nft.source(table) for table in POLICY_TABLES}

        async with self._turn:
            self._sources = await self._in_thread(look)
        return any(self._sources.values())

    async def put(
        self,
        table: Table,
        guard: str,
        *,
        before: Callable[[Collection[str]], None] = lambda _: None,
        after: Callable[[], list[int]] = list,
    ) -> None:
        """Bring policies and guard in force.

        The policies come first: what they accept passes the guard.

        Args:
            table: that of policies.
            guard: the table that guards it; empty: none.
            before: is called in a thread, with the names of counters that will go.
            after: is called when the policies are in force; it returns the ports of
                changes that it makes.

        Raises:
            KernelRefusedError: nft refused them; those before stay in force.
            OSError: the kernel refused another step.
        """
        async with self._turn:
            self._lost |= self._hear()
            known = self._is_known and TABLE not in self._lost
            there = self._table
            gone = there.counters - table.counters
            renewed = guard != self._guard or GUARD in self._lost

            def work() -> list[int]:
                before(gone)
                if known:
                    ports = nft.change(self.socket, TABLE, there, table)
                else:
                    ports = nft.put(TABLE, table.text(TABLE))
                ports += after()
                return ports + (_put_guard(guard) if renewed else [])

            self._is_known = False
            ports = await self._in_thread(work)
            self._table, self._guard, self._is_known = table, guard, True
            self._sources = {}
            self._lost = self._hear(ports)
            await self._put_again()

    async def keep(self, restored: Callable[[], None] = lambda: None) -> Never:
        """Put again what others change; call ``restored`` each time."""
        self._restored = restored
        while True:
            if not self._lost:
                await trio.lowlevel.wait_readable(self._events)
            async with self._turn:
                self._lost |= self._hear()
                if not self._lost:
                    continue
                try:
                    await self._put_again()
                except (OSError, VcndError) as error:
                    log.error("policies_not_restored", reason=str(error))
            await trio.sleep(REST_SECONDS)

    async def _put_again(self) -> None:
        """Put what others have changed."""
        for _ in range(TRIES):
            if not self._lost:
                return
            began, lost = trio.current_time(), self._lost
            ports = await self._in_thread(self._again)
            log.warning(
                "policies_restored",
                tables=sorted(lost),
                took_ms=round((trio.current_time() - began) * 1000, 1),
            )
            self._lost = self._hear(ports)
            self._restored()

    def _again(self) -> list[int]:
        """Put what is lost, the guard first: that takes less time."""
        ports: list[int] = []
        for table in (GUARD, TABLE):
            if table in self._lost and self._sources.get(table):
                ports += nft.put_source(table, self._sources[table])
        if GUARD in self._lost and self._guard:
            ports += nft.put(GUARD, self._guard)
        if TABLE in self._lost and self._table.chains:
            ports += nft.put(TABLE, self._table.text(TABLE))
        return ports

    def _hear(self, own_ports: Collection[int] = ()) -> frozenset[str]:
        """Return the tables that others have changed since the last call."""
        lost: frozenset[str] = frozenset()
        while True:
            try:
                data = self._events.recv(RECEIVE_BYTES)
            except BlockingIOError:
                return lost
            except OSError as error:
                if error.errno not in LOSSES:
                    raise
                # Own changes made more events than fit in; others' may be among them.
                if not own_ports or not _has_all(self._table):
                    lost |= {TABLE, GUARD}
            else:
                lost |= policy_events.touched(data, POLICY_TABLES, own_ports)

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await trio.to_thread.run_sync(call, limiter=self._thread)


def _put_guard(guard: str) -> list[int]:
    return nft.put(GUARD, guard) if guard else nft.remove(GUARD)


def _has_all(table: Table) -> bool:
    """Return True if the kernel's table has the chains of a value."""
    with NetlinkSocket(nftables.NETLINK_NETFILTER) as sock:
        return nftables.chains(sock, TABLE) == table.chains.keys()
