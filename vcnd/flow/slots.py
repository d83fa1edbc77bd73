"""The shape's VNIC slots, which the classes share: a pod that waits comes first.

If all slots are taken and a pod needs one more, a VNIC that no pod uses makes way.
"""

from collections.abc import Sequence

from vcnd.core.target import Holding
from vcnd.flow.demand import ClassDemand
from vcnd.flow.dispatch import INSTANCE, Dispatcher
from vcnd.flow.pool import Pool
from vcnd.flow.surplus import Surplus
from vcnd.model.family import Family
from vcnd.model.ids import ClassName, VnicId
from vcnd.model.place import attach_place
from vcnd.model.podnetwork import PodClass
from vcnd.model.vnic import VnicSlot


class Slots:
    """Knows which classes need one more VNIC, and which may attach one."""

    def __init__(self, *, pool: Pool, dispatcher: Dispatcher, surplus: Surplus) -> None:
        self._pool = pool
        self._dispatcher = dispatcher
        self._surplus = surplus
        self._demands: Sequence[ClassDemand] = ()
        self._cramped: set[ClassName] = set()
        """The classes whose pods need one more VNIC."""

    def begin(self, demands: Sequence[ClassDemand]) -> None:
        """Begin a reconcile: no class is known to need a VNIC.

        Args:
            demands: the demand of each class, the most urgent first.
        """
        self._demands = demands
        self._cramped.clear()

    def of(self, name: ClassName) -> list[VnicSlot]:
        """Return the VNICs of a class."""
        return [s for s in self._pool.vnics.pod_slots if s.vnic.pod_class == name]

    def left(self, pod_class: PodClass) -> int:
        """Return how many VNICs of a class can be attached, one after another."""
        # The subnets of an unknown class are unknown too.
        if INSTANCE in self._dispatcher.in_flight or not pod_class.subnet_ids:
            return 0
        if self._dispatcher.backing_off(attach_place(pod_class.name)):
            return 0
        left = self._pool.vnics.limit - self._pool.vnics.attached
        # Even while OCI refuses the VNIC of a pod that waits: otherwise another would
        # be attached and detached again and again.
        return left if pod_class.name in self._cramped else left - len(self._cramped)

    def is_useful(self, vnic_id: VnicId) -> bool:
        """Return True if pods can have a VNIC's addresses now, or soon."""
        # A new VNIC's addresses are requested before its link appears.
        return self._pool.vnics.serves(vnic_id) or self._pool.is_young(vnic_id)

    def is_cramped(self, name: ClassName, family: Family, holding: Holding) -> bool:
        """Return True if a pod waits for an address that no VNIC of its class takes."""
        if holding.wanted <= holding.free + holding.in_flight:
            return False
        useful = [s.vnic.id for s in self.of(name) if self.is_useful(s.vnic.id)]
        return not any(self._pool.has_room(vnic_id, family) for vnic_id in useful)

    def make_way(self, pod_class: PodClass) -> None:
        """Keep a slot for a class whose pods need it; free one if none is left."""
        if not pod_class.subnet_ids:
            return
        self._cramped.add(pod_class.name)
        if self._pool.vnics.attached < self._pool.vnics.limit:
            return
        if self._dispatcher.backing_off(attach_place(pod_class.name)):
            return
        for need in reversed(self._demands):
            held = {f: self._pool.holding(need, f) for f in need.wanted}
            spare = {f: h.free - h.wanted for f, h in held.items()}
            if need.pod_class.name != pod_class.name and self._surplus.give_way(
                self.of(need.pod_class.name), spare
            ):
                return
