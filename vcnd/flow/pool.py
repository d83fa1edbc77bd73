"""The node's addresses and VNICs, and those who wait for an address.

One owner of the state: the ledger, the VNIC slots and what the cloud last
refused.  ``flow.attach`` takes from it, ``flow.warm_pool`` fills it,
``flow.repair`` corrects it.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import structlog
import trio

from vcnd.core.ledger import Ledger, Which
from vcnd.core.limits import LearntLimits
from vcnd.core.target import Holding, PoolPolicy, share, target
from vcnd.flow.wants import Need, Wants
from vcnd.model.errors import PoolEmptyError
from vcnd.model.ids import VnicId
from vcnd.model.podnetwork import PodNetwork
from vcnd.model.records import Remembered
from vcnd.model.sandbox import Lease, PodRef, SandboxKey
from vcnd.model.trace import TRACE
from vcnd.model.vnic import PRIMARY_INDEX, PrivateIp, Vnic, VnicSlot
from vcnd.model.wish import Allowance, Claim

log = structlog.get_logger()


YOUNG_SECONDS = 60.0
"""OCI is consistent eventually: so long a list may lack what is new."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something could not be had, and when that was noticed."""

    what: str
    reason: str
    at: float


class Pool:
    """State of the node.  Every synchronous method is one step."""

    def __init__(
        self,
        policy: PoolPolicy,
        network: PodNetwork,
        limits: LearntLimits,
        allowed: Sequence[Allowance] = (),
    ) -> None:
        self.policy = policy
        self.limits = limits
        self.network_settled = False
        """Whether VNICs are attached where Kubernetes asks, where there is any."""
        self.ledger = Ledger(cooling_seconds=policy.cooling_seconds)
        self.wants = Wants(self.ledger, network, allowed)
        self.slots: dict[VnicId, VnicSlot] = {}
        self.vnics_attached = 0
        self.vnic_limit = 0
        self.observed = False
        """Whether the cloud has been asked since the daemon started."""
        self.released = False
        """Whether everything was given back; the node asks for nothing any more."""
        self.problems: deque[Problem] = deque(maxlen=16)
        self._came: dict[str, float] = {}
        """When VNICs and private IPs came, by OCID; the young ones alone."""
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

    def doubt(self) -> None:
        """Ask for an audit: it is not known what became of a change."""
        self._doubt.set()

    async def until_doubt(self) -> None:
        """Return at the next doubt, or at one that nobody has looked into yet."""
        await self._doubt.wait()
        self._doubt = trio.Event()

    def arrived(self) -> None:
        """Wake all who wait for an address."""
        self._news.set()
        self._arrival.set()
        self._arrival = trio.Event()

    # What is young: OCI's lists may not have it yet

    def came(self, ocids: Iterable[str]) -> None:
        """Note that the cloud has just given us these."""
        now = trio.current_time()
        self._came = {o: t for o, t in self._came.items() if now - t < YOUNG_SECONDS}
        self._came |= dict.fromkeys(ocids, now)

    def is_young(self, ocid: str) -> bool:
        """Tell whether a list that lacks it proves nothing."""
        came = self._came.get(ocid)
        return came is not None and trio.current_time() - came < YOUNG_SECONDS

    # Demand

    @property
    def demand(self) -> int:
        """Return how many addresses are leased or wanted.

        Wanted by calls that wait, and by pods whose calls have not come yet: the
        cloud is asked when the scheduler has decided, not when the runtime asks.
        """
        return self.ledger.counts().leased + self.wants.wanted

    @property
    def target(self) -> int:
        """Return how many addresses the node ought to hold."""
        holdings = [(n, self.holding(n)) for n in self.wants.needs()]
        return sum(target(h.leased + h.wanted, self.share(n)) for n, h in holdings)

    def holding(self, need: Need, in_flight: int = 0) -> Holding:
        """Return what is held of a class, and wanted of it."""
        counts = self.ledger.counts(self._of(need.pod_class.name))
        return Holding(
            free=counts.free,
            leased=counts.leased,
            cooling=counts.cooling,
            in_flight=in_flight,
            wanted=need.wanted,
        )

    def share(self, need: Need) -> PoolPolicy:
        """Return the settings for a class."""
        name = need.pod_class.name
        here = self.ledger.counts(self._of(name)).leased + need.wanted
        return share(
            self.policy, own=not name, needed=here > 0, elsewhere=self.demand - here
        )

    def _of(self, pod_class: str, fixed: str = "") -> Which:
        """Return what tells the addresses of a class, or its fixed one, from others."""

        def is_it(private_ip: PrivateIp) -> bool:
            return (
                private_ip.fixed == fixed
                and self.class_of(private_ip.vnic_id) == pod_class
            )

        return is_it

    def has_free(self, claim: Claim) -> bool:
        """Tell whether an address is free for a claim."""
        return self.ledger.counts(self._of(claim.pod_class.name, claim.fixed)).free > 0

    def take(self, key: SandboxKey, claim: Claim) -> str | None:
        """Return the free address to give next for a claim, or None."""
        return self.ledger.take(key, self._of(claim.pod_class.name, claim.fixed))

    async def wait_for_address(
        self, key: SandboxKey, pod: PodRef, claim: Claim, patience_seconds: float
    ) -> str:
        """Return a free address, waiting for one if need be.

        There is no await between the return of this and the caller's
        ``ledger.lease``: the address is still free then.
        """
        address = self.take(key, claim)
        if address is not None:
            return address
        no_slot = self._no_slot(claim)
        if no_slot:
            raise PoolEmptyError("the pod's wish cannot be met", details=no_slot)
        began = trio.current_time()
        with (
            self.wants.waiting_for(key, pod, claim),
            trio.move_on_after(patience_seconds),
        ):
            self.ring()
            while address is None:
                await self._arrival.wait()
                address = self.take(key, claim)
        waited = trio.current_time() - began
        if address is None:
            raise PoolEmptyError(
                f"no free VCN address after {waited:.0f} s",
                details=self.why_empty(claim),
            )
        log.info(
            "address_waited_for",
            sandbox=str(key),
            seconds=round(waited, 3),
            trace=TRACE.get(),
        )
        return address

    def why_empty(self, claim: Claim | None = None) -> str:
        """Say in words why no address is free, for a claim or for anybody."""
        counts = self.ledger.counts()
        held = f"{counts.leased} leased, {counts.cooling} cooling, target {self.target}"
        if self.released:
            return (
                "the node was released (vcndctl release); restart vcnd to use it again"
            )
        special = claim is not None and (self._no_slot(claim) or self._held_here(claim))
        if special:
            return special
        if self.problems:
            last = self.problems[-1]
            return f"{last.what}: {last.reason} ({held})"
        if not self.observed:
            return f"the cloud has not been reached yet ({held})"
        if counts.total >= self.policy.maximum:
            return f"the node holds its maximum of {self.policy.maximum} ({held})"
        return f"addresses are on their way ({held})"

    def _no_slot(self, claim: Claim) -> str:
        """Say that the node takes no VNIC of a pod's class, where that is so."""
        wanted = claim.pod_class
        there = any(s.vnic.pod_class == wanted.name for s in self.pod_slots)
        full = self.observed and self.vnics_attached >= self.vnic_limit
        if there or not full or not wanted.name:
            return ""
        return (
            f"the shape takes {self.vnic_limit} VNICs and all are attached: pods of"
            f" subnet {', '.join(wanted.subnet_ids)} and NSGs"
            f" {', '.join(wanted.nsg_ids) or 'none'} need one of their own, which comes"
            " when another is given back; or let them run on nodes with more VNICs"
        )

    def _held_here(self, claim: Claim) -> str:
        """Say which pod of this node has a fixed address, where one has it."""
        for lease in self.ledger.leases() if claim.fixed else ():
            private_ip = self.ledger.private_ip(lease.address)
            if private_ip is not None and private_ip.fixed == claim.fixed:
                return f"fixed address {claim.fixed} is with pod {lease.pod} here"
        return ""

    # Troubles

    def trouble(self, what: str, reason: str) -> None:
        """Note why something could not be had; the newest is told to callers."""
        if not any((p.what, p.reason) == (what, reason) for p in self.problems):
            log.warning("cloud_trouble", what=what, reason=reason)
        self.relief(what)
        self.problems.append(Problem(what, reason, trio.current_time()))
        self._news.set()

    def relief(self, what: str) -> None:
        """Forget the troubles of one kind: it worked."""
        kept = [p for p in self.problems if p.what != what]
        self.problems.clear()
        self.problems.extend(kept)
        self._news.set()

    # VNICs

    @property
    def pod_slots(self) -> list[VnicSlot]:
        """Return the VNICs that carry pods, by number."""
        slots = (s for s in self.slots.values() if not s.is_primary)
        return sorted(slots, key=lambda s: s.index)

    def held(self, vnic_id: VnicId) -> int:
        """Return how many objects a VNIC has."""
        return len(self.ledger.per_vnic().get(vnic_id, []))

    def class_of(self, vnic_id: VnicId) -> str:
        """Return the name of a VNIC's class; that of the node's own where unknown."""
        slot = self.slots.get(vnic_id)
        return slot.vnic.pod_class if slot is not None else ""

    def slot_of(self, lease: Lease) -> VnicSlot | None:
        """Return the VNIC of a lease's address, if both are known."""
        private_ip = self.ledger.private_ip(lease.address)
        return self.slots.get(private_ip.vnic_id) if private_ip else None

    def number(self, vnic: Vnic, *, primary: bool = False) -> VnicSlot:
        """Give a VNIC its number, or return the slot it has, brought up to date."""
        held = self.slots.get(vnic.id)
        if held is not None:
            index = held.index
        elif primary:
            index = PRIMARY_INDEX
        else:
            used = {s.index for s in self.slots.values()}
            index = next(i for i in range(PRIMARY_INDEX + 1, 256) if i not in used)
        slot = VnicSlot(index=index, vnic=vnic)
        self.slots[vnic.id] = slot
        return slot

    def restore(self, remembered: Remembered) -> None:
        """Enter what the journal remembers."""
        for slot in remembered.slots:
            self.slots[slot.vnic.id] = slot
        for private_ip in remembered.private_ips:
            self.ledger.add(private_ip)
        for lease in remembered.leases:
            self.ledger.restore(lease)
        now = trio.current_time()
        for address, seconds_ago in remembered.cooling:
            if self.ledger.state(address) == "free":
                self.ledger.cool(
                    address, now + self.policy.cooling_seconds - seconds_ago
                )
