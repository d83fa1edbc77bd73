"""The ``Cluster`` port on Kubernetes: watches, and writes of this node."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import Any, Never, TypeVar

import trio

from vcnd.core.podnetwork import network_name
from vcnd.core.requests import RESOURCE_PREFIX
from vcnd.kube import bodies, metrics, mirrors, network, proxy, services, trim
from vcnd.kube.wire import Namespace, NativePodNetwork, Node, Pod
from vcnd.kube.writes import Writer, as_read
from vcnd.kubeapi.cache import Cache
from vcnd.kubeapi.client import KubeClient
from vcnd.kubeapi.errors import KubeError
from vcnd.kubeapi.reflector import SILENCE_SECONDS, Reflector
from vcnd.kubeapi.wire import Meta, Object
from vcnd.log import log
from vcnd.model.cause import Cause, Fault
from vcnd.model.errors import ClusterError, PodNetworkError
from vcnd.model.metrics import MetricFamily
from vcnd.model.podnetwork import PodNetwork
from vcnd.model.report import ClusterEvent, NodeReport
from vcnd.model.request import PodRequest
from vcnd.model.sandbox import BoundPod, PodRef
from vcnd.signals import Bell, Latch

T = TypeVar("T", bound=Object)


class KubeCluster:
    """One node's view of its cluster.  Reads never call the API server."""

    def __init__(
        self,
        client: KubeClient,
        *,
        node_name: str,
        startup_taint: str,
        link_prefix: str,
        random: Random,
        wall_clock: Callable[[], float],
        silence_seconds: float = SILENCE_SECONDS,
        early: bool = False,
        policies: bool = False,
    ) -> None:
        """Make it; ``run`` follows.

        Args:
            client: the way to the API server; closed when ``run`` ends.
            node_name: this node's.
            startup_taint: the key of a taint that is removed when the node serves.
            link_prefix: of pods' links, for kube-proxy's configuration.
            random: for jitter, and for the names of Events.
            wall_clock: Unix time.
            silence_seconds: a watch without a line for so long is opened again.
            early: whether pods are told apart whose status tells no address yet.
            policies: whether network policies are enforced, for kube-proxy's mode.
        """
        self._client = client
        self._early, self._policies = early, policies
        self._node_name = node_name
        self._writer = Writer(
            client,
            node_name=node_name,
            startup_taint=startup_taint,
            random=random,
            wall_clock=wall_clock,
        )
        self._link_prefix, self._wall_clock = link_prefix, wall_clock
        self._random = random
        self._silence_seconds = silence_seconds
        self._changed = Latch()
        self._network_changed = Bell()
        self._named = trio.Event()
        self._instance_id = ""
        self._pods = self._reflect(
            Cache(Pod, trim=trim.awaited_pod if early else trim.pod),
            "/api/v1/pods",
            f"spec.nodeName={node_name}",
        )
        self._namespaces = self._reflect(
            Cache(Namespace, trim=trim.namespace, key=lambda meta: meta.name),
            "/api/v1/namespaces",
            changed=self._namespaces_changed,
            metadata_only=True,
        )
        self._nodes = self._reflect(
            Cache(Node, trim=trim.node),
            "/api/v1/nodes",
            f"metadata.name={node_name}",
            news=self._ring_network,
        )
        self._networks: Reflector[NativePodNetwork] | None = None

    def _reflect(
        self,
        cache: Cache[T],
        path: str,
        selector: str = "",
        *,
        news: Callable[..., None] | None = None,
        changed: Callable[[Sequence[T]], None] | None = None,
        metadata_only: bool = False,
    ) -> Reflector[T]:
        news = news or self._ring
        return Reflector(
            self._client,
            cache,
            path=path,
            selector=selector,
            random=self._random,
            synced=news,
            changed=changed or news,
            metadata_only=metadata_only,
            silence_seconds=self._silence_seconds,
        )

    def _ring(self, _changes: Sequence[Object] = ()) -> None:
        self._changed.set()

    def _ring_network(self, _changes: Sequence[Object] = ()) -> None:
        """Ring for what ``network`` reads: the Node and its NativePodNetwork."""
        self._network_changed.ring()
        self._ring()

    def _namespaces_changed(self, changes: Sequence[Namespace]) -> None:
        """Ring if pods of this node are concerned; there are many other namespaces."""
        here = {p.metadata.namespace for p in self._pods.cache.objects.values()}
        if not changes or any(found.metadata.name in here for found in changes):
            self._ring()

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> Never:
        """Follow pods, namespaces, the node, its network (``Cluster.run``)."""
        try:
            async with trio.open_nursery() as following:
                following.start_soon(self._pods.run)
                following.start_soon(self._namespaces.run)
                following.start_soon(self._nodes.run)
                task_status.started()
                await self._named.wait()
                selector = f"metadata.name={network_name(self._instance_id)}"
                self._networks = self._reflect(
                    Cache(NativePodNetwork, trim=trim.network),
                    bodies.NETWORKS,
                    selector,
                    news=self._ring_network,
                )
                following.start_soon(self._networks.run)
                await trio.sleep_forever()
        finally:
            # When nobody uses it any more: a request by a closed client is a defect.
            with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
                await self._client.aclose()
        raise AssertionError("the nursery above never ends by itself")

    # Reading

    async def until_changed(self) -> None:
        """Return when something has changed since the last return."""
        await self._changed.wait()

    def next_network(self) -> trio.Event:
        """Return the event of the pod network's next change (``next_network``)."""
        return self._network_changed.take()

    def pods(self) -> list[BoundPod] | None:
        """Return the pods here that have or want an address (``Cluster.pods``)."""
        if not (self._pods.cache.synced and self._namespaces.cache.synced):
            return None
        known = self._pods.cache.objects
        return [
            BoundPod(
                pod=PodRef(
                    namespace=pod.metadata.namespace,
                    name=pod.metadata.name,
                    uid=mirrors.bound_uid(pod.metadata, self._node_name, known),
                ),
                request=request,
                awaited=self._is_awaited(pod),
            )
            for pod in known.values()
            if not pod.spec.host_network
            and pod.status.phase in trim.LIVING
            and not pod.metadata.deletion_timestamp
            and (request := self._request(pod, pod.metadata.annotations)) is not None
        ]

    def _is_awaited(self, pod: Pod) -> bool:
        """Return True if others may be told its addresses before its status does."""
        # The runtime calls ADD for a static pod by another uid than its mirror's.
        is_mirror = mirrors.static_uid(pod.metadata, self._node_name)
        return self._early and not (pod.status.pod_ip or is_mirror)

    def request(self, pod: PodRef, told: Mapping[str, str] | None) -> PodRequest | None:
        """Return what a pod and its namespace ask for (``Cluster.request``)."""
        if not self._namespaces.cache.synced:
            return None
        network = self._network()
        if told is not None and not (network and network.spec.secondary_vnics):
            bare = Pod(metadata=Meta(namespace=pod.namespace))
            return self._request(bare, told)
        by_uid = self._pods.cache.objects
        mine = by_uid.get(pod.uid)
        # A static pod's uid is another one than its mirror's.
        for known in by_uid.values() if mine is None else (mine,):
            meta = known.metadata
            if (meta.namespace, meta.name) != (pod.namespace, pod.name):
                continue
            # Another pod of that name may have had another request.
            if pod.uid in (meta.uid, mirrors.uid_of(meta, self._node_name)):
                own = meta.annotations if told is None else told
                return self._request(known, own)
        return None

    def _request(self, pod: Pod, own: Mapping[str, str]) -> PodRequest | None:
        """Return a pod's request, given its own annotations.

        None while the namespace is not known: its event may come after the pod's.
        """
        known = self._namespaces.cache.objects.get(pod.metadata.namespace)
        if known is None:
            return None
        return PodRequest(
            annotations={**known.metadata.annotations, **own},
            resources=pod.spec.resources(RESOURCE_PREFIX),
        )

    def unfollowed(self) -> Mapping[str, Fault]:
        """Return what is not followed, by kind (``Cluster.unfollowed``)."""
        return {r.cache.name: r.failure for r in self._reflectors() if r.failure}

    def undecodable(self) -> Mapping[str, str]:
        """Return what cannot be decoded, by kind (``Cluster.undecodable``)."""
        caches = [r.cache for r in self._reflectors()]
        return {c.name: c.skipped_words for c in caches if c.skipped}

    def families(self) -> Iterator[MetricFamily]:
        """Yield the metrics of following and writing."""
        return metrics.families(
            self._reflectors(), self._writer.results, self._wall_clock
        )

    def _reflectors(self) -> "list[Reflector[Any]]":
        found: list[Reflector[Any] | None]
        found = [self._pods, self._namespaces, self._nodes, self._networks]
        return [reflector for reflector in found if reflector is not None]

    def identify(self, instance_id: str) -> None:
        """Set the instance that this node is: its NativePodNetwork has its name."""
        self._instance_id = instance_id
        self._named.set()

    def _node(self) -> Node | None:
        return next(iter(self._nodes.cache.objects.values()), None)

    def _network(self) -> NativePodNetwork | None:
        if self._networks is None:
            return None
        return next(iter(self._networks.cache.objects.values()), None)

    # The NativePodNetwork

    async def network(self, own: PodNetwork) -> PodNetwork | None:
        """Return what the node's NativePodNetwork asks for (``Cluster.network``)."""
        if self._networks is None or not self._networks.cache.synced:
            return None
        for skipped in self._networks.cache.skipped.values():
            raise PodNetworkError(
                f"NativePodNetwork {skipped.name} cannot be decoded: {skipped.reason}"
            )
        found, node = self._network(), self._node()
        if found is None:
            if not own.subnet_ids:
                name = network_name(self._instance_id)
                raise PodNetworkError(
                    f"there is no NativePodNetwork {name} yet, and [oci] subnet_id"
                    " names no subnet: whoever makes these objects here has not yet",
                    cause=Cause.NOT_FOUND,
                )
            if node is not None:
                body = bodies.network(self._instance_id, own, node)
                if await self._writer.write("POST", bodies.NETWORKS, body):
                    log.info("network_created", name=body["metadata"]["name"])
            return own
        owner = found.metadata.node
        if owner not in ("", self._node_name):
            raise PodNetworkError(
                f"NativePodNetwork {found.metadata.name} of this instance is owned by"
                f" Node {owner}, and this is Node {self._node_name}: delete it, and"
                " vcnd makes another one",
                cause=Cause.OWNED_BY_ANOTHER,
            )
        if bodies.MANAGED_BY in found.metadata.labels and owner:
            spec = bodies.network_spec(self._instance_id, own)
            if not bodies.matches(found.spec, spec):
                path = f"{bodies.NETWORKS}/{found.metadata.name}"
                body = {**as_read(found), "spec": spec}
                await self._writer.write("PATCH", path, body, of=self._networks)
            return own
        return network.asked(found, self._instance_id)

    def max_pods(self) -> int | None:
        """Return how many pods kubelet takes (``Cluster.max_pods``)."""
        node = self._node()
        told = node.status.capacity.get(bodies.PODS, "") if node else ""
        return int(told) if told.isascii() and told.isdigit() else None

    async def proxy_problem(self, subnets: Sequence[str]) -> Fault | None:
        """Return what is wrong with kube-proxy's configuration, if anything."""
        try:
            return await proxy.problem(
                self._client,
                link_prefix=self._link_prefix,
                subnets=subnets,
                policies=self._policies,
            )
        except KubeError as error:
            raise ClusterError(str(error), cause=error.cause) from error

    async def service_networks(self) -> tuple[str, ...]:
        """Return the networks of Services' addresses (``Cluster.service_networks``)."""
        try:
            return await services.networks(self._client)
        except KubeError as error:
            raise ClusterError(str(error), cause=error.cause) from error

    # Writing

    async def publish(self, report: NodeReport) -> None:
        """Write the status, and the Node if it serves (``Cluster.publish``)."""
        await self._writer.publish(report, self._nodes, self._networks)

    async def early_addresses(self) -> Mapping[str, tuple[str, ...]]:
        """Return what the Node tells of pods (``Cluster.early_addresses``)."""
        return await self._writer.early_addresses()

    async def tell_early(self, addresses: Mapping[str, Sequence[str]]) -> None:
        """Let the Node tell these addresses (``Cluster.tell_early``)."""
        await self._writer.tell_early(addresses)

    async def post_event(self, event: ClusterEvent) -> None:
        """Post an Event (``Cluster.post_event``)."""
        node = self._node()
        uid = node.metadata.uid if node else ""
        await self._writer.post_event(event, node_uid=uid)
