"""Changes of the cloud under way: one at a time and VNIC, and a pause where refused."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from random import Random

import structlog
import trio

from vcnd.core.backoff import delays
from vcnd.flow.pool import Pool
from vcnd.flow.supervise import describe
from vcnd.model.errors import AddressHeldError, CloudFullError, VcndError
from vcnd.model.family import Family
from vcnd.model.ids import VnicId
from vcnd.model.place import Place, PlaceKind
from vcnd.model.urgency import URGENCY, Urgency

log = structlog.get_logger()

INSTANCE = VnicId("instance")
"""Stands for the instance's own set of VNICs."""

FULL_RETRY_SECONDS = 20.0
"""First wait before a VNIC or subnet that was full is asked again."""

MOST_RETRY_SECONDS = 300.0
HELD_RETRY_SECONDS = 5.0
"""A fixed address that another pod has is asked for at least so often."""

Change = Callable[[], Awaitable[bool]]
"""Carries a change out, and tells whether anything came of it."""


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
        """Say where changes run; those of an earlier nursery have ended with it."""
        self._nursery = nursery
        self.at_work.clear()

    # Where

    def forgive(self) -> None:
        """Forget what was refused."""
        self._not_before.clear()
        self._delays.clear()

    @property
    def quiet(self) -> bool:
        """Return True if nothing is under way and no refusal is being waited out."""
        return not self.at_work and not any(map(self.is_shut, self._not_before))

    def pauses(self) -> list[float]:
        """Return when each pause ends, those that have ended too."""
        return list(self._not_before.values())

    def is_shut(self, place: Place) -> bool:
        """Return True if a place refused lately and is not asked again yet."""
        return self._not_before.get(place, 0.0) > trio.current_time()

    def closed_to_releases(self) -> set[str]:
        """Return the VNICs, or INSTANCE, that nothing can be given back from now."""
        refused = {
            place.vnic_id
            for place in self._not_before
            if place.kind is PlaceKind.RELEASE and self.is_shut(place)
        }
        return refused | self.at_work.keys()

    def forget_stale(self) -> None:
        """Drop refusals that nobody asked about again: their VNIC or pod has gone."""
        now = trio.current_time()
        for place, ends in list(self._not_before.items()):
            if now - ends > MOST_RETRY_SECONDS:
                self._forget(place)

    def _forget(self, place: Place) -> None:
        self._delays.pop(place, None)
        self._not_before.pop(place, None)

    # Changes

    def start(
        self,
        where: VnicId,
        change: Change,
        *,
        place: Place,
        brings: Brings = NOTHING,
    ) -> None:
        """Start a change.

        Args:
            where: the VNIC, or INSTANCE; no other change runs there meanwhile.
            change: what is to be done.
            place: what a refusal is about; it is not asked again for a while.
            brings: the addresses that it will bring.
        """
        if self._nursery is None:
            raise RuntimeError("the work has no nursery yet")
        self.at_work[where] = brings
        self._nursery.start_soon(self._carry_out, where, place, change)

    def _urgency(self, place: Place) -> Urgency:
        """Return how urgent a change is."""
        if place.kind is PlaceKind.RELEASE:
            return Urgency.RELEASE
        if self._pool.wants.waiting:
            return Urgency.WAITING
        return Urgency.DEMAND if self._pool.wants.unserved() else Urgency.WARM_UP

    async def _carry_out(self, where: VnicId, place: Place, change: Change) -> None:
        URGENCY.set(self._urgency(place))
        try:
            progress = await change()
        except VcndError as error:
            if isinstance(error, CloudFullError):
                self._learn(where)
            self._refused(place, error)
            self._pool.trouble(place, self._reason(where, place, error))
        except Exception as error:
            # A defect of ours, or an answer that nobody foresaw.  What became of the
            # change is not known: an audit looks.
            log.exception("change_failed", what=str(place), where=where)
            self._refused(place, error)
            self._pool.trouble(place, f"failed unexpectedly: {describe(error)}")
            self._pool.doubt()
        else:
            if progress:
                self._forget(place)
                self._pool.relief(place)
        finally:
            del self.at_work[where]
            self._pool.ring()

    def _refused(self, place: Place, error: Exception) -> None:
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

    def _reason(self, where: VnicId, place: Place, error: VcndError) -> str:
        """Return why a change was refused, with what it was about."""
        wants, slot = self._pool.wants, self._pool.slots.get(where)
        pod_class = wants.classes().get(place.pod_class or "", wants.network.own_class)
        subnet, holder = ", ".join(pod_class.subnet_ids), "instance"
        if not isinstance(error, CloudFullError):
            if place.kind is not PlaceKind.ATTACH:
                return str(error)
            nsgs = ", ".join(pod_class.nsg_ids) or "none"
            return f"in subnet {subnet} with NSGs {nsgs}: {error}"
        if slot is not None:
            six = place.family is Family.IPV6
            cidr = slot.vnic.ipv6_cidr if six else slot.vnic.subnet_cidr
            subnet, holder = f"{slot.vnic.subnet_id}, {cidr}", "VNIC"
        # OCI does not say which of the two it is.
        return (
            f"no room left in subnet {subnet}, or on this {holder}:"
            " give pods a larger subnet or another one, or let nodes hold fewer"
            f" addresses with [pool] batch; {error}"
        )
