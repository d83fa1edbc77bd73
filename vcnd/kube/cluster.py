"""The ``Cluster`` port: what Kubernetes binds to this node, and what it is told."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, Never

import msgspec
import structlog
import trio

from vcnd.core import kubeproxy
from vcnd.core.podnetwork import network_name, wanted
from vcnd.core.wishes import RESOURCE_PREFIX
from vcnd.kube import objects
from vcnd.kube.client import MERGE_PATCH, STRATEGIC_PATCH, KubeClient
from vcnd.kube.errors import ConflictError, KubeError, NotFoundError
from vcnd.kube.reflector import SILENCE_SECONDS, Reflector
from vcnd.kube.wire import (
    ConfigMap,
    Meta,
    Namespace,
    NativePodNetwork,
    Node,
    Object,
    Pod,
    ProxyConfig,
)
from vcnd.model.errors import ClusterError, PodNetworkError
from vcnd.model.podnetwork import NodeReport, Notice, PodNetwork
from vcnd.model.sandbox import BoundPod, PodRef

log = structlog.get_logger()

PROXY = "/api/v1/namespaces/kube-system/configmaps/kube-proxy"
STATIC_UID = "kubernetes.io/config.hash"
"""Annotation of a static pod's mirror: the uid by which the runtime knows it."""
LIVING = ("", "Pending", "Running", "Unknown")


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
        self._pods = self._reflect(Pod, "/api/v1/pods", f"spec.nodeName={node_name}")
        self._namespaces = self._reflect(Namespace, "/api/v1/namespaces", "")
        self._nodes = self._reflect(Node, "/api/v1/nodes", f"metadata.name={node_name}")
        self._networks: Reflector[NativePodNetwork] | None = None

    def _reflect(self, kind: Any, path: str, selector: str) -> Any:
        return Reflector(
            self._client,
            kind,
            path=path,
            selector=selector,
            random=self._random,
            changed=self._ring,
            silence_seconds=self._silence_seconds,
        )

    def _ring(self) -> None:
        self._changed.set()

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
                    NativePodNetwork, objects.NETWORKS, selector
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
            and pod.status.phase in LIVING
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
            if pod.uid in (meta.uid, meta.annotations.get(STATIC_UID)):
                own = meta.annotations if told is None else told
                return self._said(known, own)
        return None

    def _said(self, pod: Pod, own: Mapping[str, str]) -> Mapping[str, str]:
        """Return what counts: the namespace's, the pod's own, and what it asks for.

        What looks like an application resource and is an annotation does not: it
        would have passed the scheduler by.
        """
        theirs: Mapping[str, str] = {}
        for known in self._namespaces.cache.objects.values():
            if known.metadata.name == pod.metadata.namespace:
                theirs = known.metadata.annotations
        said = {**theirs, **own}
        kept = {k: v for k, v in said.items() if not k.startswith(RESOURCE_PREFIX)}
        return kept | pod.spec.resources(RESOURCE_PREFIX)

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
        spec = found.spec
        if objects.MANAGED_BY in found.metadata.labels:
            said = objects.network_spec(self._instance_id, own)
            if not objects.is_as_said(spec, said):
                path = f"{objects.NETWORKS}/{found.metadata.name}"
                await self._write("PATCH", path, {**_as_read(found), "spec": said})
            return own
        try:
            return wanted(
                instance_id=self._instance_id,
                spec_id=spec.id,
                subnet_ids=spec.pod_subnet_ids,
                nsg_ids=spec.network_security_group_ids,
                families=spec.ip_families,
                profiles=spec.profiles,
                maximum=spec.max_pod_count,
            )
        except ValueError as error:
            name = found.metadata.name
            raise PodNetworkError(f"NativePodNetwork {name}: {error}") from error

    async def proxy_trouble(self, subnets: Sequence[str]) -> str | None:
        """Return what is wrong with kube-proxy's configuration, if anything."""
        try:
            body = await self._client.get(PROXY)
        except NotFoundError:
            return None  # another does its work
        except KubeError as error:
            raise ClusterError(str(error)) from error
        try:
            data = msgspec.json.decode(body, type=ConfigMap).data
            said = msgspec.yaml.decode(data.get("config.conf", "{}"), type=ProxyConfig)
            return kubeproxy.trouble(
                mode=said.detect_local_mode,
                cluster_cidrs=said.cluster_cidr,
                interface_prefix=said.detect_local.interface_name_prefix,
                ours=self._link_prefix,
                subnets=subnets,
            )
        except (msgspec.MsgspecError, ValueError) as error:
            return f"kube-proxy's configuration cannot be read: {error}"

    # Writing

    async def publish(self, report: NodeReport) -> None:
        """Write the status; where the node serves, say so (``Cluster.publish``)."""
        node, found = self._node(), self._network()
        if found is not None:
            status = objects.network_status(report)
            key = (found.metadata.uid, status)
            if self._written != key:
                path = f"{objects.NETWORKS}/{found.metadata.name}/status"
                if await self._write(
                    "PATCH", path, {**_as_read(found), "status": status}
                ):
                    self._written = key
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
            if not await self._write("PATCH", path, patch):
                return
            self._untainted = node.metadata.resource_version
            log.info("startup_taint_removed", taint=self._startup_taint)

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
        self, method: str, path: str, body: Any, content_type: str = ""
    ) -> bool:
        """Write; tell whether it was done, or somebody else was faster.

        What they did (changed, made or removed it) arrives by the watch.
        """
        kind = "application/json" if method == "POST" else MERGE_PATCH
        try:
            await self._client.request(
                method, path, body=body, content_type=content_type or kind
            )
        except (ConflictError, NotFoundError):
            return False
        except KubeError as error:
            raise ClusterError(str(error)) from error
        return True


def _as_read(found: Object) -> dict[str, Any]:
    """Return what makes a patch fail when the object is no longer as it was read.

    By its name alone it could be another one by now, somebody else's.
    """
    return {"metadata": {"resourceVersion": found.metadata.resource_version}}
