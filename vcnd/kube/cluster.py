"""The ``Cluster`` port: what Kubernetes binds to this node, and what it is told."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, Never, TypeVar

import structlog
import trio

from vcnd.core.podnetwork import network_name
from vcnd.core.wishes import RESOURCE_PREFIX
from vcnd.kube import network, objects, proxy, trim
from vcnd.kube.client import MERGE_PATCH, STRATEGIC_PATCH, KubeClient
from vcnd.kube.errors import ConflictError, KubeError, NotFoundError
from vcnd.kube.reflector import SILENCE_SECONDS, Reflector
from vcnd.kube.watch import Cache
from vcnd.kube.wire import (
    Meta,
    Namespace,
    NativePodNetwork,
    Node,
    Object,
    Pod,
)
from vcnd.model.errors import ClusterError, PodNetworkError
from vcnd.model.podnetwork import NodeReport, Notice, PodNetwork
from vcnd.model.sandbox import BoundPod, PodRef

log = structlog.get_logger()

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
    ) -> None:
        self._client = client
        self._node_name = node_name
        self._startup_taint = startup_taint
        self._link_prefix = link_prefix
        self._random = random
        self._wall_clock = wall_clock
        self._silence_seconds = silence_seconds
        self._changed = trio.Event()
        self._named = trio.Event()
        self._instance_id = ""
        self._written: tuple[str, dict[str, Any]] | None = None
        self._untainted = ""
        """The version of the node whose taint was removed: its news may be late."""
        self._pods = self._reflect(
            Cache(Pod, trim=trim.pod), "/api/v1/pods", f"spec.nodeName={node_name}"
        )
        self._namespaces = self._reflect(
            Cache(Namespace, trim=trim.namespace, key=lambda meta: meta.name),
            "/api/v1/namespaces",
            changed=self._namespaces_changed,
            metadata_only=True,
        )
        self._nodes = self._reflect(
            Cache(Node, trim=trim.node), "/api/v1/nodes", f"metadata.name={node_name}"
        )
        self._networks: Reflector[NativePodNetwork] | None = None

    def _reflect(
        self,
        cache: Cache[T],
        path: str,
        selector: str = "",
        *,
        changed: Callable[[Sequence[T]], None] | None = None,
        metadata_only: bool = False,
    ) -> Reflector[T]:
        return Reflector(
            self._client,
            cache,
            path=path,
            selector=selector,
            random=self._random,
            synced=self._ring,
            changed=changed or self._ring,
            metadata_only=metadata_only,
            silence_seconds=self._silence_seconds,
        )

    def _ring(self, _changes: Sequence[Object] = ()) -> None:
        self._changed.set()

    def _namespaces_changed(self, changes: Sequence[Namespace]) -> None:
        """Ring where pods of this node are concerned; others' namespaces are many."""
        here = {p.metadata.namespace for p in self._pods.cache.objects.values()}
        if not changes or any(found.metadata.name in here for found in changes):
            self._ring()

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> Never:
        """Follow pods, namespaces, the node, its network (``Cluster.run``)."""
        async with trio.open_nursery() as following:
            following.start_soon(self._pods.run)
            following.start_soon(self._namespaces.run)
            following.start_soon(self._nodes.run)
            task_status.started()
            try:
                await self._named.wait()
                selector = f"metadata.name={network_name(self._instance_id)}"
                self._networks = self._reflect(
                    Cache(NativePodNetwork, trim=trim.network),
                    objects.NETWORKS,
                    selector,
                )
                following.start_soon(self._networks.run)
                await trio.sleep_forever()
            finally:
                with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
                    await self._client.aclose()
        raise AssertionError("the nursery above never ends by itself")

    # Reading

    async def until_changed(self) -> None:
        """Return when something has changed since the last return."""
        await self._changed.wait()
        self._changed = trio.Event()

    def pods(self) -> list[BoundPod] | None:
        """Return the pods here that have or want an address (``Cluster.pods``)."""
        if not (self._pods.cache.synced and self._namespaces.cache.synced):
            return None
        return [
            BoundPod(
                pod=PodRef(
                    namespace=pod.metadata.namespace,
                    name=pod.metadata.name,
                    uid=pod.metadata.uid,
                ),
                annotations=self._said(pod, pod.metadata.annotations),
            )
            for pod in self._pods.cache.objects.values()
            if not pod.spec.host_network
            and pod.status.phase in trim.LIVING
            and not pod.metadata.deletion_timestamp
        ]

    def annotations(
        self, pod: PodRef, told: Mapping[str, str] | None
    ) -> Mapping[str, str] | None:
        """Return what a pod and its namespace say (``Cluster.annotations``)."""
        if not self._namespaces.cache.synced:
            return None
        network = self._network()
        if told is not None and not (network and network.spec.secondary_vnics):
            bare = Pod(metadata=Meta(namespace=pod.namespace))
            return self._said(bare, told)
        for known in self._pods.cache.objects.values():
            meta = known.metadata
            if (meta.namespace, meta.name) != (pod.namespace, pod.name):
                continue
            # Another one of that name would have had other wishes.
            if pod.uid in (meta.uid, meta.annotations.get(trim.STATIC_UID)):
                own = meta.annotations if told is None else told
                return self._said(known, own)
        return None

    def _said(self, pod: Pod, own: Mapping[str, str]) -> Mapping[str, str]:
        """Return what counts: the namespace's, the pod's own, and what it asks for.

        What looks like an application resource and is an annotation does not: it
        would have passed the scheduler by.
        """
        known = self._namespaces.cache.objects.get(pod.metadata.namespace)
        said = {**(known.metadata.annotations if known else {}), **own}
        kept = {k: v for k, v in said.items() if not k.startswith(RESOURCE_PREFIX)}
        return kept | pod.spec.resources(RESOURCE_PREFIX)

    def undecodable(self) -> Mapping[str, str]:
        """Return what cannot be decoded, by kind (``Cluster.undecodable``)."""
        reflectors = (self._pods, self._namespaces, self._nodes, self._networks)
        return {
            r.cache.name: r.cache.skipped_words
            for r in reflectors
            if r is not None and r.cache.skipped
        }

    def identify(self, instance_id: str) -> None:
        """Say which instance this node is: its NativePodNetwork bears its name."""
        self._instance_id = instance_id
        self._named.set()

    def _node(self) -> Node | None:
        return next(iter(self._nodes.cache.objects.values()), None)

    def _network(self) -> NativePodNetwork | None:
        if self._networks is None:
            return None
        return next(iter(self._networks.cache.objects.values()), None)

    # The NativePodNetwork

    async def network(self, own: PodNetwork) -> PodNetwork:
        """Return what the node's NativePodNetwork asks for (``Cluster.network``)."""
        if self._networks is None or not self._networks.cache.synced:
            return own
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
                    " names no subnet: whoever makes these objects here has not yet"
                )
            if node is not None:
                body = objects.network(self._instance_id, own, node)
                if await self._write("POST", objects.NETWORKS, body):
                    log.info("network_created", name=body["metadata"]["name"])
            return own
        owner = found.metadata.node
        if owner not in ("", self._node_name):
            raise PodNetworkError(
                f"NativePodNetwork {found.metadata.name} of this instance is owned by"
                f" Node {owner}, and this is Node {self._node_name}: delete it, and"
                " vcnd makes another one"
            )
        if objects.MANAGED_BY in found.metadata.labels and owner:
            said = objects.network_spec(self._instance_id, own)
            if not objects.is_as_said(found.spec, said):
                path = f"{objects.NETWORKS}/{found.metadata.name}"
                body = {**_as_read(found), "spec": said}
                await self._write("PATCH", path, body, of=self._networks)
            return own
        return network.asked(found, self._instance_id)

    async def proxy_trouble(self, subnets: Sequence[str]) -> str | None:
        """Return what is wrong with kube-proxy's configuration, if anything."""
        try:
            return await proxy.trouble(
                self._client, link_prefix=self._link_prefix, subnets=subnets
            )
        except KubeError as error:
            raise ClusterError(str(error)) from error

    # Writing

    async def publish(self, report: NodeReport) -> None:
        """Write the status; where the node serves, say so (``Cluster.publish``)."""
        node, found = self._node(), self._network()
        # A node may write only what its own Node owns (deploy/base/admission.yaml).
        if found is not None and found.metadata.node == self._node_name:
            await self._publish_status(found, report)
        if node is None or not report.serves:
            return
        condition = objects.network_condition(node, self._wall_clock())
        path = f"/api/v1/nodes/{self._node_name}"
        if condition is not None:
            body = {"status": {"conditions": [condition]}}
            await self._write("PATCH", f"{path}/status", body, STRATEGIC_PATCH)
        capacity = objects.capacity_change(node.status.capacity, report.resources)
        if capacity:
            said = {"status": {"capacity": capacity}}
            await self._write("PATCH", f"{path}/status", said, STRATEGIC_PATCH)
        taints = objects.taints(
            node.spec.taints, self._startup_taint, only_resources=report.only_resources
        )
        if taints is not None and self._untainted != node.metadata.resource_version:
            patch = {**_as_read(node), "spec": {"taints": taints}}
            if not await self._write("PATCH", path, patch, of=self._nodes):
                return
            self._untainted = node.metadata.resource_version
            log.info("startup_taint_removed", taint=self._startup_taint)

    async def _publish_status(
        self, found: NativePodNetwork, report: NodeReport
    ) -> None:
        status = objects.network_status(report)
        key = (found.metadata.uid, status)
        if self._written == key:
            return
        path = f"{objects.NETWORKS}/{found.metadata.name}/status"
        body = {**_as_read(found), "status": status}
        if await self._write("PATCH", path, body, of=self._networks):
            self._written = key

    async def tell(self, notice: Notice) -> None:
        """Post an Event (``Cluster.tell``)."""
        node = self._node()
        path, body = objects.event(
            notice,
            node_name=self._node_name,
            node_uid=node.metadata.uid if node else "",
            unique=secrets.token_hex(8),
            now=self._wall_clock(),
        )
        # False: its namespace has gone, and the pod with it.
        await self._write("POST", path, body)

    async def _write(
        self,
        method: str,
        path: str,
        body: Any,
        content_type: str = "",
        *,
        of: "Reflector[Any] | None" = None,
    ) -> bool:
        """Write; return False if somebody else was faster.

        What they did (changed, made or removed it) arrives by the watch ``of`` it.
        """
        kind = "application/json" if method == "POST" else MERGE_PATCH
        try:
            await self._client.request(
                method, path, body=body, content_type=content_type or kind
            )
        except (ConflictError, NotFoundError):
            if of is not None:
                of.await_newer(body["metadata"]["resourceVersion"])
            return False
        except KubeError as error:
            raise ClusterError(str(error)) from error
        return True


def _as_read(found: Object) -> dict[str, Any]:
    """Return what makes a patch fail when the object is no longer as it was read.

    By its name alone it could be another one by now, somebody else's.
    """
    return {"metadata": {"resourceVersion": found.metadata.resource_version}}
