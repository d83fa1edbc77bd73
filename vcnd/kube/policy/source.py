"""What network policies are about, followed in the whole cluster."""

from collections.abc import Callable, Iterator, Sequence
from random import Random
from time import time
from typing import Any, Never, TypeVar

import trio

from vcnd.kube.followed import Followed
from vcnd.kube.policy import nodes as policy_nodes
from vcnd.kube.policy import pods as policy_pods
from vcnd.kube.policy import policies, trim
from vcnd.kube.policy import wire as policy_wire
from vcnd.kube.policy.events import (
    CLUSTER_POLICY,
    NETWORK_POLICY,
    FlawedPolicy,
    PolicyEvents,
    misread,
    unreadable,
)
from vcnd.kube.policy.nodes import EarlyPods, PolicyNode
from vcnd.kube.policy.parts import in_words
from vcnd.kube.policy.policies import ReadPolicy
from vcnd.kube.wire import Namespace
from vcnd.kubeapi.cache import Cache
from vcnd.kubeapi.client import KubeClient
from vcnd.kubeapi.errors import KubeError
from vcnd.kubeapi.reflector import SILENCE_SECONDS, Reflector
from vcnd.kubeapi.wire import Object
from vcnd.log import log
from vcnd.model.policy import Attached, Cluster, Known, PolicyPod
from vcnd.model.policy_status import AwaitedStatus, FlawedStatus, FollowedStatus
from vcnd.signals import Latch

K = TypeVar("K", bound=Object)
V = TypeVar("V")

PODS = "/api/v1/pods"
NAMESPACES = "/api/v1/namespaces"
NODES = "/api/v1/nodes"
NETWORK_POLICIES = f"/apis/{NETWORK_POLICY.api_version}/networkpolicies"
CLUSTER_POLICIES = f"/apis/{CLUSTER_POLICY.api_version}/clusternetworkpolicies"
NO_SUCH_KIND = 404
PAGE = 500
"""Objects that are in memory at once as the server sends them."""
MOST_LOGGED = 5
"""Flaws of a policy that get a line each in the log."""
LOOK_AGAIN_SECONDS = 60.0
"""A cluster that does not know ClusterNetworkPolicy may learn it."""


