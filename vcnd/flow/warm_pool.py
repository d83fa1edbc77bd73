"""The only task that grows or shrinks the pool.

It hears a bell, looks once at the whole state and starts what is missing.  The
look is the batch: forty pods ring forty times, and one look asks the cloud for
all of them.  Work on different VNICs goes on side by side; on one VNIC, and on
the instance's set of VNICs, one change at a time (OCI answers 409 otherwise).
"""

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from random import Random
from typing import Never

import trio

from vcnd.core.backoff import delays
from vcnd.core.placement import (
    AttachVnic,
    CreateAddresses,
    Inventory,
    NoRoom,
    VnicRoom,
    VnicSpare,
    give_back,
    plan,
)
from vcnd.core.target import Holding, balance
from vcnd.flow.changes import Changes
from vcnd.flow.pool import Pool
from vcnd.model.errors import CloudFullError, VcndError
from vcnd.model.ids import VnicId
from vcnd.model.urgency import URGENCY, Urgency
from vcnd.model.vnic import PrivateIp

INSTANCE = VnicId("instance")
"""Stands in the tables of work for the instance's own set of VNICs."""

FULL_RETRY_SECONDS = 20.0
"""First wait before a VNIC or subnet that was full is asked again."""

MOST_RETRY_SECONDS = 300.0

Place = tuple[VnicId, bool]
"""Where something is asked for, and whether it is to be given back: who takes no more
may give all the same."""

Change = Callable[[], Awaitable[bool]]
"""Carries a change out, and tells whether anything came of it."""


