"""The node's addresses and VNICs, and those who wait for an address.

One owner of the state: the ledger, the VNIC slots and what the cloud last
refused.  ``flow.attach`` takes from it, ``flow.warm_pool`` fills it,
``flow.repair`` corrects it.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import structlog
import trio

from vcnd.core.ledger import Ledger
from vcnd.core.limits import LearntLimits
from vcnd.core.target import PoolPolicy, target
from vcnd.model.errors import PoolEmptyError
from vcnd.model.ids import VnicId
from vcnd.model.podnetwork import PodNetwork
from vcnd.model.records import Remembered
from vcnd.model.sandbox import Lease, PodRef, SandboxKey
from vcnd.model.trace import TRACE
from vcnd.model.vnic import PRIMARY_INDEX, Vnic, VnicSlot

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
        self, policy: PoolPolicy, network: PodNetwork, limits: LearntLimits
    ) -> None:
        self.policy = policy
        self.limits = limits
        self.network = network
        """Where VNICs are attached from now on."""
        self.network_settled = False
        """Whether that is what Kubernetes asks for, where there is Kubernetes."""
        self.ledger = Ledger(cooling_seconds=policy.cooling_seconds)
        self.slots: dict[VnicId, VnicSlot] = {}
        self.vnics_attached = 0
        self.vnic_limit = 0
        self.observed = False
        """Whether the cloud has been asked since the daemon started."""
        self.released = False
        """Whether everything was given back; the node asks for nothing any more."""
        self.problems: deque[Problem] = deque(maxlen=16)
        self.bound: dict[str, PodRef] = {}
        """Pods that Kubernetes has bound to this node, by uid."""
        self._came: dict[str, float] = {}
        """When VNICs and private IPs came, by OCID; the young ones alone."""
        self._waiting: dict[SandboxKey, PodRef] = {}
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
    def waiting(self) -> int:
        """Return how many calls wait for an address."""
        return len(self._waiting)

    @property
    def demand(self) -> int:
        """Return how many addresses are leased or wanted.

        Wanted by calls that wait, and by pods whose calls have not come yet: the
        cloud is asked when the scheduler has decided, not when the runtime asks.
        """
        return self.ledger.counts().leased + self.wanted

    @property
    def wanted(self) -> int:
        """Return how many pods have no address yet: calls that wait, and bound pods."""
        calls = {pod.uid or str(key) for key, pod in self._waiting.items()}
        return len(calls | self.unserved().keys())

    def unserved(self) -> dict[str, PodRef]:
        """Return the bound pods that hold no address, by uid."""
        served = {lease.pod.uid for lease in self.ledger.leases()}
        return {uid: pod for uid, pod in self.bound.items() if uid not in served}

    def bind(self, pods: Iterable[PodRef]) -> None:
        """Say which pods Kubernetes has bound to this node."""
        self.bound = {pod.uid: pod for pod in pods}
        self.ring()

    def unbind(self, pod: PodRef) -> None:
        """Take a pod whose address was taken back off the list.

        While Kubernetes is away nobody else says that it is gone.
        """
        self.bound.pop(pod.uid, None)

    @property
    def target(self) -> int:
        """Return how many addresses the node ought to hold."""
        return target(self.demand, self.policy)

    async def wait_for_address(
        self, key: SandboxKey, pod: PodRef, patience_seconds: float
    ) -> str:
        """Return a free address, waiting for one if need be.

        There is no await between the return of this and the caller's
        ``ledger.lease``: the address is still free then.
        """
        address = self.ledger.take(key)
        if address is not None:
            return address
        self._waiting[key] = pod
        self.ring()
        began = trio.current_time()
        try:
            with trio.move_on_after(patience_seconds):
                while address is None:
                    await self._arrival.wait()
                    address = self.ledger.take(key)
        finally:
            del self._waiting[key]
        waited = trio.current_time() - began
        if address is None:
            raise PoolEmptyError(
                f"no free VCN address after {waited:.0f} s", details=self.why_empty()
            )
        log.info(
            "address_waited_for",
            sandbox=str(key),
            seconds=round(waited, 3),
            trace=TRACE.get(),
        )
        return address

    def why_empty(self) -> str:
        """Say in words why no address is free."""
        counts = self.ledger.counts()
        held = f"{counts.leased} leased, {counts.cooling} cooling, target {self.target}"
        if self.released:
            return (
                "the node was released (vcndctl release); restart vcnd to use it again"
            )
        if self.problems:
            last = self.problems[-1]
            return f"{last.what}: {last.reason} ({held})"
        if not self.observed:
            return f"the cloud has not been reached yet ({held})"
        if counts.total >= self.policy.maximum:
            return f"the node holds its maximum of {self.policy.maximum} ({held})"
        return f"addresses are on their way ({held})"

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
