"""How a sandbox's lease begins and ends: the order of the durable steps."""

from collections.abc import Awaitable, Callable

import trio

from vcnd.core.states import State
from vcnd.flow.pool import Pool
from vcnd.model.errors import JournalError
from vcnd.model.phases import UNTIMED, Phase, Phases
from vcnd.model.records import Leased, Released
from vcnd.model.sandbox import Lease
from vcnd.ports import Host, Journal


class Leases:
    """Begins and ends leases; the caller holds the sandbox's lock."""

    def __init__(self, *, pool: Pool, host: Host, journal: Journal) -> None:
        self._pool = pool
        self._host = host
        self._journal = journal

    async def begin(self, lease: Lease) -> Callable[[], Awaitable[None]]:
        """Lease free addresses; return when the lease outlives the daemon.

        What is returned waits until it is durable.

        Raises:
            JournalError: the disk refuses; nothing was changed.
        """
        self._pool.ledger.lease(lease)
        self._pool.signals.ring()
        try:
            return await self._journal.write(Leased(lease))
        except JournalError:
            self._pool.ledger.revert(lease)
            self._pool.signals.arrived()
            raise

    async def restore(self, lease: Lease) -> bool:
        """Restore the lease of a running pod that the journal has lost.

        Return False if the ledger has a lease of it by now, or if the deletion of its
        address is in flight.
        """
        ledger = self._pool.ledger
        states = {ledger.state(address) for address in lease.addresses}
        if ledger.lease_of(lease.key) is not None or State.DELETING in states:
            return False
        for older in ledger.leases():
            if not {*older.addresses}.isdisjoint(lease.addresses):
                # Its link is gone; the journal's newest lease counts too.
                ledger.end_lease(older.key)
                ledger.start_cooldown(older, trio.current_time())
        ledger.restore(lease)
        await self._journal.write_in_any_case(Leased(lease), lambda: None)
        return True

    async def end(self, lease: Lease, phases: Phases = UNTIMED) -> None:
        """Unplug the pod if it is wired, record the end, start the cooldown.

        It returns when the end outlives the daemon: leases do not outlive the node.  If
        the disk refuses, the pod is unplugged all the same.  Its addresses serve no pod
        until the end of its lease is durable.
        """
        if lease.wiring is not None:
            await self._host.unplug(lease)
            phases.end(Phase.NETLINK)
        cut_at = trio.current_time()
        if self._pool.ledger.end_lease(lease.key) is None:
            return
        self._pool.demand.unbind(lease.pod)

        def start_cooldown() -> None:
            self._pool.ledger.start_cooldown(lease, cut_at)
            self._pool.signals.ring()

        await self._journal.write_in_any_case(Released(lease.key), start_cooldown)
        phases.end(Phase.JOURNAL)