class PolicySource:
    """Follows policies, pods, namespaces, nodes.  Reads never call the API server."""

    def __init__(
        self,
        client: KubeClient,
        *,
        random: Random,
        node: str = "",
        wall_clock: Callable[[], float] = time,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        """Make it; ``run`` follows.

        Args:
            client: the way to the API server; closed when ``run`` ends.
            random: for jitter.
            node: this node's name, to post Events about policies; empty: none.
            wall_clock: returns seconds since 1970.
            silence_seconds: a watch without a line for so long is opened again.
        """
        self._client, self._random = client, random
        self._node, self._wall_clock = node, wall_clock
        self._silence_seconds = silence_seconds
        self._changed = Latch()
        self._made: tuple[object, tuple[PolicyPod, ...]] | None = None
        """The pods that were told last, and what they were made of."""
        self._knows_cluster_policies = True
        self._reflectors = dict[str, Reflector[Any]]()
        """By the paths that they follow."""
        self._pods = Followed[policy_wire.Pod, PolicyPod](
            Cache(policy_wire.Pod, trim=trim.pod), policy_pods.pod, self._ring
        )
        self._namespaces = Followed[Namespace, Namespace](
            Cache(Namespace, trim=trim.labelled), lambda found: found, self._ring
        )
        self._nodes = Followed[policy_wire.Node, PolicyNode](
            Cache(policy_wire.Node, trim=trim.node),
            lambda found: _legible(policy_nodes.node(found)),
            self._ring,
        )
        self._early = EarlyPods()
        self._policies = Followed[policy_wire.NetworkPolicy, ReadPolicy](
            Cache(policy_wire.NetworkPolicy, trim=trim.labelled),
            lambda found: _told(policies.network_policy(found)),
            self._ring,
        )
        self._cluster_policies = self._no_cluster_policies()

    def _no_cluster_policies(
        self,
    ) -> Followed[policy_wire.ClusterNetworkPolicy, ReadPolicy]:
        return Followed(
            Cache(policy_wire.ClusterNetworkPolicy, trim=trim.labelled),
            lambda found: _told(policies.cluster_network_policy(found)),
            self._ring,
        )

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> Never:
        """Follow for ever."""
        try:
            async with trio.open_nursery() as following:
                following.start_soon(self._follow, PODS, self._pods)
                following.start_soon(self._follow, NAMESPACES, self._namespaces)
                following.start_soon(self._follow, NODES, self._nodes)
                following.start_soon(self._follow, NETWORK_POLICIES, self._policies)
                following.start_soon(self._follow_cluster_policies)
                if self._node:
                    following.start_soon(self._events().run)
                task_status.started()
        finally:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
                await self._client.aclose()
        raise AssertionError("the nursery above never ends by itself")

    async def _follow(self, path: str, kind: Followed[K, V]) -> Never:
        reflector = Reflector(
            self._client,
            kind.cache,
            path=path,
            selector="",
            random=self._random,
            synced=self._ring,
            changed=kind.take,
            page=PAGE,
            silence_seconds=self._silence_seconds,
        )
        self._reflectors[path] = reflector
        await reflector.run()

    async def _follow_cluster_policies(self) -> Never:
        """Follow ClusterNetworkPolicies while the cluster knows the kind."""
        while True:
            while await self._is_no_kind():
                self._knows_cluster_policies = False
                self._ring()
                await trio.sleep(LOOK_AGAIN_SECONDS)
            self._knows_cluster_policies = True
            async with trio.open_nursery() as following:
                kind = self._cluster_policies
                following.start_soon(self._follow, CLUSTER_POLICIES, kind)
                await self._until_kind_is_deleted()
                following.cancel_scope.cancel()
            # The objects went with their definition.
            self._cluster_policies = self._no_cluster_policies()
            del self._reflectors[CLUSTER_POLICIES]

    async def _is_no_kind(self) -> bool:
        """Return True if the cluster does not know ClusterNetworkPolicy."""
        try:
            await self._client.get(CLUSTER_POLICIES, {"limit": "1"})
        except KubeError as error:
            return error.status == NO_SUCH_KIND
        return False

    async def _until_kind_is_deleted(self) -> None:
        """Return when the watch has failed for a while, as the kind is unknown."""
        while True:
            await trio.sleep(LOOK_AGAIN_SECONDS)
            reflector = self._reflectors.get(CLUSTER_POLICIES)
            fails = reflector is not None and reflector.failure is not None
            if fails and await self._is_no_kind():
                return

    def _ring(self) -> None:
        self._changed.set()

    async def until_changed(self) -> None:
        """Return when something has changed since the last return."""
        await self._changed.wait()

    def named(self, here: Sequence[Attached]) -> Sequence[Attached]:
        """Return the pods' links, with names where they told their pods' uids alone."""
        return policy_pods.named(here, self._pods.cache.objects.values(), self._node)

    def cluster(self, here: Known) -> Cluster | None:
        """Return what decides about packets; None before all of it is known.

        Args:
            here: addresses of pods that their status may not tell yet.
        """
        if any(self._awaited()):
            return None
        found, nodes = self._policies, self._nodes.values.values()
        # One that was readable once stays in force as it was.
        unreadable = found.cache.skipped.keys() - found.cache.objects.keys()
        return Cluster(
            namespaces=policy_pods.namespaces(self._namespaces.values.values()),
            pods=self._pods_of(here),
            policies=(
                *(read.policy for read in found.values.values()),
                *(read.policy for read in self._cluster_policies.values.values()),
                *(policies.isolating(found.cache.skipped[k]) for k in unreadable),
            ),
            # Rules need no nodes: while these are not known, the rules go on.
            nodes={there.name: there.addresses for there in nodes},
        )

    def _pods_of(self, here: Known) -> tuple[PolicyPod, ...]:
        """Return the pods: while none has changed, as the same value."""
        stage = self._pods.changes, self._nodes.changes, dict(here)
        if self._made is None or self._made[0] != stage:
            known = {**self._pods.values, **dict(self._starting(here))}
            nodes = list(self._nodes.values.values())
            objects = self._pods.cache.objects
            self._made = stage, self._early.among(objects, known, nodes)
        return self._made[1]

    def report(self) -> FollowedStatus:
        """Return what is known of the cluster."""
        awaited = [
            AwaitedStatus(kind=path, reason=self._failure(path))
            for path in self._awaited()
        ]
        synced = not awaited
        if not self._nodes.cache.synced:
            awaited.append(AwaitedStatus(kind=NODES, reason=self._failure(NODES)))
        found = (self._policies, self._cluster_policies)
        flawed = [
            FlawedStatus(policy=str(x.policy.ref), flaws=in_words(x.flaws))
            for kind in found
            for x in kind.values.values()
            if x.flaws
        ]
        unreadable = [
            FlawedStatus(policy=x.name, flaws=(x.reason,))
            for kind in found
            for x in kind.cache.skipped.values()
        ]
        return FollowedStatus(
            synced=synced,
            awaited=tuple(awaited),
            namespaces=len(self._namespaces.values),
            pods=len(self._pods.values),
            policies=len(self._policies.values),
            cluster_policies=len(self._cluster_policies.values),
            flawed=(*flawed, *unreadable),
        )

    def _events(self) -> PolicyEvents:
        return PolicyEvents(
            self._client,
            node=self._node,
            wall_clock=self._wall_clock,
            flawed=self._flawed,
            nodes=self._nodes_with_pods,
        )

    def _nodes_with_pods(self) -> set[str]:
        """Return the nodes on which vcnd-policy may run, as far as they are known."""
        return {pod.node for pod in self._pods.values.values() if pod.node}

    def _flawed(self) -> Iterator[FlawedPolicy]:
        """Yield what is wrong with policies; nothing before all is known."""
        if any(self._awaited()):
            return
        for kind, followed in (
            (NETWORK_POLICY, self._policies),
            (CLUSTER_POLICY, self._cluster_policies),
        ):
            skipped = followed.cache.skipped
            for uid, read in followed.values.items():
                if read.flaws and uid not in skipped:
                    yield misread(kind, uid, read)
            for uid, which in skipped.items():
                if (found := unreadable(kind, uid, which)) is not None:
                    yield found

    def _awaited(self) -> Iterator[str]:
        """Yield the paths of the kinds that are not known yet."""
        for path, kind in (
            (PODS, self._pods),
            (NAMESPACES, self._namespaces),
            (NETWORK_POLICIES, self._policies),
        ):
            if not kind.cache.synced:
                yield path
        if self._knows_cluster_policies and not self._cluster_policies.cache.synced:
            yield CLUSTER_POLICIES

    def _failure(self, path: str) -> str:
        """Return why a kind cannot be followed; empty until that has lasted."""
        reflector = self._reflectors.get(path)
        failure = reflector.failure if reflector else None
        return failure.reason if failure else ""

    def _starting(self, here: Known) -> Iterator[tuple[str, PolicyPod]]:
        """Yield the pods here whose status tells no address yet, with their uids."""
        objects = self._pods.cache.objects
        for uid in objects.keys() - self._pods.values.keys():
            found = objects[uid]
            named = (found.metadata.namespace, found.metadata.name)
            if named in here:
                pod = policy_pods.pod(found, here[named])
                if pod is not None:
                    yield uid, pod


def _told(found: ReadPolicy) -> ReadPolicy:
    """Log what is wrong with a policy's object: whoever wrote it chose how much."""
    policy = str(found.policy.ref)
    flaws = [flaw for flaw in found.flaws if not flaw.harmless]
    harmless = [flaw for flaw in found.flaws if flaw.harmless]
    for flaw in flaws[:MOST_LOGGED]:
        log.warning("policy_flawed", policy=policy, what=flaw.what, reason=flaw.why)
    if len(flaws) > MOST_LOGGED:
        log.warning("policy_flawed_more", policy=policy, number=len(flaws))
    if harmless:
        number, first = len(harmless), str(harmless[0])
        log.info("policy_read_otherwise", policy=policy, number=number, first=first)
    return found


def _legible(found: PolicyNode) -> PolicyNode:
    """Return the node, and log why what it tells of pods is passed over."""
    if found.malformed:
        log.warning(
            "early_addresses_malformed", node=found.name, reason=found.malformed
        )
    return found
