"""What is written into Kubernetes of this node; one write refused stops no other."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from random import Random
from typing import Any

import msgspec

from vcnd.foreign import UNDECODABLE
from vcnd.kube import bodies, early
from vcnd.kube.posting import post
from vcnd.kube.wire import NativePodNetwork, Node
from vcnd.kubeapi.client import MERGE_PATCH, STRATEGIC_PATCH, KubeClient
from vcnd.kubeapi.errors import ConflictError, KubeError, NotFoundError
from vcnd.kubeapi.reflector import Reflector
from vcnd.kubeapi.wire import Object
from vcnd.log import log
from vcnd.model.errors import ClusterError
from vcnd.model.report import ClusterEvent, NodeReport

OK, OVERTAKEN = "ok", "overtaken"
_node_decoder = msgspec.json.Decoder(Node)


class Writer:
    """Writes what differs from what was read or written before."""

    def __init__(
        self,
        client: KubeClient,
        *,
        node_name: str,
        startup_taint: str,
        random: Random,
        wall_clock: Callable[[], float],
    ) -> None:
        self._client, self._random = client, random
        self._node_name = node_name
        self._node_path = f"/api/v1/nodes/{node_name}"
        self._startup_taint = startup_taint
        self._wall_clock = wall_clock
        self._written: tuple[str, dict[str, Any]] | None = None
        self.results: Counter[str] = Counter()
        """Writes, those of Events apart, by how they ended."""
        self._wrote = False
        """Whether anything was written since the last ``publish`` began."""
        self._right: tuple[Any, ...] = ()
        """The last report and objects that left nothing to write."""
        self._untainted = ""
        """The version of the node whose taint was removed: its news may be late."""

    async def write(
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

        Raises:
            ClusterError: it was refused, or there was no answer.
        """
        try:
            await self._request(method, path, body, content_type)
        except (ConflictError, NotFoundError):
            if of is not None:
                of.await_newer(body["metadata"]["resourceVersion"])
            return False
        except KubeError as error:
            raise ClusterError(str(error), cause=error.cause) from error
        return True

    async def _request(
        self, method: str, path: str, body: Any, content_type: str = ""
    ) -> None:
        kind = "application/json" if method == "POST" else MERGE_PATCH
        self._wrote = True
        try:
            await self._client.request(
                method, path, body=body, content_type=content_type or kind
            )
        except (ConflictError, NotFoundError):
            self.results[OVERTAKEN] += 1
            raise
        except KubeError as error:
            self.results[error.cause] += 1
            raise
        self.results[OK] += 1

    async def publish(
        self,
        report: NodeReport,
        nodes: Reflector[Node],
        networks: Reflector[NativePodNetwork] | None,
    ) -> None:
        """Write the NativePodNetwork's status and, where the node serves, the Node.

        Raises:
            ClusterError: a write was refused; the others were tried all the same.
        """
        there = *nodes.cache.objects.values(), *_objects(networks)
        if (report, *there) == self._right:
            return
        self._wrote, self._right = False, ()
        refusals: list[ClusterError] = []
        for write in self._writes(report, nodes, networks):
            try:
                await write()
            except ClusterError as error:
                refusals.append(error)
        if refusals:
            raise refusals[0]
        if not self._wrote:
            self._right = report, *there

    def _writes(
        self,
        report: NodeReport,
        nodes: Reflector[Node],
        networks: Reflector[NativePodNetwork] | None,
    ) -> Iterator[Callable[[], Awaitable[None]]]:
        for found in _objects(networks):
            # A node may write only what its Node owns (deploy/base/admission.yaml).
            if networks is not None and found.metadata.node == self._node_name:
                yield partial(self._status, report, found, networks)
        for node in list(nodes.cache.objects.values()) if report.serves else ():
            yield partial(self._condition, node)
            yield partial(self._capacity, report, node)
            yield partial(self._taints, report, node, nodes)

    async def _status(
        self,
        report: NodeReport,
        found: NativePodNetwork,
        networks: Reflector[NativePodNetwork],
    ) -> None:
        status = bodies.network_status(report)
        key = (found.metadata.uid, status)
        if self._written == key:
            return
        path = f"{bodies.NETWORKS}/{found.metadata.name}/status"
        body = {**as_read(found), "status": status}
        self._written = None  # whether a write that fails was carried out is not known
        if await self.write("PATCH", path, body, of=networks):
            self._written = key

    async def _condition(self, node: Node) -> None:
        condition = bodies.network_condition(node, self._wall_clock())
        if condition is not None:
            body = {"status": {"conditions": [condition]}}
            await self._patch_status(body)

    async def _capacity(self, report: NodeReport, node: Node) -> None:
        capacity = bodies.capacity_change(node.status.capacity, report.resources)
        if capacity:
            body = {"status": {"capacity": capacity}}
            await self._patch_status(body)

    async def _patch_status(self, body: Any) -> None:
        path = f"{self._node_path}/status"
        await self.write("PATCH", path, body, STRATEGIC_PATCH)

    async def _taints(
        self, report: NodeReport, node: Node, nodes: Reflector[Node]
    ) -> None:
        taints = bodies.taints(
            node.spec.taints, self._startup_taint, only_resources=report.only_resources
        )
        version = node.metadata.resource_version
        if taints is None or self._untainted == version:
            return
        patch = {**as_read(node), "spec": {"taints": taints}}
        if await self.write("PATCH", self._node_path, patch, of=nodes):
            self._untainted = version
            log.info("startup_taint_removed", taint=self._startup_taint)

    async def early_addresses(self) -> dict[str, tuple[str, ...]]:
        """Read what the Node tells of pods; nothing if it is not what we write.

        Raises:
            ClusterError: it was refused, or there was no answer.
        """
        try:
            found = _node_decoder.decode(await self._client.get(self._node_path))
            return early.decode(found.metadata.annotations.get(early.ANNOTATION, "{}"))
        except (NotFoundError, *UNDECODABLE):
            return {}
        except KubeError as error:
            raise ClusterError(str(error), cause=error.cause) from error

    async def tell_early(self, addresses: Mapping[str, Sequence[str]]) -> None:
        """Let the Node tell addresses of pods, and no others.

        Nobody else writes this annotation, so a patch of any version does it.

        Raises:
            ClusterError: it was refused, or there was no answer.
        """
        annotations = {early.ANNOTATION: early.encode(addresses)}
        try:
            body = {"metadata": {"annotations": annotations}}
            await self._request("PATCH", self._node_path, body)
        except KubeError as error:
            raise ClusterError(str(error), cause=error.cause) from error

    async def post_event(self, event: ClusterEvent, *, node_uid: str) -> None:
        """Post an Event; one that is refused for good is logged.

        Raises:
            ClusterError: it may be posted later.
        """
        path, body = bodies.event(
            event,
            node_name=self._node_name,
            node_uid=node_uid,
            unique=f"{self._random.getrandbits(64):016x}",
            now=self._wall_clock(),
        )
        try:
            await post(self._client, path, body)
        except KubeError as error:
            raise ClusterError(str(error), cause=error.cause) from error


def as_read(found: Object) -> dict[str, Any]:
    """Return what makes a patch fail when the object is no longer as it was read.

    By its name alone it could be another one by now, somebody else's.
    """
    return {"metadata": {"resourceVersion": found.metadata.resource_version}}


def _objects(networks: Reflector[NativePodNetwork] | None) -> list[NativePodNetwork]:
    return [] if networks is None else list(networks.cache.objects.values())
