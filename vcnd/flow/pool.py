"""The state of the node: addresses, VNICs, demand, problems.

Each part has one owner: ``ledger``, ``vnics``, ``demand``, ``limits``, ``conditions``,
``problems`` and ``signals``.  Here are the questions that need two of them.
"""

from collections.abc import Mapping, Sequence

import trio
from msgspec.structs import replace

from vcnd.core.ledger import Ledger, Selector
from vcnd.core.limits import LearntLimits
from vcnd.core.states import Counts, State
from vcnd.core.target import Holding, PoolPolicy, class_policy, target
from vcnd.core.vnics import VnicTable
from vcnd.flow.conditions import Conditions
from vcnd.flow.demand import ClassDemand, Demand
from vcnd.flow.problems import Problems
from vcnd.flow.recent import RecentObjects
from vcnd.flow.signals import Signals
from vcnd.model.family import Family
from vcnd.model.ids import ClassName, VnicId
from vcnd.model.podnetwork import PodNetwork
from vcnd.model.records import RecoveredState
from vcnd.model.request import Grant, NamespacePolicy
from vcnd.model.sandbox import Lease, SandboxKey
from vcnd.model.vnic import Known, PrivateIp, VnicSlot


class Pool:
    """The state of the node.  No lock is needed: no method awaits."""

    def __init__(
        self,
        policy: PoolPolicy,
        network: PodNetwork,
        limits: Mapping[Family, LearntLimits],
        allowed: Sequence[NamespacePolicy] = (),
    ) -> None:
        self.ledger = Ledger(cooling_seconds=policy.cooling_seconds)
        self.vnics = VnicTable()
        self.demand = Demand(self.ledger, network, allowed)
        self.limits = limits
        self.signals = Signals()
        self.problems = Problems(self.signals.note_news)
        self.conditions = Conditions(self.problems, self.signals)
        self.created = RecentObjects()
        self.deleted = RecentObjects()
        self._policy = policy

    @property
    def policy(self) -> PoolPolicy:
        """Return the settings of the pool."""
        return self._policy

    def set_maximum(self, maximum: int) -> None:
        """Set the most addresses to hold."""
        minimum = min(self._policy.minimum, maximum)
        self._policy = replace(self._policy, maximum=maximum, minimum=minimum)

    @property
    def in_doubt(self) -> bool:
        """Return True if OCI's lists lack objects that may exist."""
        return bool(self.vnics.doubted) or self.ledger.in_doubt

    # Demand

    @property
    def family(self) -> Family:
        """Return the family that pods' first addresses are of."""
        return self.demand.network.families[0]

    def counts(self, family: Family) -> Counts:
        """Return how many addresses of a family are in each state."""
        return self.ledger.counts(lambda p: p.family is family)

    @property
    def demand_count(self) -> int:
        """Return how many pods have an address, or need one.

        Waiting calls need one, and so do bound pods whose call has not come yet:
        addresses are requested when the scheduler has bound a pod, not at its ADD.
        """
        return self._demand_of(self.family)

    def _demand_of(self, family: Family) -> int:
        return self.counts(family).leased + self.demand.wanted

    @property
    def target(self) -> int:
        """Return how many addresses of the first family the node should hold."""
        total, family = 0, self.family
        for need in self.demand.by_class():
            holding = self.holding(need, family)
            policy = self.class_policy(need, family, holding)
            total += target(holding.leased + holding.wanted, policy)
        return total

    def holding(self, need: ClassDemand, family: Family, in_flight: int = 0) -> Holding:
        """Return how many addresses of a class and family are held, and wanted."""
        selector = self._of(need.pod_class.name, family)
        counts = self.ledger.counts(selector)
        usable = self.ledger.counts(
            lambda p: self.vnics.serves(p.vnic_id) and selector(p)
        )
        return Holding(
            free=usable.free,
            leased=counts.leased,
            # Held, but no pod can get them now, as while cooling.
            cooling=counts.cooling + counts.doubted + counts.free - usable.free,
            in_flight=in_flight,
            wanted=need.wanted[family],
        )

    def class_policy(
        self, need: ClassDemand, family: Family, holding: Holding
    ) -> PoolPolicy:
        """Return the settings for one class and family, given what is held of it."""
        here = holding.leased + holding.wanted
        given = family in self.demand.network.families
        return class_policy(
            self._policy,
            own=given and need.kept_warm,
            needed=given and here > 0,
            elsewhere=max(0, self._demand_of(family) - here),
        )

    def _of(self, class_name: ClassName, family: Family, fixed: str = "") -> Selector:
        """Return a selector of a class's addresses, or of one fixed address."""

        def is_it(private_ip: PrivateIp) -> bool:
            return (
                private_ip.family is family
                and private_ip.fixed == fixed
                and self.vnics.class_of(private_ip.vnic_id) == class_name
            )

        return is_it

    def _fitting(self, grant: Grant) -> list[Selector]:
        """Return a selector for each address of a grant."""
        return [self._usable(grant, family) for family in grant.families]

    def _usable(self, grant: Grant, family: Family) -> Selector:
        fixed = grant.fixed if family is Family.IPV4 else ""
        fits = self._of(grant.pod_class.name, family, fixed)
        return lambda p: self.vnics.serves(p.vnic_id) and fits(p)

    def has_free_for(self, grant: Grant) -> bool:
        """Return True if all addresses of a grant are free."""
        return all(self.ledger.counts(w).free for w in self._fitting(grant))

    def take(
        self, key: SandboxKey, grant: Grant, uid: str = ""
    ) -> tuple[str, ...] | None:
        """Return the free addresses to lease next for a pod's grant, or None."""
        taken = [self.ledger.take(key, which, uid) for which in self._fitting(grant)]
        found = tuple(address for address in taken if address is not None)
        return found if len(found) == len(taken) else None

    def reserve(
        self, uid: str, grant: Grant, preferred: Sequence[str] = ()
    ) -> tuple[str, ...]:
        """Reserve free addresses for a pod's grant, and return them; or none."""
        return self.ledger.reservations.keep(uid, self._fitting(grant), preferred)

    # Addresses and their VNICs

    def held(self, vnic_id: VnicId, family: Family) -> int:
        """Return how many objects of a family a VNIC has."""
        held = self.ledger.per_vnic().get(vnic_id, [])
        return sum(p.family is family for p in held)

    def forget_vnic(self, vnic_id: VnicId) -> None:
        """Drop a gone VNIC's learnt limits and its problems."""
        for learnt in self.limits.values():
            learnt.forget(vnic_id)
        self.problems.clear_where(lambda p: p.vnic_id == vnic_id)

    def slots_of(self, lease: Lease) -> dict[str, VnicSlot]:
        """Return the VNICs of a lease's addresses, of those that are attached."""
        slots = self.vnics.slots
        return {a: slots[v] for a, v in self.vnics_of(lease).items() if v in slots}

    def vnics_of(self, lease: Lease) -> dict[str, VnicId]:
        """Return the VNICs of a lease's addresses, of those that are known."""
        found = ((a, self.ledger.private_ip(a)) for a in lease.addresses)
        return {a: p.vnic_id for a, p in found if p is not None}

    def known(self) -> Known:
        """Return our objects, whatever their tags say."""
        return Known(
            vnics={s.vnic.id: s.vnic for s in self.vnics.pod_slots},
            private_ips={p.id: p for p in self.ledger.private_ips()},
        )

    def restore(self, recovered: RecoveredState) -> None:
        """Restore the state that the journal recorded."""
        for slot in recovered.slots:
            self.vnics.restore(slot)
        for private_ip in recovered.private_ips:
            self.ledger.add(private_ip)
        for lease in recovered.leases:
            self.ledger.restore(lease)
        for address, vnic_id in recovered.lost:
            if self.ledger.state(address) is State.LOST:
                self.ledger.lose(address, vnic_id)
        now = trio.current_time()
        for address, seconds_ago in recovered.cooling:
            held = self.ledger.private_ip(address)
            if held is not None and held.fixed:
                continue  # a fixed address needs no cooldown
            if self.ledger.state(address) is State.FREE:
                until = now + self._policy.cooling_seconds - seconds_ago
                self.ledger.restore_cooldown(address, until)
