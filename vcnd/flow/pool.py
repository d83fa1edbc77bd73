"""The node's addresses and VNICs, and those who wait for an address.

One owner of the state: the ledger, the VNIC slots and what the cloud last
refused.  ``flow.attach`` takes from it, ``flow.warm_pool`` fills it,
``flow.repair`` corrects it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf

import structlog
import trio

from vcnd.core.ledger import Ledger, Selector
from vcnd.core.limits import LearntLimits
from vcnd.core.numbers import Numbers
from vcnd.core.problems import Problems
from vcnd.core.recent import Recent
from vcnd.core.states import Counts
from vcnd.core.target import Holding, PoolPolicy, class_policy, target
from vcnd.flow.demand import ClassDemand, Demand
from vcnd.model.family import Family
from vcnd.model.ids import VnicId
from vcnd.model.place import JOURNAL, Place
from vcnd.model.podnetwork import PodNetwork
from vcnd.model.records import RecoveredState
from vcnd.model.request import Grant, NamespacePolicy
from vcnd.model.sandbox import Lease, SandboxKey
from vcnd.model.vnic import Known, PrivateIp, VnicSlot

log = structlog.get_logger()


class Pool:
    """State of the node.  Every synchronous method is one step."""

    def __init__(
        self,
        policy: PoolPolicy,
        network: PodNetwork,
        limits: Mapping[Family, LearntLimits],
        allowed: Sequence[NamespacePolicy] = (),
    ) -> None:
        self.policy = policy
        self.limits = limits
        self.network_settled = False
        """Whether VNICs are attached where Kubernetes asks, where there is any."""
        self.ledger = Ledger(cooling_seconds=policy.cooling_seconds)
        self.demand = Demand(self.ledger, network, allowed)
        self.numbers = Numbers()
        self.unlinked: frozenset[VnicId] = frozenset()
        """VNICs of ``slots`` that have no link on the node."""
        self.doubted: frozenset[VnicId] = frozenset()
        """VNICs that a list lacks, and of which no second witness says that they are
        gone."""
        self.detaching: set[VnicId] = set()
        """VNICs that perhaps were detached by us: nobody knows yet."""
        self.confirmed_at = -inf
        """When an audit last agreed with the cloud."""
        self.vnics_attached = 0
        self.vnic_limit = 0
        self.observed = False
        """Whether the cloud has been asked since the daemon started."""
        self.disk_writes = True
        """Whether the journal's disk takes records; else nothing is asked for."""
        self.releasing = False
        """Whether everything is being given back: nobody is given an address."""
        self.released = False
        """Whether everything was given back; the node asks for nothing any more."""
        self.problems = Problems()
        self._came = Recent()
        self._left = Recent()
        self._bell = trio.Event()
        self._doubt = trio.Event()
        self._arrival = trio.Event()
        self._news = trio.Event()

    # Bells

    def ring(self) -> None:
        """Tell the warm pool to look; many rings before it looks are one."""
        self._bell.set()
        self._news.set()

    async def until_news(self) -> None:
        """Return when something has changed since the last return."""
        await self._news.wait()
        self._news = trio.Event()

    def next_bell(self) -> trio.Event:
        """Return a fresh bell.  Take it before looking, so that no ring is lost."""
        if self._bell.is_set():
            self._bell = trio.Event()
        return self._bell

    def request_audit(self) -> None:
        """Ask for an audit: it is not known what became of a change."""
        self._doubt.set()

    async def audit_requested(self) -> None:
        """Return at the next doubt, or at one that nobody has looked into yet."""
        await self._doubt.wait()
        self._doubt = trio.Event()

    def arrived(self) -> None:
        """Wake all who wait for an address."""
        self._news.set()
        self._arrival.set()
        self._arrival = trio.Event()

    def stop_serving(self) -> None:
        """Give no address to any call, and end those that wait for one."""
        self.releasing = True
        self.arrived()

    async def arrival(self) -> None:
        """Return when addresses may have come free."""
        await self._arrival.wait()

    # What is new or gone: OCI's lists may not know it yet

    def note_created(self, ocids: Iterable[str]) -> None:
        """Note that the cloud has just given us these."""
        self._came.note(ocids, trio.current_time())

    def recently_created(self, ocid: str) -> bool:
        """Tell whether a list that lacks it proves nothing."""
        return self._came.has(ocid, trio.current_time())

    def note_deleted(self, ocids: Iterable[str]) -> None:
        """Note that the cloud has just taken these back."""
        self._left.note(ocids, trio.current_time())

    def recently_deleted(self, ocid: str) -> bool:
        """Tell whether a list that has it proves nothing."""
        return self._left.has(ocid, trio.current_time())

    def serves(self, vnic_id: VnicId) -> bool:
        """Return True if the addresses of a VNIC may be given to new pods."""
        return not any(
            vnic_id in some for some in (self.unlinked, self.doubted, self.detaching)
        )

    @property
    def in_doubt(self) -> bool:
        """Return True if the cloud's list lacks something that may be there."""
        return bool(self.doubted) or self.ledger.in_doubt

    # Demand

    @property
    def family(self) -> Family:
        """Return the family that pods' first addresses are of."""
        return self.demand.network.families[0]

    def counts(self, family: Family) -> Counts:
        """Return how many addresses of a family stand where."""
        return self.ledger.counts(lambda p: p.family is family)

    @property
    def demand_count(self) -> int:
        """Return how many pods have an address, or want one.

        Wanted by calls that wait, and by pods whose calls have not come yet: the
        cloud is asked when the scheduler has decided, not when the runtime asks.
        """
        return self._demand(self.family)

    def _demand(self, family: Family) -> int:
        return self.counts(family).leased + self.demand.wanted

    @property
    def target(self) -> int:
        """Return how many addresses of the first family the node ought to hold."""
        total, family = 0, self.family
        for need in self.demand.by_class():
            holding = self.holding(need, family)
            policy = self.class_policy(need, family, holding)
            total += target(holding.leased + holding.wanted, policy)
        return total

    def holding(self, need: ClassDemand, family: Family, in_flight: int = 0) -> Holding:
        """Return what is held of a class and family, and wanted of it."""
        which = self._of(need.pod_class.name, family)
        counts = self.ledger.counts(which)
        usable = self.ledger.counts(lambda p: self.serves(p.vnic_id) and which(p))
        return Holding(
            free=usable.free,
            leased=counts.leased,
            # Held, and given to nobody for now: as what cools.
            cooling=counts.cooling + counts.doubted + counts.free - usable.free,
            in_flight=in_flight,
            wanted=need.wanted[family],
        )

    def class_policy(
        self, need: ClassDemand, family: Family, holding: Holding
    ) -> PoolPolicy:
        """Return the settings for a class and family of which so much is held."""
        here = holding.leased + holding.wanted
        given = family in self.demand.network.families
        return class_policy(
            self.policy,
            own=given and need.kept_warm,
            needed=given and here > 0,
            elsewhere=max(0, self._demand(family) - here),
        )

    def _of(self, pod_class: str, family: Family, fixed: str = "") -> Selector:
        """Return what tells the addresses of a class, or its fixed one, from others."""

        def is_it(private_ip: PrivateIp) -> bool:
            return (
                private_ip.family is family
                and private_ip.fixed == fixed
                and self.class_of(private_ip.vnic_id) == pod_class
            )

        return is_it

    def _fitting(self, grant: Grant) -> list[Selector]:
        """Return what tells the addresses that fit a claim, for each it wants."""
        return [self._usable(grant, family) for family in grant.families]

    def _usable(self, grant: Grant, family: Family) -> Selector:
        fixed = grant.fixed if family is Family.IPV4 else ""
        fits = self._of(grant.pod_class.name, family, fixed)
        return lambda p: self.serves(p.vnic_id) and fits(p)

    def has_free_for(self, grant: Grant) -> bool:
        """Tell whether all addresses of a claim are free."""
        return all(self.ledger.counts(w).free for w in self._fitting(grant))

    def take(self, key: SandboxKey, grant: Grant) -> tuple[str, ...] | None:
        """Return the free addresses to give next for a claim, or None."""
        taken = [self.ledger.take(key, which) for which in self._fitting(grant)]
        found = tuple(address for address in taken if address is not None)
        return found if len(found) == len(taken) else None

    # Troubles

    def report_problem(self, place: Place, reason: str) -> None:
        """Note what is wrong at a place, until ``relief``."""
        if self.problems.see(place, reason, trio.current_time()):
            log.warning("cloud_trouble", what=str(place), reason=reason)
            self._news.set()

    def clear_problem(self, place: Place) -> None:
        """Drop the problem of a place: its cause has gone."""
        self.clear_problems(lambda p: p == place)

    def clear_problems(self, is_over: Callable[[Place], bool]) -> None:
        """Drop the problems of all places whose cause has gone."""
        now = trio.current_time()
        for problem in self.problems.clear(is_over):
            log.info(
                "problem_cleared",
                what=problem.what,
                seconds=round(now - problem.since, 1),
                count=problem.count,
            )
            self._news.set()

    def expire_problems(self) -> None:
        """Drop refused attempts that nobody repeats any more."""
        expired = self.problems.expired(trio.current_time())
        if expired:
            self.clear_problems(expired.__contains__)

    def hear_of_disk(self, refusal: str) -> None:
        """Take in why the journal's disk refuses, or by an empty text that it works."""
        self.disk_writes = not refusal
        if refusal:
            self.report_problem(JOURNAL, refusal)
        else:
            self.clear_problem(JOURNAL)
            self.ring()

    # VNICs

    @property
    def slots(self) -> dict[VnicId, VnicSlot]:
        """Return the attached VNICs and their numbers."""
        return self.numbers.slots

    @property
    def pod_slots(self) -> list[VnicSlot]:
        """Return the VNICs that carry pods, by number."""
        slots = (s for s in self.slots.values() if not s.is_primary)
        return sorted(slots, key=lambda s: s.index)

    def held(self, vnic_id: VnicId, family: Family) -> int:
        """Return how many objects of a family a VNIC has."""
        held = self.ledger.per_vnic().get(vnic_id, [])
        return sum(p.family is family for p in held)

    def forget_vnic(self, vnic_id: VnicId) -> None:
        """Drop what was learnt of a VNIC that is gone, and its troubles."""
        for learnt in self.limits.values():
            learnt.forget(vnic_id)
        self.clear_problems(lambda p: p.vnic_id == vnic_id)

    def class_of(self, vnic_id: VnicId) -> str:
        """Return the name of a VNIC's class; that of the node's own where unknown."""
        slot = self.slots.get(vnic_id)
        return slot.vnic.pod_class if slot is not None else ""

    def slots_of(self, lease: Lease) -> dict[str, VnicSlot]:
        """Return the VNICs of a lease's addresses, of those that are known."""
        found: dict[str, VnicSlot] = {}
        for address in lease.addresses:
            private_ip = self.ledger.private_ip(address)
            slot = self.slots.get(private_ip.vnic_id) if private_ip else None
            if slot is not None:
                found[address] = slot
        return found

    def vnics_of(self, lease: Lease) -> dict[str, VnicId]:
        """Return the VNICs of a lease's addresses, of those that are known."""
        found = ((a, self.ledger.private_ip(a)) for a in lease.addresses)
        return {a: p.vnic_id for a, p in found if p is not None}

    def known(self) -> Known:
        """Return what is ours, whatever its tags say."""
        return Known(
            vnics={s.vnic.id: s.vnic for s in self.pod_slots},
            private_ips={p.id: p for p in self.ledger.private_ips()},
        )

    def restore(self, recovered: RecoveredState) -> None:
        """Enter what the journal remembers."""
        for slot in recovered.slots:
            self.slots[slot.vnic.id] = slot
        for private_ip in recovered.private_ips:
            self.ledger.add(private_ip)
        for lease in recovered.leases:
            self.ledger.restore(lease)
        for address, vnic_id in recovered.lost:
            held = self.ledger.private_ip(address)
            if held is None and self.ledger.state(address) == "leased":
                self.ledger.lose(address, vnic_id)
        now = trio.current_time()
        for address, seconds_ago in recovered.cooling:
            held = self.ledger.private_ip(address)
            if held is not None and held.fixed:
                continue  # needs no rest
            if self.ledger.state(address) == "free":
                self.ledger.restore_cooldown(
                    address, now + self.policy.cooling_seconds - seconds_ago
                )
