"""In-flight cloud changes: at most one for each VNIC, with backoff after a refusal."""

from collections.abc import Awaitable, Callable
from random import Random

import msgspec
import trio
from msgspec.structs import replace

from vcnd.core.backoff import Backoff
from vcnd.flow.pool import Pool
from vcnd.flow.reasons import why_failed, why_refused
from vcnd.log import log
from vcnd.model.cause import Cause
from vcnd.model.errors import AddressHeldError, CloudFullError, VcndError
from vcnd.model.family import Family
from vcnd.model.ids import VnicId
from vcnd.model.place import Place, PlaceKind

INSTANCE = VnicId("instance")
"""Stands for the instance's own set of VNICs."""

FULL_RETRY_SECONDS = 20.0
"""First pause before a full VNIC or subnet is tried again."""

MOST_RETRY_SECONDS = 300.0
HELD_RETRY_SECONDS = 15.0
"""Longest pause before a fixed address that another pod has is tried again.

The first tries follow soon, as the pod there may be ending.
"""

Change = Callable[[], Awaitable[bool]]
"""Carries a change out; returns True if it had any effect."""


class Incoming(msgspec.Struct, frozen=True):
    """How many addresses a change will bring, and for which place it is."""

    count: int = 0
    family: Family | None = None
    place: Place | None = None
    """The dispatcher sets it."""


NOTHING = Incoming()


class Dispatcher:
    """Starts changes; knows where they run and where they were refused."""

    def __init__(self, *, pool: Pool, random: Random) -> None:
        self._pool = pool
        self._random = random
        self._nursery: trio.Nursery | None = None
        self.in_flight: dict[VnicId, Incoming] = {}
        """The VNICs with a change in flight, and what it will bring."""
        self._not_before: dict[Place, float] = {}
        self._backoffs: dict[Place, Backoff] = {}

    def open(self, nursery: trio.Nursery) -> None:
        """Set the nursery for changes; an earlier nursery's have ended with it."""
        self._nursery = nursery
        self.in_flight.clear()

    # Where

    def reset_backoff(self) -> None:
        """Forget all refusals."""
        self._not_before.clear()
        self._backoffs.clear()

    @property
    def idle(self) -> bool:
        """Return True if nothing is in flight and no place is backing off."""
        return not self.in_flight and not any(map(self.backing_off, self._not_before))

    def retry_times(self) -> list[float]:
        """Return the ends of all pauses, including past ones."""
        return list(self._not_before.values())

    def is_at_work(self, place: Place) -> bool:
        """Return True if a change for a place is in flight, wherever it runs."""
        return any(change.place == place for change in self.in_flight.values())

    def backing_off(self, place: Place) -> bool:
        """Return True if a place refused and its pause has not ended."""
        return self._not_before.get(place, 0.0) > trio.current_time()

    def releases_backing_off(self) -> set[str]:
        """Return the VNICs, or INSTANCE, whose releases are backing off."""
        refused = {
            place.vnic_id
            for place in self._not_before
            if place.kind is PlaceKind.RELEASE and self.backing_off(place)
        }
        return refused | self.in_flight.keys()

    def forget_stale(self) -> None:
        """Drop refusals that are no longer retried: their VNIC or pod has gone."""
        now = trio.current_time()
        for place, ends in list(self._not_before.items()):
            if now - ends > MOST_RETRY_SECONDS:
                self._forget(place)

    def _forget(self, place: Place) -> None:
        self._backoffs.pop(place, None)
        self._not_before.pop(place, None)

    # Changes

    def start(
        self,
        where: VnicId,
        change: Change,
        *,
        place: Place,
        brings: Incoming = NOTHING,
    ) -> None:
        """Start a change.

        Args:
            where: the VNIC, or INSTANCE; no other change runs there meanwhile.
            change: carries it out.
            place: the place of a refusal, which then backs off; no other change for
                it is in flight.
            brings: the addresses that it will bring.
        """
        if self._nursery is None:
            raise RuntimeError("the work has no nursery yet")
        self.in_flight[where] = replace(brings, place=place)
        self._nursery.start_soon(self._carry_out, where, place, change)

    async def _carry_out(self, where: VnicId, place: Place, change: Change) -> None:
        try:
            with self._pool.tries.at(place):
                progress = await change()
        except VcndError as error:
            cause = self._learn(where, error)
            pause = self._refused(place, error)
            reason = why_refused(self._pool, where, place, cause, error)
            self._pool.problems.report(place, cause, reason, retry_seconds=pause)
        except Exception as error:
            # A defect of ours, or an unforeseen answer.  The outcome is unknown: an
            # audit finds it.
            log.exception("change_failed", what=str(place), where=where)
            pause = self._refused(place, error)
            self._pool.problems.report(
                place,
                Cause.DEFECT,
                f"failed unexpectedly: {why_failed(error)}",
                retry_seconds=pause,
            )
            self._pool.signals.request_audit()
        else:
            if progress:
                self._forget(place)
                self._pool.problems.clear(place)
        finally:
            del self.in_flight[where]
            self._pool.signals.ring()

    def _refused(self, place: Place, error: Exception) -> float:
        """Start a place's pause, longer each time; return its seconds."""
        full, held = (isinstance(error, e) for e in (CloudFullError, AddressHeldError))
        backoff = self._backoffs.setdefault(
            place,
            Backoff(
                self._random,
                first_seconds=FULL_RETRY_SECONDS if full else 1.0,
                most_seconds=HELD_RETRY_SECONDS if held else MOST_RETRY_SECONDS,
            ),
        )
        pause = backoff.next_delay()
        self._not_before[place] = trio.current_time() + pause
        return pause

    def _learn(self, where: VnicId, error: VcndError) -> Cause:
        """Learn from a refusal because of missing room; return its cause."""
        slot, family = self._pool.vnics.slots.get(where), self.in_flight[where].family
        if not isinstance(error, CloudFullError) or slot is None or family is None:
            return error.cause
        held = self._pool.held(where, family)
        learnt = self._pool.limits[family].vnic_refused(
            where, slot.vnic.subnet_id, held, trio.current_time()
        )
        return learnt if error.cause is Cause.LIMIT_REACHED else error.cause
