"""Who needs an address: calls that wait for one, and pods that are bound here."""

from collections.abc import Iterable, Iterator, KeysView, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress

import msgspec

from vcnd.core import requests
from vcnd.core.ledger import Ledger
from vcnd.model.errors import RequestRefusedError
from vcnd.model.family import Family
from vcnd.model.ids import ClassName
from vcnd.model.podnetwork import PodClass, PodNetwork
from vcnd.model.request import Grant, NamespacePolicy, PodRequest
from vcnd.model.sandbox import BoundPod, PodRef, SandboxKey
from vcnd.model.urgency import Urgency
from vcnd.signals import Pulse


class ClassDemand(msgspec.Struct, frozen=True, kw_only=True):
    """How many addresses pods still need from one class."""

    pod_class: PodClass
    wanted: Mapping[Family, int]
    """Pods without an address, per family (families in use now or still held).  Pods
    that request a fixed address are excluded."""
    fixed: frozenset[str]
    """Names of the fixed addresses that pods request."""
    kept_warm: bool
    """True if the node holds addresses of it before a pod asks."""
    waiting: bool
    """True if a call waits for one of its addresses."""

    @property
    def is_wanted(self) -> bool:
        """Return True if a pod needs an address of this class."""
        return any(self.wanted.values()) or bool(self.fixed)


