"""How a sandbox's lease ends: the one order of its steps, whoever ends it."""

import trio

from vcnd.flow.pool import Pool
from vcnd.model.records import Released
from vcnd.model.sandbox import Lease
from vcnd.ports import Host, Journal


class Leases:
    """Ends leases; the caller holds the sandbox's turn."""

    def __init__(self, *, pool: Pool, host: Host, journal: Journal) -> None:
        self._pool = pool
        self._host = host
        self._journal = journal

    async def end(self, lease: Lease) -> None:
        """Cut the pod off, write that down, and let the address cool."""
        await self._host.unplug(lease)
        # Durable first: an address must not serve again before its end is on disk.
        await self._journal.append(Released(lease.key))
        self._pool.ledger.release(lease.key, trio.current_time())
        self._pool.wants.unbind(lease.pod)
        self._pool.ring()
