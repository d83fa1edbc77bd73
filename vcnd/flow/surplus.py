"""Releases a class's surplus once it has lasted for a while, or a VNIC for a pod."""

from collections.abc import Mapping, Sequence
from functools import partial

import trio

from vcnd.core.placement import Releasable, ReleasePlan, plan_release
from vcnd.core.target import PoolPolicy
from vcnd.flow.dispatch import INSTANCE, Dispatcher, Incoming
from vcnd.flow.pool import Pool
from vcnd.flow.returns import Returns
from vcnd.model.family import Family
from vcnd.model.ids import ClassName, VnicId
from vcnd.model.place import release_place
from vcnd.model.vnic import PrivateIp, VnicSlot


class Surplus:
    """Knows since when each class has a surplus, and starts the releases."""

    def __init__(self, *, pool: Pool, returns: Returns, dispatcher: Dispatcher) -> None:
        self._pool = pool
        self._returns = returns
        self._dispatcher = dispatcher
        self._since: dict[ClassName, float] = {}
        """Classes with a surplus, by name, with the time since when."""

    def release_times(self) -> list[float]:
        """Return the times at which each class's surplus has lasted long enough."""
        shrink_after = self._pool.policy.shrink_after_seconds
        return [since + shrink_after for since in self._since.values()]

    def release(
        self,
        surplus: Mapping[Family, int],
        class_name: ClassName,
        slots: Sequence[VnicSlot],
        *,
        needed: bool,
        may_detach: bool,
        policy: PoolPolicy,
    ) -> None:
        """Start the release of a class's surplus if it has lasted long enough.

        Args:
            surplus: the surplus of each family; negative if addresses are missing.
            class_name: the class's name.
            slots: its VNICs.
            needed: True if the node keeps a VNIC of the class.
            may_detach: False if all its VNICs are needed, also those without addresses.
            policy: the settings for the class.
        """
        # A surplus below one batch is rounding, not surplus.
        least = policy.batch if needed else 1
        over = {f: n for f, n in surplus.items() if n >= least}
        ledger = self._pool.ledger
        used = ledger.per_vnic().keys() | ledger.vnics_leased()
        some = slots[1:] if needed else slots
        calm = may_detach and all(n >= 0 for n in surplus.values())
        empty = calm and any(s.vnic.id not in used for s in some)
        if not over and not empty:
            self._since.pop(class_name, None)
            return
        now = trio.current_time()
        since = self._since.setdefault(class_name, now)
        if now - since < policy.shrink_after_seconds:
            return
        # What stays, such as the rest of a block, counts as a new surplus.  It has no
        # time before the next reconcile: if none has to last, it would be due at once.
        del self._since[class_name]
        plan = self._plan(slots, over, may_detach=may_detach, keep_one=needed)
        if plan.vnic_id is not None:
            self._start_detach(plan.vnic_id)
        for vnic_id, to_delete in plan.objects.items():
            delete = partial(self._returns.delete_addresses, vnic_id, to_delete)
            self._dispatcher.start(vnic_id, delete, place=release_place(vnic_id))

    def give_way(
        self,
        class_name: ClassName,
        slots: Sequence[VnicSlot],
        spare: Mapping[Family, int],
    ) -> bool:
        """Detach a VNIC that no pod uses, for a pod of another class.

        A pod that waits comes before what is held ahead of need.

        Args:
            class_name: the name of the class that may lose one.
            slots: its VNICs.
            spare: the free addresses of each family that none of its pods waits for.

        Returns:
            True if there is one, and its detachment has begun.
        """
        plan = self._plan(slots, spare, may_detach=True, keep_one=False)
        if plan.vnic_id is None:
            return False
        self._since.pop(class_name, None)  # less is surplus now
        self._start_detach(plan.vnic_id)
        return True

    def _plan(
        self,
        slots: Sequence[VnicSlot],
        surplus: Mapping[Family, int],
        *,
        may_detach: bool,
        keep_one: bool,
    ) -> ReleasePlan:
        backing_off = self._dispatcher.releases_backing_off()
        # While a pod's address may be on any VNIC, each may have a pod.
        placed = not self._pool.ledger.unplaced()
        return plan_release(
            [v for v in self._releasable(slots) if v.vnic_id not in backing_off],
            surplus,
            may_detach=may_detach and INSTANCE not in backing_off and placed,
            keep_one=keep_one,
        )

    def _releasable(self, slots: Sequence[VnicSlot]) -> list[Releasable]:
        ledger = self._pool.ledger
        unused: dict[VnicId, list[PrivateIp]] = {}
        for private_ip in ledger.releasable():
            unused.setdefault(private_ip.vnic_id, []).append(private_ip)
        held, leased = ledger.per_vnic(), ledger.vnics_leased()
        return [
            Releasable(
                vnic_id=slot.vnic.id,
                objects=tuple(unused.get(slot.vnic.id, ())),
                # A pod whose address is gone from the cloud keeps its VNIC.
                idle=slot.vnic.id not in leased
                and len(unused.get(slot.vnic.id, ()))
                == len(held.get(slot.vnic.id, ())),
            )
            for slot in slots
        ]

    def _start_detach(self, vnic_id: VnicId) -> None:
        detach = partial(self._returns.detach_vnic, vnic_id)
        in_flight = self._dispatcher.in_flight

        # No other change of the instance's VNICs meanwhile.
        in_flight[INSTANCE] = Incoming()

        async def with_the_instance() -> bool:
            try:
                return await detach()
            finally:
                del in_flight[INSTANCE]

        self._dispatcher.start(vnic_id, with_the_instance, place=release_place(vnic_id))