class WarmPool:
    """Keeps the pool at its target."""

    def __init__(
        self,
        *,
        pool: Pool,
        changes: Changes,
        resync_seconds: float,
        random: Random,
    ) -> None:
        self._pool = pool
        self._changes = changes
        self._resync_seconds = resync_seconds
        self._random = random
        self._at_work: dict[VnicId, int] = {}
        """Changes under way, by where, and how many addresses each will bring."""
        self._not_before: dict[Place, float] = {}
        self._delays: dict[Place, Iterator[float]] = {}
        self._surplus_since: float | None = None
        self._frozen = False

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> Never:
        """Look at each ring of the bell, when cooling ends, and now and then."""
        async with trio.open_nursery() as work:
            task_status.started()
            while True:
                bell = self._pool.next_bell()
                self._look(work)
                with trio.move_on_after(self._until_next_look()):
                    await bell.wait()

    async def freeze(self) -> None:
        """Start no more changes, and wait for those under way."""
        self._frozen = True
        while self._at_work:
            await self._pool.next_bell().wait()

    def thaw(self) -> None:
        """Keep the pool at its target again."""
        self._frozen = False
        self._pool.ring()

    def try_now(self) -> None:
        """Forget what was refused: what is asked for has changed."""
        self._not_before.clear()
        self._delays.clear()
        self._pool.ring()

    def _until_next_look(self) -> float:
        now = trio.current_time()
        times = [now + self._resync_seconds, *self._not_before.values()]
        cooled = self._pool.ledger.next_thaw()
        if cooled is not None:
            times.append(cooled)
        if self._surplus_since is not None:
            times.append(self._surplus_since + self._pool.policy.shrink_after_seconds)
        # A time just reached is looked at by now; never a wait of nothing.
        return min(t for t in times if t > now) - now

    def _look(self, work: trio.Nursery) -> None:
        pool, now = self._pool, trio.current_time()
        if pool.ledger.thaw(now):
            pool.arrived()
        if self._frozen or not pool.observed or not pool.network.subnet_ids:
            return
        counts = pool.ledger.counts()
        holding = Holding(
            free=counts.free,
            leased=counts.leased,
            cooling=counts.cooling,
            in_flight=sum(self._at_work.values()),
            wanted=pool.wanted,
        )
        missing = balance(holding, pool.policy)
        if missing > 0:
            self._grow(missing, work)
        self._shrink(-missing, work, now)

    def _grow(self, missing: int, work: trio.Nursery) -> None:
        changes = self._changes
        for step in plan(missing, self._inventory()):
            match step:
                case CreateAddresses(vnic_id):
                    create = partial(changes.create_addresses, step)
                    self._start(work, vnic_id, step.count, create)
                case AttachVnic():
                    self._start(work, INSTANCE, 0, changes.attach_vnic)
                case NoRoom(count):
                    self._tell_no_room(count)

    def _inventory(self) -> Inventory:
        now, limits = trio.current_time(), self._pool.limits
        per_vnic = self._pool.ledger.per_vnic()
        shut = self._shut(now, release=False)
        slots_left = self._pool.vnic_limit - self._pool.vnics_attached
        return Inventory(
            vnics=tuple(
                VnicRoom(
                    vnic_id=slot.vnic.id,
                    held=len(per_vnic.get(slot.vnic.id, [])),
                    limit=limits.limit(slot.vnic.id, now),
                    probing=limits.probing(slot.vnic.id),
                )
                for slot in self._pool.pod_slots
                if slot.vnic.id not in shut
            ),
            vnic_slots_left=0 if INSTANCE in shut else slots_left,
            new_vnic_limit=limits.new_vnic_limit(now),
            largest_block=limits.largest_block(now),
        )

    def _shut(self, now: float, *, release: bool) -> set[VnicId]:
        """Return where nothing can be asked for now, or nothing given back."""
        waiting = {
            where
            for (where, gives), t in self._not_before.items()
            if gives == release and t > now
        }
        return waiting | self._at_work.keys()

    def _tell_no_room(self, count: int) -> None:
        # Work under way or a refusal waited out has its own reason; here is told
        # only that the instance is full by its shape.
        if not self._at_work and not self._not_before:
            limit = self._pool.limits.new_vnic_limit(trio.current_time())
            self._pool.trouble(
                "shape",
                f"{count} more addresses do not fit: the shape takes"
                f" {self._pool.vnic_limit} VNICs, {self._pool.vnics_attached} are"
                f" attached, each pod VNIC with up to {limit}",
            )

    def _shrink(self, surplus: int, work: trio.Nursery, now: float) -> None:
        # Less than a whole batch over is the formula's own play.
        over = surplus >= self._pool.policy.batch
        per_vnic = self._pool.ledger.per_vnic()
        slots = self._pool.pod_slots
        empty = surplus >= 0 and any(s.vnic.id not in per_vnic for s in slots[1:])
        if not over and not empty:
            self._surplus_since = None
            return
        if self._surplus_since is None:
            self._surplus_since = now
        if now - self._surplus_since < self._pool.policy.shrink_after_seconds:
            return
        self._surplus_since = now
        shut = self._shut(now, release=True)
        back = give_back(
            [v for v in self._spare() if v.vnic_id not in shut],
            surplus if over else 0,
            may_detach=INSTANCE not in shut,
        )
        if back.vnic_id is not None:
            self._start_detach(back.vnic_id, work)
        for vnic_id, going in back.objects.items():
            delete = partial(self._changes.delete_addresses, vnic_id, going)
            self._start(work, vnic_id, 0, delete, release=True)

    def _spare(self) -> list[VnicSpare]:
        per_vnic = self._pool.ledger.per_vnic()
        spare: dict[VnicId, list[PrivateIp]] = {}
        for private_ip in self._pool.ledger.spare():
            spare.setdefault(private_ip.vnic_id, []).append(private_ip)
        held = {v: len(objects) for v, objects in per_vnic.items()}
        return [
            VnicSpare(
                vnic_id=vnic_id,
                spare=tuple(spare.get(vnic_id, ())),
                idle=len(spare.get(vnic_id, ())) == held.get(vnic_id, 0),
            )
            for vnic_id in (slot.vnic.id for slot in self._pool.pod_slots)
        ]

    def _start_detach(self, vnic_id: VnicId, work: trio.Nursery) -> None:
        detach = partial(self._changes.detach_vnic, vnic_id)

        # No other change of the instance's VNICs meanwhile.
        self._at_work[INSTANCE] = 0

        async def with_the_instance() -> bool:
            try:
                return await detach()
            finally:
                del self._at_work[INSTANCE]

        self._start(work, vnic_id, 0, with_the_instance, release=True)

    def _start(
        self,
        work: trio.Nursery,
        where: VnicId,
        brings: int,
        change: Change,
        *,
        release: bool = False,
    ) -> None:
        self._at_work[where] = brings
        work.start_soon(self._carry_out, (where, release), change)

    def _urgency(self, place: Place) -> Urgency:
        """Return how urgent a change is."""
        _, release = place
        if release:
            return Urgency.RELEASE
        if self._pool.waiting:
            return Urgency.WAITING
        return Urgency.DEMAND if self._pool.unserved() else Urgency.WARM_UP

    async def _carry_out(self, place: Place, change: Change) -> None:
        where, _ = place
        URGENCY.set(self._urgency(place))
        try:
            progress = await change()
        except VcndError as error:
            full = isinstance(error, CloudFullError)
            if full:
                self._learn(where)
            waits = self._delays.setdefault(
                place,
                delays(
                    self._random,
                    first_seconds=FULL_RETRY_SECONDS if full else 1.0,
                    most_seconds=MOST_RETRY_SECONDS,
                ),
            )
            self._not_before[place] = trio.current_time() + next(waits)
            self._pool.trouble(str(where), self._in_words(where, error, full=full))
        else:
            if progress:
                self._delays.pop(place, None)
                self._not_before.pop(place, None)
                self._pool.relief(str(where))
        finally:
            del self._at_work[where]
            self._pool.ring()

    def _learn(self, where: VnicId) -> None:
        slot = self._pool.slots.get(where)
        if slot is not None:
            held = len(self._pool.ledger.per_vnic().get(where, []))
            self._pool.limits.vnic_refused(
                where, slot.vnic.subnet_id, held, trio.current_time()
            )

    def _in_words(self, where: VnicId, error: VcndError, *, full: bool) -> str:
        if not full:
            return str(error)
        slot = self._pool.slots.get(where)
        subnet, place = ", ".join(self._pool.network.subnet_ids), "instance"
        if slot is not None:
            subnet, place = f"{slot.vnic.subnet_id}, {slot.vnic.subnet_cidr}", "VNIC"
        # OCI does not say which of the two it is.
        return (
            f"no room left in subnet {subnet}, or on this {place}:"
            " give pods a larger subnet or another one, or let nodes hold fewer"
            f" addresses with [pool] batch; {error}"
        )