class Demand:
    """Owns the pods without an address, and what each is granted."""

    def __init__(
        self, ledger: Ledger, network: PodNetwork, allowed: Sequence[NamespacePolicy]
    ) -> None:
        self._ledger = ledger
        self._network = network
        self._allowed = tuple(allowed)
        self._bound: dict[str, BoundPod] = {}
        """Pods that Kubernetes has bound to this node, by uid."""
        self._is_followed = False
        self._grants: dict[str, Grant] = {}
        """Their grants, except of pods whose requests are refused."""
        self._awaited: dict[str, None] = {}
        """Pods whose status tells no address yet, by uid, in the order of binding."""
        self._waiting: dict[SandboxKey, tuple[PodRef, Grant]] = {}
        self._classes: dict[ClassName, PodClass] = {}
        self._bindings = Pulse()

    # Who

    def bind(self, pods: Iterable[BoundPod]) -> None:
        """Replace the list of pods that Kubernetes has bound to this node."""
        self._is_followed = True
        before, self._bound = self._bound, {bound.pod.uid: bound for bound in pods}
        self._awaited = {uid: None for uid, b in self._bound.items() if b.awaited}
        self._grant_all({u for u, b in self._bound.items() if before.get(u) == b})
        self._bindings.send()

    @property
    def network(self) -> PodNetwork:
        """Return where VNICs of the node's own class are attached from now on."""
        return self._network

    def follow(self, network: PodNetwork) -> None:
        """Use another network from now on."""
        self._network = network
        self._grant_all()

    def _grant_all(self, unchanged: AbstractSet[str] = frozenset()) -> None:
        """Compute the grant of each bound pod; refused requests get none.

        Args:
            unchanged: the pods that keep their grants.
        """
        before, self._grants = self._grants, {}
        # Pods may request ever new classes: drop those that no pod requests.
        waiting = (grant.pod_class for _, grant in self._waiting.values())
        self._classes = {pod_class.name: pod_class for pod_class in waiting}
        for uid, bound in self._bound.items():
            if uid not in unchanged:
                with suppress(RequestRefusedError):
                    self._grants[uid] = self.grant(bound.pod, bound.request)
            elif uid in before:
                self._grants[uid] = before[uid]
                pod_class = before[uid].pod_class
                self._classes[pod_class.name] = pod_class

    def bound(self, uid: str) -> BoundPod | None:
        """Return a pod that Kubernetes has bound to this node, or None."""
        return self._bound.get(uid)

    def without_address(self) -> list[tuple[PodRef, BoundPod | None]]:
        """Return the pods that need an address: bound ones, and those of calls."""
        bound = [(b.pod, b) for b in self.unserved().values()]
        return [*bound, *((pod, None) for pod, _ in self._waiting.values())]

    def grant_for(self, pod: PodRef, bound: BoundPod | None) -> Grant | None:
        """Return the grant of a pod without an address; None: none, or refused."""
        waiting = (g for ref, g in self._waiting.values() if ref == pod)
        given = None if bound is None else self._grants.get(bound.pod.uid)
        return next(waiting, given)

    @property
    def follows_kubernetes(self) -> bool:
        """Return True if the pods that Kubernetes has bound here are known."""
        return self._is_followed

    def is_bound(self, pod: PodRef) -> bool:
        """Return True if Kubernetes has bound a pod of this uid or name to this node.

        The uid of a static pod is another one in Kubernetes.
        """
        return pod.uid in self._bound or any(
            (b.pod.namespace, b.pod.name) == (pod.namespace, pod.name)
            for b in self._bound.values()
        )

    @property
    def awaited(self) -> KeysView[str]:
        """Return the pods here whose status tells no address yet, by uid.

        A pod whose lease has ended stays among them: its next ADD may come soon.
        """
        return self._awaited.keys()

    def grant_of(self, uid: str) -> Grant | None:
        """Return the grant of a bound pod; None if its request is refused."""
        return self._grants.get(uid)

    def unbind(self, pod: PodRef) -> None:
        """Remove a pod whose lease has ended.

        While the API server is away, nothing else tells that the pod is gone.
        """
        self._bound.pop(pod.uid, None)
        self._grants.pop(pod.uid, None)

    async def until_bound(self) -> None:
        """Return when the list of bound pods has been replaced."""
        await self._bindings.wait()

    @contextmanager
    def waiting_for(self, key: SandboxKey, pod: PodRef, grant: Grant) -> Iterator[None]:
        """Count a call as waiting while the body runs."""
        self._waiting[key] = pod, grant
        self._classes[grant.pod_class.name] = grant.pod_class
        try:
            yield
        finally:
            del self._waiting[key]

    @property
    def waiting(self) -> int:
        """Return how many calls wait for an address."""
        return len(self._waiting)

    @property
    def wanted(self) -> int:
        """Return how many pods have no address yet: calls that wait, and bound pods."""
        return len(self._unserved_grants())

    @property
    def urgency(self) -> Urgency:
        """Return how urgent it is to get more addresses."""
        if self._waiting:
            return Urgency.WAITING
        return Urgency.DEMAND if self.unserved() else Urgency.WARM_UP

    def unserved(self) -> dict[str, BoundPod]:
        """Return the bound pods that hold no address, by uid."""
        served = {lease.pod.uid for lease in self._ledger.leases()}
        return {uid: pod for uid, pod in self._bound.items() if uid not in served}

    # What

    def grant(self, pod: PodRef, request: PodRequest) -> Grant:
        """Return what a pod is granted.

        Raises:
            RequestRefusedError: its namespace may not have what it requests.
        """
        grant = requests.grant(
            requests.read(pod, request),
            namespace=pod.namespace,
            allowed=self._allowed,
            network=self.network,
        )
        self._classes[grant.pod_class.name] = grant.pod_class
        return grant

    def may_request(self, namespace: str) -> bool:
        """Return True if the pods of a namespace may request anything."""
        return requests.may_request(namespace, self._allowed)

    def classes(self) -> dict[ClassName, PodClass]:
        """Return the classes that pods request and those kept warm, by name."""
        kept = {c.name: c for c in self.network.kept_warm}
        return {**self._classes, **kept}

    def _unserved_grants(self) -> dict[str, Grant]:
        """Return the grants of pods without an address, by uid."""
        grants = {pod.uid or str(k): c for k, (pod, c) in self._waiting.items()}
        bound, unserved = self._grants, self.unserved()
        return {u: c for u, c in bound.items() if u in unserved} | grants

    def families(self) -> list[Family]:
        """Return the families that pods get now, and those still held from before."""
        held = self._ledger.families()
        rest = [f for f in Family if f in held and f not in self.network.families]
        return [*self.network.families, *rest]

    def by_class(self, names: Iterable[ClassName] = ()) -> list[ClassDemand]:
        """Return the demand of each class, the most urgent class first.

        Args:
            names: classes to include even without demand; classes kept warm are
                always included.
        """
        kept = {pod_class.name for pod_class in self.network.kept_warm}
        by_name: dict[ClassName, list[Grant]] = {name: [] for name in (*kept, *names)}
        known = self.classes()
        for grant in self._unserved_grants().values():
            by_name.setdefault(grant.pod_class.name, []).append(grant)
        urgent = {grant.pod_class.name for _, grant in self._waiting.values()}
        class_demands = [
            self._demand_of(
                # By name: the node's own class may have changed while a call waits.
                known.get(name, PodClass(name, (), ())),
                grants,
                kept_warm=name in kept,
                waiting=name in urgent,
            )
            for name, grants in by_name.items()
        ]
        return sorted(
            class_demands,
            key=lambda n: (not n.waiting, not n.is_wanted, n.pod_class.name),
        )

    def _demand_of(
        self,
        pod_class: PodClass,
        grants: list[Grant],
        *,
        kept_warm: bool,
        waiting: bool,
    ) -> ClassDemand:
        def wanted(family: Family) -> int:
            return sum(
                family in c.families and not (c.fixed and family is Family.IPV4)
                for c in grants
            )

        return ClassDemand(
            pod_class=pod_class,
            wanted={family: wanted(family) for family in self.families()},
            fixed=frozenset(c.fixed for c in grants if c.fixed),
            kept_warm=kept_warm,
            waiting=waiting,
        )
