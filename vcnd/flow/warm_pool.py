"""The only task that grows or shrinks the pool.

It waits for a bell, reads the whole state once and starts the missing changes.  So
forty pods ring forty times, and one reconcile requests addresses for all of them.
Changes of different VNICs run in parallel; one VNIC, and the instance's set of VNICs,
has one change at a time (OCI answers 409 otherwise).

Each class of pods has its own VNICs, addresses and target.  The classes share the
shape's VNIC slots (``slots``); classes that a call waits for come first.
"""

from collections.abc import Sequence
from functools import partial
from random import Random
from typing import Never

import trio

from vcnd.core.placement import (
    AttachVnic,
    CreateAddresses,
    Inventory,
    NoRoom,
    VnicRoom,
    plan,
)
from vcnd.core.target import balance
from vcnd.flow.changes import Changes
from vcnd.flow.demand import ClassDemand
from vcnd.flow.dispatch import INSTANCE, Dispatcher, Incoming
from vcnd.flow.fixed import FixedAddresses
from vcnd.flow.pool import Pool
from vcnd.flow.reasons import why_shape_is_full
from vcnd.flow.retired import tell_retired
from vcnd.flow.returns import Returns
from vcnd.flow.slots import Slots
from vcnd.flow.surplus import Surplus
from vcnd.model.cause import Cause
from vcnd.model.family import Family
from vcnd.model.ids import ClassName, VnicId
from vcnd.model.place import (
    PlaceKind,
    addresses_place,
    attach_place,
    shape_place,
)
from vcnd.model.podnetwork import PodClass
from vcnd.model.vnic import VnicSlot

GATHER_SECONDS = 0.02
"""Rings are gathered for this long: a reconcile at each ADD would slow ADD down."""


