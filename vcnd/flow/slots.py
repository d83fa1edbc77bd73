"""The shape's VNIC slots, which the classes share: a pod that waits comes first.

If all slots are taken and a pod needs one more, a VNIC that no pod uses makes way.
That is seldom tried again for a class that got no address by it: a VNIC that OCI does
not detach serves no pod for a while, and one that is given up for nothing is missed by
the class that had it.
"""

from collections.abc import Sequence

import msgspec
import trio

from vcnd.core.target import balance
from vcnd.flow.demand import ClassDemand
from vcnd.flow.dispatch import INSTANCE, Dispatcher
from vcnd.flow.pool import Pool
from vcnd.flow.surplus import Surplus
from vcnd.model.family import Family
from vcnd.model.ids import ClassName, VnicId
from vcnd.model.place import attach_place
from vcnd.model.podnetwork import PodClass
from vcnd.model.vnic import Vnic, VnicSlot

FIRST_PAUSE_SECONDS = 120.0
MOST_PAUSE_SECONDS = 3600.0


class _Pause(msgspec.Struct, frozen=True):
    """No VNIC makes way for a class meanwhile."""

    ends: float
    seconds: float
    held: int
    """How many addresses the class had when the last VNIC made way."""


class Slots:
    """Knows which classes need one more VNIC, and which may attach one."""

    def __init__(self, *, pool: Pool, dispatcher: Dispatcher, surplus: Surplus) -> None:
        self._pool = pool
        self._dispatcher = dispatcher
        self._surplus = surplus
        self._cramped: set[ClassName] = set()
        """The classes whose pods need one more VNIC."""
        self._pauses: dict[ClassName, _Pause] = {}
        self._fixed: set[str] = set()
        """The names of the fixed addresses that are here."""

    def begin(self, demands: Sequence[ClassDemand]) -> None:
        """Begin a reconcile: find the classes that need a VNIC, and let one make way.

        Args:
            demands: the demand of each class, the most urgent first.
        """
        self._fixed = {p.fixed for p in self._pool.ledger.private_ips() if p.fixed}
        cramped = [need for need in demands if self._is_cramped(need)]
        self._cramped = {need.pod_class.name for need in cramped}
        self._end_pauses(demands)
        for need in cramped:
            self._make_way(need, demands)

    def retry_times(self) -> list[float]:
        """Return when VNICs may make way again, including past times."""
        return [pause.ends for pause in self._pauses.values()]

    # Which there are

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

    def fixed_to_come(self, need: ClassDemand) -> frozenset[str]:
        """Return the names of the fixed addresses that pods of a class wait for."""
        return need.fixed - self._fixed

    def home_is_full(self, pod_class: PodClass) -> bool:
        """Return True if the subnet of a class's fixed addresses is full."""
        home = pod_class.subnet_ids[:1]
        return self._pool.limits[Family.IPV4].all_full(home, trio.current_time())

    def for_fixed(self, pod_class: PodClass) -> list[Vnic]:
        """Return the VNICs that take one more fixed address of a class."""
        home = pod_class.subnet_ids[0]
        return [
            s.vnic
            for s in self.of(pod_class.name)
            if s.vnic.subnet_id == home and self._pool.has_room(s.vnic.id, Family.IPV4)
        ]

    # Which are needed

    def _is_cramped(self, need: ClassDemand) -> bool:
        """Return True if a pod waits for an address that no VNIC of its class takes."""
        pool = self._pool
        if not need.pod_class.subnet_ids or pool.is_draining:
            return False
        if not pool.demand.network.kept_warm:
            return False  # no NativePodNetwork was read yet: no VNIC is unneeded
        return self._lacks_home(need) or any(
            self._lacks_room(need, family) for family in need.wanted
        )

    def _lacks_home(self, need: ClassDemand) -> bool:
        """Return True if a fixed address waits for a VNIC of its subnet."""
        return (
            bool(self.fixed_to_come(need))
            and not self.for_fixed(need.pod_class)
            and not self.home_is_full(need.pod_class)
        )

    def _lacks_room(self, need: ClassDemand, family: Family) -> bool:
        holding = self._pool.holding(need, family)
        if holding.wanted <= holding.free + holding.in_flight:
            return False
        if balance(holding, self._pool.class_policy(need, family, holding)) <= 0:
            return False  # the node has its maximum
        vnics = [s.vnic.id for s in self.of(need.pod_class.name)]
        useful = filter(self.is_useful, vnics)
        return not any(self._pool.has_room(vnic_id, family) for vnic_id in useful)

    def _held(self, name: ClassName) -> int:
        return sum(self._pool.class_counts(name, family).total for family in Family)

    # Which make way

    def _end_pauses(self, demands: Sequence[ClassDemand]) -> None:
        """End the pauses of classes that got an address, or need none for long."""
        wanted = {n.pod_class.name for n in demands if n.is_wanted}
        lately = trio.current_time() - MOST_PAUSE_SECONDS
        self._pauses = {
            name: pause
            for name, pause in self._pauses.items()
            if (name in wanted or pause.ends > lately)
            and self._held(name) <= pause.held
        }

    def _make_way(self, need: ClassDemand, demands: Sequence[ClassDemand]) -> None:
        """Free a slot for a class whose pods need it, if none is left."""
        name, now = need.pod_class.name, trio.current_time()
        pause = self._pauses.get(name)
        if (pause is not None and now < pause.ends) or not self._may_swap(need):
            return
        if any(self._gives_way(x) for x in reversed(demands) if x is not need):
            seconds = FIRST_PAUSE_SECONDS
            if pause is not None:
                seconds = min(2 * pause.seconds, MOST_PAUSE_SECONDS)
            self._pauses[name] = _Pause(now + seconds, seconds, self._held(name))

    def _may_swap(self, need: ClassDemand) -> bool:
        """Return True if all slots are taken, and another VNIC is likely to help."""
        pool, subnets = self._pool, need.pod_class.subnet_ids
        limits, now = pool.limits[Family.IPV4], trio.current_time()
        if need.fixed:
            subnets = subnets[:1]  # fixed addresses live there
        return (
            pool.vnics.attached >= pool.vnics.limit
            and not (pool.in_doubt or pool.vnics.detaching)
            and not self._dispatcher.backing_off(attach_place(need.pod_class.name))
            and not limits.all_full(subnets, now)
        )

    def _gives_way(self, need: ClassDemand) -> bool:
        """Detach a VNIC that no pod of a class needs; return True if there is one."""
        name = need.pod_class.name
        held = {f: self._pool.holding(need, f) for f in need.wanted}
        spare = {f: h.free - h.wanted for f, h in held.items()}
        awaited = self.fixed_to_come(need) or any(n < 0 for n in spare.values())
        if awaited and name not in self._cramped:
            return False  # its own pods wait for what its VNICs will bring
        return self._surplus.give_way(name, self.of(name), spare)
