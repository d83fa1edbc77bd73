"""The signals between the node's tasks."""

import trio

from vcnd.signals import Bell, Latch, Pulse


class Signals:
    """The signals between the node's tasks."""

    def __init__(self) -> None:
        self._pool = Bell()
        self._news = Bell()
        self._audit = Latch()
        self._arrival = Pulse()
        self._network_asked = trio.Event()

    def ring(self) -> None:
        """Let the warm pool reconcile soon; many rings before that are one."""
        self._pool.ring()
        self._news.ring()

    def next_ring(self) -> trio.Event:
        """Return the event of the next ring.  Take it before you read the pool."""
        return self._pool.take()

    def note_news(self) -> None:
        """Wake the tasks that write to Kubernetes: something has changed."""
        self._news.ring()

    def next_news(self) -> trio.Event:
        """Return the event of the next change.  Take it before you read the pool."""
        return self._news.take()

    def note_network_asked(self) -> None:
        """Note that Kubernetes was asked for the pod network, with any outcome."""
        self._network_asked.set()

    async def network_asked(self) -> None:
        """Return once Kubernetes has been asked for the pod network."""
        await self._network_asked.wait()

    def request_audit(self) -> None:
        """Request an audit: the outcome of a change is not known."""
        self._audit.set()

    @property
    def is_audit_requested(self) -> bool:
        """Return True if an audit is requested that nobody has begun yet."""
        return self._audit.is_set

    async def audit_requested(self) -> None:
        """Return when an audit has been requested since the last return."""
        await self._audit.wait()

    def arrived(self) -> None:
        """Wake all calls that wait for an address: some may be free."""
        self._news.ring()
        self._arrival.send()

    async def arrival(self) -> None:
        """Return when addresses may have become free."""
        await self._arrival.wait()
