"""Restores what others changed in the node's kernel, and says what it was and who.

A loss is heard by events (``linux.guard``), and found by comparison at each audit.
Both lead to one restoration, which compares before and after: only what differed
before and agrees afterwards counts as restored.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from random import Random
from typing import Never, Protocol

import trio

from vcnd.core.backoff import Backoff
from vcnd.core.repairs import Repair, Repairs
from vcnd.foreign import printable
from vcnd.linux.guard import TableLost
from vcnd.linux.judge import Event, Heard, Wanted
from vcnd.log import log
from vcnd.model.drift import Author, Drift, DriftKind
from vcnd.model.errors import VcndError
from vcnd.netlink.senders import pid_of
from vcnd.signals import Latch

MOST_NAMED = 5
"""So many objects of a kind are named in a log line; the number tells of the rest."""
PROC = Path("/proc")
MOST_RETRY_SECONDS = 60.0
"""Longest pause before what the kernel refused is tried again."""


class EventSource(Protocol):
    """Hears the kernel's events (``guard.Watch``)."""

    async def route_event(self, wanted: Callable[[], Wanted]) -> Heard:
        """Return when links, addresses, routes or rules need attention."""

    async def nft_event(
        self, wanted: Callable[[], Wanted], hear: Callable[[bytes | None], None]
    ) -> TableLost:
        """Return when somebody else changed our nft table, or may have."""


class Restorer:
    """Restores the kernel's state."""

    def __init__(
        self,
        watch: EventSource,
        *,
        active: Callable[[], bool],
        wanted: Callable[[], Wanted],
        hear_nft: Callable[[bytes | None], None],
        compare: Callable[[], Awaitable[Sequence[Drift]]],
        settle: Callable[[Sequence[Drift]], Awaitable[None]],
        repairs: Repairs,
    ) -> None:
        """Make it; it works in ``run``, and when ``restore`` is called.

        Args:
            watch: hears the kernel's events.
            active: returns False before the first set-up and after a withdrawal.
            wanted: returns the desired state, as events name it.
            hear_nft: is passed all events of nft, or None when some were lost.
            compare: returns what differs from the desired state.
            settle: brings the desired state about, of these parts in any case.
            repairs: takes note of what was restored.
        """
        self._watch = watch
        self._active, self._wanted, self._hear_nft = active, wanted, hear_nft
        self._compare, self._settle = compare, settle
        self._repairs = repairs
        self._refused = Latch()
        self._backoff = Backoff(Random(), most_seconds=MOST_RETRY_SECONDS)  # noqa: S311

    async def run(self) -> Never:
        """Restore at each event that tells of a loss, and after each refusal."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._guard_routes)
            nursery.start_soon(self._guard_table)
            nursery.start_soon(self._try_again)
        raise AssertionError("guards never end")

    async def _guard_routes(self) -> None:
        while True:
            heard = await self._watch.route_event(self._wanted)
            by = _author(pid_of(heard.port)) if heard.event is Event.LOSS else None
            await self._restore_or_log(by)

    async def _guard_table(self) -> None:
        while True:
            lost = await self._watch.nft_event(self._wanted, self._hear_nft)
            # When only events were lost, mostly nothing has changed.
            await self._restore_or_log(lost.author, if_differs=lost.events_only)

    async def _try_again(self) -> None:
        while True:
            await self._refused.wait()
            await trio.sleep(self._backoff.next_delay())
            await self._restore_or_log(None)

    async def apply(self) -> None:
        """Bring a new desired state about.

        Raises:
            VcndError: the kernel refused a part; it is tried again, by ``run``.
        """
        try:
            await self._settle(())
        except VcndError:
            self._refused.set()
            raise

    async def _restore_or_log(
        self, by: Author | None, *, if_differs: bool = False
    ) -> None:
        try:
            await self.restore(by, if_differs=if_differs)
        except VcndError as error:
            log.error("kernel_state_not_restored", reason=str(error))
            self._refused.set()
        else:
            self._backoff.reset()

    async def check(self) -> None:
        """Restore what differs; a refusal is logged."""
        await self._restore_or_log(None, if_differs=True)

    async def settle(self) -> None:
        """Bring the desired state about in any case; a refusal is logged."""
        await self._restore_or_log(None)

    async def restore(
        self, by: Author | None = None, *, if_differs: bool = True
    ) -> list[Drift]:
        """Bring the desired state about; return the parts that had differed.

        Args:
            by: who changed them, if the kernel tells.
            if_differs: whether nothing is done unless something differs.

        Raises:
            VcndError: the kernel refused; what it refused is tried again later.
        """
        if not self._active():
            return []
        began = trio.current_time()
        before = await self._compare()
        if not before and if_differs:
            return []
        await self._settle(before)
        if not before:
            return []
        remaining = {(d.kind, d.what) for d in await self._compare()}
        restored = [d for d in before if (d.kind, d.what) not in remaining]
        took_ms = round((trio.current_time() - began) * 1000, 1)
        for kind, drifts in _by_kind(restored).items():
            self._note(kind, drifts, str(by or ""), took_ms)
        self._tell_of_rest([d for d in before if (d.kind, d.what) in remaining])
        return restored

    def _note(
        self, kind: DriftKind, drifts: Sequence[Drift], by: str, took_ms: float
    ) -> None:
        number, what = len(drifts), _named(drifts)
        log.warning(
            "kernel_state_restored",
            kind=kind,
            number=number,
            what=what,
            by=by,
            took_ms=took_ms,
        )
        now = trio.current_time()
        self._repairs.note(Repair(kind=kind, number=number, what=what, by=by, at=now))

    def _tell_of_rest(self, rest: Sequence[Drift]) -> None:
        for kind, drifts in _by_kind(rest).items():
            log.error(
                "kernel_state_not_restored",
                kind=kind,
                number=len(drifts),
                what=_named(drifts),
                reason="it differs again, or still",
            )


def _by_kind(drifts: Sequence[Drift]) -> dict[DriftKind, list[Drift]]:
    found: dict[DriftKind, list[Drift]] = defaultdict(list)
    for drift in drifts:
        found[drift.kind].append(drift)
    return found


def _named(drifts: Sequence[Drift]) -> str:
    """Return the first of some parts in words: what was found, and what is wanted."""
    return "; ".join(
        f"{d.what}: {d.found or 'missing'}, not {d.wanted or 'ours'}"
        for d in drifts[:MOST_NAMED]
    )


def _author(pid: int) -> Author | None:
    """Return a process that netlink names by its ID alone."""
    if not pid:
        return None
    try:
        name = printable((PROC / str(pid) / "comm").read_bytes()).strip()
    except OSError:
        name = ""  # it has ended, or is hidden from this daemon
    return Author(pid=pid, name=name)