class WarmPool:
    """Keeps the pool at its target."""

    def __init__(
        self,
        *,
        pool: Pool,
        changes: Changes,
        returns: Returns,
        resync_seconds: float,
        random: Random,
    ) -> None:
        self._pool = pool
        self._changes = changes
        self._resync_seconds = resync_seconds
        self._dispatcher = Dispatcher(pool=pool, random=random)
        self._surplus = Surplus(pool=pool, returns=returns, dispatcher=self._dispatcher)
        self._slots = Slots(
            pool=pool, dispatcher=self._dispatcher, surplus=self._surplus
        )
        self._fixed = FixedAddresses(
            pool=pool,
            changes=changes,
            returns=returns,
            dispatcher=self._dispatcher,
            slots=self._slots,
        )
        self._network = pool.demand.network
        """The pod network at the last reconcile."""
        self._frozen = False

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> Never:
        """Reconcile at each ring, when a cooldown ends, and at intervals."""
        async with trio.open_nursery() as nursery:
            self._dispatcher.open(nursery)
            task_status.started()
            while True:
                bell = self._pool.signals.next_ring()
                began = trio.current_time()
                self._reconcile()
                with trio.move_on_after(self._until_next(began)):
                    await bell.wait()
                    await trio.sleep(GATHER_SECONDS)

    async def freeze(self) -> None:
        """Start no more changes, and wait for those in flight."""
        self._frozen = True
        while self._dispatcher.in_flight:
            await self._pool.signals.next_ring().wait()

    def resume(self) -> None:
        """Keep the pool at its target again, after ``freeze``."""
        self._frozen = False
        self._pool.signals.ring()

    def _until_next(self, began: float) -> float:
        """Return the seconds to the next reconcile, after one that began at a time."""
        times = [
            began + self._resync_seconds,
            *self._dispatcher.retry_times(),
            *self._surplus.release_times(),
            *self._slots.retry_times(),
        ]
        cooled = self._pool.ledger.next_cooldown_end()
        if cooled is not None:
            times.append(cooled)
        # Times that had passed when it began are handled; later ones are not.
        return max(0.0, min(t for t in times if t > began) - trio.current_time())

    def _reconcile(self) -> None:
        pool = self._pool
        if pool.ledger.end_cooldown(trio.current_time()):
            pool.signals.arrived()
        pool.problems.expire()
        self._dispatcher.forget_stale()
        if pool.demand.network != self._network:
            self._forget_refusals()
        if (
            self._frozen
            or not pool.conditions.observed
            or not pool.conditions.disk_writes
        ):
            return  # no request without a durable intent
        class_demands = pool.demand.by_class(
            s.vnic.pod_class for s in pool.vnics.pod_slots
        )
        self._slots.begin(class_demands)
        for need in class_demands:
            self._reconcile_class(need)
        self._fixed.release(
            {(n.pod_class.name, f) for n in class_demands for f in n.fixed}
        )
        self._drop_moot_problems(class_demands)
        tell_retired(pool)

    def _forget_refusals(self) -> None:
        """Retry refusals at once: the pod network has changed."""
        self._network = self._pool.demand.network
        self._dispatcher.reset_backoff()
        self._pool.problems.clear_where(lambda place: place.kind.is_attempt)

    def _drop_moot_problems(self, class_demands: Sequence[ClassDemand]) -> None:
        """Drop the problems of classes and fixed addresses that no pod requests now."""
        classes = {need.pod_class.name for need in class_demands}
        fixed = {name for need in class_demands for name in need.fixed}
        self._pool.problems.clear_where(
            lambda place: (
                (place.pod_class is not None and place.pod_class not in classes)
                or (place.kind is PlaceKind.FIXED_ADDRESS and place.name not in fixed)
            )
        )

    def _reconcile_class(self, need: ClassDemand) -> None:
        pool, name = self._pool, need.pod_class.name
        if not pool.demand.network.kept_warm:
            return  # no NativePodNetwork was read yet: nothing is surplus
        slots = self._slots.of(name)
        if not pool.is_draining:
            self._fixed.fetch(need, partial(self._attach_for, need.pod_class))
        surplus: dict[Family, int] = {}
        needed = need.kept_warm or need.is_wanted
        for family in need.wanted:
            holding = pool.holding(need, family, self._in_flight(slots, family))
            missing = balance(holding, pool.class_policy(need, family, holding))
            if missing > 0 and pool.in_doubt and not need.is_wanted:
                pass  # doubted objects mostly still exist: no pod waits
            elif missing > 0:
                self._grow(missing, family, need.pod_class, slots)
            elif not holding.in_flight:
                self._enough(family, name, slots)
            surplus[family] = -missing
            needed |= holding.leased > 0
        if not need.fixed and all(n >= 0 for n in surplus.values()):
            pool.problems.clear(attach_place(name))
        policy = pool.policy_of(need.pod_class, Family.IPV4)
        self._surplus.release(
            surplus,
            name,
            slots,
            needed=needed,
            may_detach=not self._slots.fixed_to_come(need),
            policy=policy,
        )

    def _enough(
        self, family: Family, class_name: ClassName, slots: list[VnicSlot]
    ) -> None:
        """Drop pauses and problems: no more addresses are needed."""
        over = {addresses_place(s.vnic.id, family) for s in slots}
        self._pool.problems.clear_where(
            (over | {shape_place(class_name, family)}).__contains__
        )

    def _in_flight(self, slots: list[VnicSlot], family: Family) -> int:
        under_way = [self._dispatcher.in_flight.get(s.vnic.id) for s in slots]
        return sum(b.count for b in under_way if b and b.family is family)

    def _grow(
        self, missing: int, family: Family, pod_class: PodClass, slots: list[VnicSlot]
    ) -> None:
        steps = plan(missing, self._inventory(family, pod_class, slots))
        urgency = self._pool.demand.urgency
        if not any(isinstance(step, NoRoom) for step in steps):
            self._pool.problems.clear(shape_place(pod_class.name, family))
        for step in steps:
            match step:
                case CreateAddresses(vnic_id):
                    self._dispatcher.start(
                        vnic_id,
                        partial(self._changes.create_addresses, step, urgency),
                        brings=Incoming(step.count, family),
                        place=addresses_place(vnic_id, family),
                    )
                case AttachVnic():
                    self._attach_for(pod_class)
                case NoRoom(count):
                    self._tell_no_room(count, family, pod_class.name)

    def _attach_for(self, pod_class: PodClass) -> None:
        if self._slots.left(pod_class) > 0:
            urgency = self._pool.demand.urgency
            attach = partial(self._changes.attach_vnic, pod_class, urgency)
            place = attach_place(pod_class.name)
            self._dispatcher.start(INSTANCE, attach, place=place)

    def _inventory(
        self, family: Family, pod_class: PodClass, slots: list[VnicSlot]
    ) -> Inventory:
        now, limits = trio.current_time(), self._pool.limits[family]
        return Inventory(
            family=family,
            vnics=tuple(
                VnicRoom(
                    vnic_id=slot.vnic.id,
                    held=self._pool.held(slot.vnic.id, family),
                    limit=limits.limit(slot.vnic.id, now),
                    probing=limits.probing(slot.vnic.id),
                    busy=self._is_busy(slot.vnic.id, family),
                )
                for slot in slots
                if self._is_open(slot.vnic.id, family)
            ),
            vnic_slots_left=self._slots.left(pod_class),
            new_vnic_limit=limits.new_vnic_limit(now),
            blocks=limits.blocks(now),
        )

    def _is_busy(self, vnic_id: VnicId, family: Family) -> bool:
        """Return True if the other family comes before this one."""
        brings = self._dispatcher.in_flight.get(vnic_id)
        return brings is not None and brings.family not in (None, family)

    def _is_open(self, vnic_id: VnicId, family: Family) -> bool:
        in_flight = vnic_id in self._dispatcher.in_flight and not self._is_busy(
            vnic_id, family
        )
        shut = self._dispatcher.backing_off(addresses_place(vnic_id, family))
        return self._slots.is_useful(vnic_id) and not in_flight and not shut

    def _tell_no_room(self, count: int, family: Family, class_name: ClassName) -> None:
        # A change in flight or a refusal has its own problem; this one says that the
        # shape has no room.
        if self._dispatcher.idle:
            limits = self._pool.limits[family]
            limit = limits.new_vnic_limit(trio.current_time())
            self._pool.problems.report(
                shape_place(class_name, family),
                Cause.LIMIT_REACHED,
                why_shape_is_full(self._pool, count, family, limit),
            )
