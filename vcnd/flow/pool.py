"""The state of the node: addresses, VNICs, demand, problems.

Each part has one owner: ``ledger``, ``vnics``, ``demand``, ``limits``, ``conditions``,
``problems``, ``tries`` and ``signals``.  Here are the questions that need two of them.
"""

from collections.abc import Mapping, Sequence

import trio
from msgspec.structs import replace

from vcnd.core.classes import is_retired
from vcnd.core.ledger import Ledger
from vcnd.core.limits import LearntLimits
from vcnd.core.pressure import SubnetPressure
from vcnd.core.repairs import Repair, Repairs
from vcnd.core.states import Counts, State
from vcnd.core.tally import Placed, Selector
from vcnd.core.target import (
    Holding,
    PoolPolicy,
    class_policy,
    lean,
    target,
)
from vcnd.core.vnics import VnicTable, as_tagged
from vcnd.flow.conditions import Conditions, Phase
from vcnd.flow.demand import ClassDemand, Demand
from vcnd.flow.open_tries import OpenTries
from vcnd.flow.problems import Problems
from vcnd.flow.recent import RecentObjects
from vcnd.flow.signals import Signals
from vcnd.model.drift import DriftKind
from vcnd.model.family import Family
from vcnd.model.ids import ClassName, VnicId
from vcnd.model.podnetwork import PodClass, PodNetwork
from vcnd.model.records import RecoveredState
from vcnd.model.request import Grant, NamespacePolicy
from vcnd.model.sandbox import Lease, SandboxKey
from vcnd.model.vnic import Known, VnicSlot


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
        self.tries = OpenTries()
        self.conditions = Conditions(self.problems, self.signals)
        self.pressure = SubnetPressure(policy.lean_at)
        self.repairs = Repairs()
        self.created = RecentObjects()
        self.deleted = RecentObjects()
        self._policy = policy
        self._maximum = policy.maximum
        self.max_pods: int | None = None
        """How many pods kubelet takes, if it is known."""

    @property
    def policy(self) -> PoolPolicy:
        """Return the settings of the pool."""
        return lean(self._policy) if self.is_draining else self._policy

    @property
    def is_draining(self) -> bool:
        """Return True if the node is drained, or is being drained."""
        return self.conditions.phase is Phase.DRAINING

    def set_maximum(self, maximum: int) -> None:
        """Set the most addresses to hold, unless kubelet takes fewer pods."""
        self._maximum = maximum
        self.set_max_pods(self.max_pods)

    def set_max_pods(self, max_pods: int | None) -> None:
        """Set how many pods kubelet takes: the node holds no more addresses."""
        self.max_pods = max_pods
        maximum = min(self._maximum, max_pods or self._maximum)
        minimum = min(self._policy.minimum, maximum)
        self._policy = replace(self._policy, maximum=maximum, minimum=minimum)

    def most_addresses(self, family: Family) -> int:
        """Return how many addresses of a family the shape's VNICs hold; 0: unknown."""
        vnics, now = self.vnics, trio.current_time()
        attached = [slot.vnic.id for slot in vnics.pod_slots]
        further = max(0, vnics.limit - vnics.attached)
        return self.limits[family].most_addresses(attached, further, now)

    @property
    def in_doubt(self) -> bool:
        """Return True if OCI's lists lack objects that may exist."""
        return bool(self.vnics.doubted) or self.ledger.in_doubt

    def note_repair(self, kind: DriftKind, what: str) -> None:
        """Note that a difference was repaired."""
        now = trio.current_time()
        self.repairs.note(Repair(kind=kind, number=1, what=what, at=now))

    def settle_network(self) -> None:
        """Note that the pod network is the cluster's: VNICs of others are retired."""
        self.conditions.settle_network()
        self.vnics.follow(self.demand.network.subnet_ids)

    # Demand

    @property
    def family(self) -> Family:
        """Return the family that pods' first addresses are of."""
        return self.demand.network.families[0]

    def counts(self, family: Family) -> Counts:
        """Return how many addresses of a family are in each state."""
        return self.ledger.counts(lambda p: p.family is family)

    def class_counts(self, class_name: ClassName, family: Family) -> Counts:
        """Return how many addresses of a class and family are in each state.

        Fixed addresses, which are outside of all targets, are counted too.
        """
        class_of = self.vnics.class_of
        return self.ledger.counts(
            lambda p: p.family is family and class_of(p.vnic_id) == class_name
        )

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

    @property
    def serves_on_demand(self) -> bool:
        """Return True if the node is to hold no address, and can create one for a pod.

        Its subnets are nearly full, say.  A node that is drained gives pods none, and
        of a subnet that is full there is none.
        """
        if self.target or self.is_draining or not self.most_addresses(self.family):
            return False
        limits, now = self.limits[self.family], trio.current_time()
        has_room = [
            any(self.pressure.used(s) < 1.0 for s in kept.subnet_ids)
            and not limits.all_full(kept.subnet_ids, now)
            for kept in self.demand.network.kept_warm
        ]
        return any(has_room)

    def holding(self, need: ClassDemand, family: Family, in_flight: int = 0) -> Holding:
        """Return how many addresses of a class and family are held, and wanted."""
        selector = self._of(need.pod_class.name, family)
        counts = self.ledger.counts(selector)
        withheld = coming = 0
        if not self.vnics.all_serve:
            withheld, coming = self._withheld(selector)
        return Holding(
            free=counts.free - withheld - coming,
            leased=counts.leased,
            # Held, but no pod can get them now, as while cooling.
            cooling=counts.cooling + counts.doubted + withheld,
            in_flight=in_flight + coming,
            # While the node is drained, pods that are bound here get no address.
            wanted=0 if self.is_draining else need.wanted[family],
        )

    def _withheld(self, selector: Selector) -> tuple[int, int]:
        """Return how many free addresses their VNICs withhold, for long and for short.

        The link of a new VNIC comes soon: more addresses would be too many then.
        """

        def counts(*, young: bool) -> int:
            return self.ledger.counts(
                lambda p: (
                    not self.vnics.serves(p.vnic_id)
                    and self.is_young(p.vnic_id) == young
                    and selector(p)
                )
            ).free

        return counts(young=False), counts(young=True)

    def is_young(self, vnic_id: VnicId) -> bool:
        """Return True if a VNIC is so new that its link and OCI's lists may lag."""
        old = vnic_id in self.vnics.detaching or vnic_id in self.vnics.lost_links
        return not old and vnic_id in self.created

    def class_policy(
        self, need: ClassDemand, family: Family, holding: Holding
    ) -> PoolPolicy:
        """Return the settings for one class and family, given what is held of it."""
        here = holding.leased + holding.wanted
        given = family in self.demand.network.families
        return class_policy(
            self.policy_of(need.pod_class, family),
            own=given and need.kept_warm,
            needed=given and here > 0,
            elsewhere=max(0, self._demand_of(family) - here),
        )

    def policy_of(self, pod_class: PodClass, family: Family) -> PoolPolicy:
        """Return the settings of the pool, as the subnets of a class allow them."""
        if is_retired(pod_class.name):
            # Without haste: the next change may name its subnet again.
            seconds = self.policy.shrink_after_seconds
            return replace(lean(self.policy), shrink_after_seconds=seconds)
        pressed = self._is_pressed(pod_class, family)
        return lean(self.policy) if pressed else self.policy

    def _is_pressed(self, pod_class: PodClass, family: Family) -> bool:
        """Return True if every subnet of a class is nearly full.

        Only IPv4: a subnet's IPv6 prefix never becomes full.
        """
        subnets = pod_class.subnet_ids
        if family is Family.IPV6 or not subnets:
            return False
        return all(map(self.pressure.is_pressed, subnets))

    def _of(self, class_name: ClassName, family: Family, fixed: str = "") -> Selector:
        """Return a selector of a class's addresses, or of one fixed address."""

        def is_it(some: Placed) -> bool:
            return (
                some.family is family
                and some.fixed == fixed
                and self.vnics.class_of(some.vnic_id) == class_name
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
        return self.ledger.held(vnic_id, family)

    def has_room(self, vnic_id: VnicId, family: Family) -> bool:
        """Return True if an attached VNIC may take one more object of a family."""
        limits, now = self.limits[family], trio.current_time()
        held = self.held(vnic_id, family)
        if held == 0 and limits.all_full(
            [self.vnics.slots[vnic_id].vnic.subnet_id], now
        ):
            return False
        return held < limits.limit(vnic_id, now) and not limits.probing(vnic_id)

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
            vnics={s.vnic.id: as_tagged(s.vnic) for s in self.vnics.pod_slots},
            private_ips={p.id: p for p in self.ledger.private_ips()},
        )

    def restore(self, recovered: RecoveredState) -> None:
        """Restore the state that the journal recorded."""
        self.created.recall(recovered.ages)
        self.deleted.recall(recovered.forgotten)
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
