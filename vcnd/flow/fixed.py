"""Fixed addresses: fetched when a pod here claims one, released when it has gone.

A fixed address is a RESERVED private IP that lives in the first subnet of its pod's
class.  While no pod has it, it is on no VNIC, and any node may fetch it.
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from functools import partial

from vcnd.core.states import State
from vcnd.flow.changes import Changes
from vcnd.flow.demand import ClassDemand
from vcnd.flow.dispatch import Dispatcher, Incoming
from vcnd.flow.pool import Pool
from vcnd.flow.returns import Returns
from vcnd.flow.slots import Slots
from vcnd.model.family import Family
from vcnd.model.place import fixed_place, release_place


class FixedAddresses:
    """The fixed addresses of this node."""

    def __init__(
        self,
        *,
        pool: Pool,
        changes: Changes,
        returns: Returns,
        dispatcher: Dispatcher,
        slots: Slots,
    ) -> None:
        self._pool = pool
        self._changes = changes
        self._returns = returns
        self._dispatcher = dispatcher
        self._slots = slots

    def fetch(self, need: ClassDemand, attach: Callable[[], None]) -> None:
        """Fetch the requested fixed addresses to VNICs of the class.

        Args:
            need: the demand of the class.
            attach: attaches one more VNIC.
        """
        for name in sorted(self._slots.fixed_to_come(need)):
            place = fixed_place(name)
            # It may be on its way to another VNIC than the one that has room now.
            at_work = self._dispatcher.is_at_work(place)
            if at_work or self._dispatcher.backing_off(place):
                continue
            roomy = self._slots.for_fixed(need.pod_class)
            if not roomy:
                if not self._slots.home_is_full(need.pod_class):
                    attach()
                return
            free = [v for v in roomy if v.id not in self._dispatcher.in_flight]
            if not free:
                return
            urgency = self._pool.demand.urgency
            fetch = partial(self._changes.fetch_fixed, name, free[0], urgency)
            brings = Incoming(0, Family.IPV4)
            self._dispatcher.start(free[0].id, fetch, place=place, brings=brings)

    def release(self, wanted: AbstractSet[tuple[str, str]]) -> None:
        """Release those that no pod here has or requests.

        Args:
            wanted: class and name of those that pods without an address request.
        """
        pool = self._pool
        for private_ip in pool.ledger.private_ips():
            vnic_id, name = private_ip.vnic_id, private_ip.fixed
            if not name or (pool.vnics.class_of(vnic_id), name) in wanted:
                continue
            if pool.ledger.state(private_ip.address) is not State.FREE:
                continue
            if vnic_id not in self._dispatcher.releases_backing_off():
                leave = partial(self._returns.release_fixed, private_ip)
                self._dispatcher.start(vnic_id, leave, place=release_place(vnic_id))
