"""Changes of the cloud under way: one at a time and VNIC, and a pause where refused."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from random import Random

import trio

from vcnd.core.backoff import delays
from vcnd.flow.pool import Pool
from vcnd.model.errors import AddressHeldError, CloudFullError, VcndError
from vcnd.model.family import Family
from vcnd.model.ids import VnicId
from vcnd.model.urgency import URGENCY, Urgency

INSTANCE = VnicId("instance")
"""Stands for the instance's own set of VNICs."""

FULL_RETRY_SECONDS = 20.0
"""First wait before a VNIC or subnet that was full is asked again."""

MOST_RETRY_SECONDS = 300.0
HELD_RETRY_SECONDS = 5.0
"""A fixed address that another pod has is asked for at least so often."""

Change = Callable[[], Awaitable[bool]]
"""Carries a change out, and tells whether anything came of it."""

Place = tuple[str, bool]
"""What is asked (a VNIC, the instance, for a fixed address), and whether something is
to be given back: who takes no more may give all the same."""


@dataclass(frozen=True, slots=True)
class Brings:
    """How many addresses a change will bring."""

    count: int = 0
    family: Family | None = None


NOTHING = Brings()


class Work:
    """Starts changes, and remembers where they run and where they were refused."""

    def __init__(self, *, pool: Pool, random: Random) -> None:
        self._pool = pool
        self._random = random
        self._nursery: trio.Nursery | None = None
        self.at_work: dict[VnicId, Brings] = {}
        """Where changes are under way, and what each will bring."""
        self._not_before: dict[Place, float] = {}
        self._delays: dict[Place, Iterator[float]] = {}

    def open(self, nursery: trio.Nursery) -> None:
        """Say where changes run."""
        self._nursery = nursery

    # Where

    def forgive(self) -> None:
        """Forget what was refused."""
        self._not_before.clear()
        self._delays.clear()

    @property
    def quiet(self) -> bool:
        """Tell whether nothing is under way and no refusal is being waited out."""
        return not self.at_work and not self._not_before

    def pauses(self) -> list[float]:
        """Return when each pause ends, those that have ended too."""
        return list(self._not_before.values())

    def is_shut(self, asked: str, *, release: bool = False) -> bool:
        """Tell whether a place is being let alone."""
        return self._not_before.get((asked, release), 0.0) > trio.current_time()

    def shut(self, *, release: bool = False) -> set[str]:
        """Return where nothing can be asked for now, or nothing given back."""
        asked = {w for w, gives in self._not_before if gives == release}
        waiting = {w for w in asked if self.is_shut(w, release=release)}
        return waiting | self.at_work.keys()

    # Changes

    def start(
        self,
        where: VnicId,
        change: Change,
        *,
        brings: Brings = NOTHING,
        release: bool = False,
        asked: str = "",
    ) -> None:
        """Start a change.

        Args:
            where: the VNIC, or INSTANCE; no other change runs there meanwhile.
            change: what is to be done.
            brings: the addresses that it will bring.
            release: whether it gives something back.
            asked: what a refusal speaks of; empty: ``where``.
        """
        if self._nursery is None:
            raise RuntimeError("the work has no nursery yet")
        self.at_work[where] = brings
        place = asked or where, release
        self._nursery.start_soon(self._carry_out, where, place, change)

    def _urgency(self, place: Place) -> Urgency:
        """Return how urgent a change is."""
        _, release = place
        if release:
            return Urgency.RELEASE
        if self._pool.wants.waiting:
            return Urgency.WAITING
        return Urgency.DEMAND if self._pool.wants.unserved() else Urgency.WARM_UP

    async def _carry_out(self, where: VnicId, place: Place, change: Change) -> None:
        asked, _ = place
        URGENCY.set(self._urgency(place))
        try:
            progress = await change()
        except VcndError as error:
            full = isinstance(error, CloudFullError)
            if full:
                self._learn(where)
            self._refused(place, error)
            said = self._no_room(where, error) if full else str(error)
            self._pool.trouble(asked, said, self.at_work[where].family)
        else:
            if progress:
                self._delays.pop(place, None)
                self._not_before.pop(place, None)
                self._pool.relief(asked)
        finally:
            del self.at_work[where]
            self._pool.ring()

    def _refused(self, place: Place, error: VcndError) -> None:
        """Let a place alone for a while, longer each time."""
        full, held = (isinstance(error, e) for e in (CloudFullError, AddressHeldError))
        waits = self._delays.setdefault(
            place,
            delays(
                self._random,
                first_seconds=FULL_RETRY_SECONDS if full else 1.0,
                most_seconds=HELD_RETRY_SECONDS if held else MOST_RETRY_SECONDS,
            ),
        )
        self._not_before[place] = trio.current_time() + next(waits)

    def _learn(self, where: VnicId) -> None:
        slot, family = self._pool.slots.get(where), self.at_work[where].family
        if slot is not None and family is not None:
            held = self._pool.held(where, family)
            self._pool.limits[family].vnic_refused(
                where, slot.vnic.subnet_id, held, trio.current_time()
            )

    def _no_room(self, where: VnicId, error: VcndError) -> str:
        slot = self._pool.slots.get(where)
        subnet, place = ", ".join(self._pool.wants.network.subnet_ids), "instance"
        if slot is not None:
            six = self.at_work[where].family is Family.IPV6
            cidr = slot.vnic.ipv6_cidr if six else slot.vnic.subnet_cidr
            subnet, place = f"{slot.vnic.subnet_id}, {cidr}", "VNIC"
        # OCI does not say which of the two it is.
        return (
            f"no room left in subnet {subnet}, or on this {place}:"
            " give pods a larger subnet or another one, or let nodes hold fewer"
            f" addresses with [pool] batch; {error}"
        )
