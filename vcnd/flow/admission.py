"""ADD waits until the policies of its pod are in force, within a patience.

The policy process is asked while the disk takes the lease.  Where it is away or late,
ADD succeeds all the same, and packets are judged by ``[policy] enforcement``.
"""

from collections.abc import Awaitable, Callable

import trio

from vcnd.flow.pool import Pool
from vcnd.model.errors import JournalError
from vcnd.model.phases import Phase, Phases
from vcnd.model.place import POLICIES
from vcnd.model.sandbox import Lease
from vcnd.ports import Policies


class Admitter:
    """Asks about each pod that ADD has plugged."""

    def __init__(self, *, pool: Pool, policies: Policies | None) -> None:
        """Make it.

        Args:
            pool: has the node's problems.
            policies: who is asked; None where others enforce policies, or nobody.
        """
        self._pool, self._policies = pool, policies

    async def admit(self, lease: Lease, phases: Phases) -> None:
        """Return when a pod's policies are in force, or the patience has ended."""
        if self._policies is not None:
            await self._ask(self._policies, lease)
            phases.end(Phase.POLICY)

    async def _ask(self, policies: Policies, lease: Lease) -> None:
        fault = await policies.admit(lease)
        if fault is None:
            self._pool.problems.clear(POLICIES)
        else:
            self._pool.problems.report(POLICIES, fault.cause, fault.reason)

    async def admit_while(
        self, durable: Callable[[], Awaitable[None]], lease: Lease, phases: Phases
    ) -> None:
        """Wait for the disk and for the policies at once.

        Args:
            durable: waits until the lease outlives the node.
            lease: the pod's.
            phases: of the call; ``POLICY`` is what the disk did not take.

        Raises:
            JournalError: the disk refuses the lease.
        """
        if self._policies is None:
            await durable()
            phases.end(Phase.JOURNAL)
            return
        refusal: JournalError | None = None
        async with trio.open_nursery() as both:
            both.start_soon(self._ask, self._policies, lease)
            try:
                await durable()
            except JournalError as error:
                refusal = error
                both.cancel_scope.cancel()
            phases.end(Phase.JOURNAL)
        if refusal is not None:
            raise refusal
        phases.end(Phase.POLICY)
