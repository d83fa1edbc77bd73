"""Who wants an address: calls that wait for one, and pods that are bound here."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import trio

from vcnd.core import requests
from vcnd.core.ledger import Ledger
from vcnd.model.errors import RequestRefusedError
from vcnd.model.family import Family
from vcnd.model.podnetwork import PodClass, PodNetwork
from vcnd.model.request import Grant, NamespacePolicy
from vcnd.model.sandbox import BoundPod, PodRef, SandboxKey


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassDemand:
    """What pods want of one class."""

    pod_class: PodClass
    wanted: Mapping[Family, int]
    """How many have no address yet, by family: each that they are given here, and each
    that they were; those that want a fixed one are not counted."""
    fixed: frozenset[str]
    """The fixed addresses that are wanted, by name."""
    kept_warm: bool
    """Whether it is to be there before anybody asks."""
    waiting: bool
    """Whether a call waits for one of them."""

    @property
    def is_wanted(self) -> bool:
        """Tell whether a pod wants anything."""
        return any(self.wanted.values()) or bool(self.fixed)


class Demand:
    """The pods without an address, and what each may have."""

    def __init__(
        self, ledger: Ledger, network: PodNetwork, allowed: Sequence[NamespacePolicy]
    ) -> None:
        self._ledger = ledger
        self._network = network
        self._allowed = tuple(allowed)
        self.bound: dict[str, BoundPod] = {}
        """Pods that Kubernetes has bound to this node, by uid."""
        self._bound_claims: dict[str, Grant] = {}
        """Theirs, but of those whose wishes are refused."""
        self._waiting: dict[SandboxKey, tuple[PodRef, Grant]] = {}
        self._classes: dict[str, PodClass] = {}
        self._bind_news = trio.Event()

    # Who

    def bind(self, pods: Iterable[BoundPod]) -> None:
        """Say which pods Kubernetes has bound to this node."""
        self.bound = {bound.pod.uid: bound for bound in pods}
        self._judge()
        self._bind_news.set()
        self._bind_news = trio.Event()

    @property
    def network(self) -> PodNetwork:
        """Return where VNICs of the node's own class are attached from now on."""
        return self._network

    def follow(self, network: PodNetwork) -> None:
        """Use another network from now on."""
        self._network = network
        self._judge()

    def _judge(self) -> None:
        """Find out what each bound pod is to be given; refused ones get nothing."""
        self._bound_claims.clear()
        # Pods ask for ever new classes; those that nobody asks for any more go.
        waiting = (grant.pod_class for _, grant in self._waiting.values())
        self._classes = {pod_class.name: pod_class for pod_class in waiting}
        for uid, bound in self.bound.items():
            with suppress(RequestRefusedError):
                self._bound_claims[uid] = self.grant(bound.pod, bound.annotations)

    def unbind(self, pod: PodRef) -> None:
        """Take a pod whose address was taken back off the list.

        While Kubernetes is away nobody else says that it is gone.
        """
        self.bound.pop(pod.uid, None)
        self._bound_claims.pop(pod.uid, None)

    async def until_bound(self) -> None:
        """Return when Kubernetes has said something more."""
        await self._bind_news.wait()

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
        return len(self._claims())

    def unserved(self) -> dict[str, BoundPod]:
        """Return the bound pods that hold no address, by uid."""
        served = {lease.pod.uid for lease in self._ledger.leases()}
        return {uid: pod for uid, pod in self.bound.items() if uid not in served}

    # What

    def grant(self, pod: PodRef, annotations: Mapping[str, str]) -> Grant:
        """Return what a pod is to be given.

        Raises:
            WishRefusedError: it may not have what its annotations ask for.
        """
        grant = requests.grant(
            requests.read(pod, annotations),
            namespace=pod.namespace,
            allowed=self._allowed,
            network=self.network,
        )
        self._classes[grant.pod_class.name] = grant.pod_class
        return grant

    def may_request(self, namespace: str) -> bool:
        """Tell whether the pods of a namespace may wish for anything."""
        return requests.may_request(namespace, self._allowed)

    def classes(self) -> dict[str, PodClass]:
        """Return the classes that pods have asked for, and those kept warm, by name."""
        kept = {c.name: c for c in self.network.kept_warm}
        return {**self._classes, **kept}

    def _claims(self) -> dict[str, Grant]:
        """Return the claims of pods without an address, by uid."""
        grants = {pod.uid or str(k): c for k, (pod, c) in self._waiting.items()}
        bound, unserved = self._bound_claims, self.unserved()
        return {u: c for u, c in bound.items() if u in unserved} | grants

    def families(self) -> list[Family]:
        """Return those that pods are given here, and those that some were given."""
        held = {p.family for p in self._ledger.private_ips()}
        rest = [f for f in Family if f in held and f not in self.network.families]
        return [*self.network.families, *rest]

    def by_class(self, names: Iterable[str] = ()) -> list[ClassDemand]:
        """Return what is wanted of each class, the most urgent class first.

        Args:
            names: classes to tell of though nobody wants anything; those that are
                kept warm are always among them.
        """
        kept = {pod_class.name for pod_class in self.network.kept_warm}
        by_name: dict[str, list[Grant]] = {name: [] for name in (*kept, *names)}
        known = self.classes()
        for grant in self._claims().values():
            by_name.setdefault(grant.pod_class.name, []).append(grant)
        urgent = {grant.pod_class.name for _, grant in self._waiting.values()}
        class_demands = [
            self._need(
                # By its name: the node's own may be another one since a call waits.
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

    def _need(
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
