"""How a sandbox's lease begins and ends on the books: the order of the steps."""

import trio

from vcnd.core.states import State
from vcnd.flow.pool import Pool
from vcnd.model.errors import JournalError
from vcnd.model.records import Leased, Released
from vcnd.model.sandbox import Lease
from vcnd.ports import Host, Journal


class Leases:
    """Begins and ends leases; the caller holds the sandbox's lock."""

    def __init__(self, *, pool: Pool, host: Host, journal: Journal) -> None:
        self._pool = pool
        self._host = host
        self._journal = journal

    async def begin(self, lease: Lease) -> None:
        """Lease free addresses durably.

        Raises:
            JournalError: the disk refuses; nothing was changed.
        """
        self._pool.ledger.lease(lease)
        self._pool.signals.ring()
        try:
            await self._journal.append(Leased(lease))
        except JournalError:
            self._pool.ledger.revert(lease)
            self._pool.signals.arrived()
            raise

    async def restore(self, lease: Lease) -> bool:
        """Enter the lease of a pod that runs; the journal lost it.

        Return False where the books have learnt of the pod since, or where the
        cloud is asked to delete its address just now.
        """
        ledger = self._pool.ledger
        states = {ledger.state(address) for address in lease.addresses}
        if ledger.lease_of(lease.key) is not None or State.DELETING in states:
            return False
        for older in ledger.leases():
            if not {*older.addresses}.isdisjoint(lease.addresses):
                # Its link is gone; in the journal the newest lease counts as well.
                ledger.end_lease(older.key)
                ledger.start_cooldown(older, trio.current_time())
        ledger.restore(lease)
        await self._journal.append_in_any_case(Leased(lease), lambda: None)
        return True

    async def end(self, lease: Lease) -> None:
        """Cut the pod off if it is wired, write the end down, let the addresses cool.

        A disk that refuses holds nobody up: the pod is cut off, and its addresses
        serve nobody until the end of its lease is durable.
        """
        if lease.wiring is not None:
            await self._host.unplug(lease)
        cut_at = trio.current_time()
        if self._pool.ledger.end_lease(lease.key) is None:
            return
        self._pool.demand.unbind(lease.pod)

        def start_cooldown() -> None:
            self._pool.ledger.start_cooldown(lease, cut_at)
            self._pool.signals.ring()

        await self._journal.append_in_any_case(Released(lease.key), start_cooldown)
