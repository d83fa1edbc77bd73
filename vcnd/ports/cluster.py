"""Kubernetes, as one node uses it."""

from collections.abc import Mapping, Sequence
from typing import Never, Protocol

import trio

from vcnd.model.cause import Fault
from vcnd.model.podnetwork import PodNetwork
from vcnd.model.report import ClusterEvent, NodeReport
from vcnd.model.request import PodRequest
from vcnd.model.sandbox import BoundPod, PodRef


class Cluster(Protocol):
    """Kubernetes, as one node uses it.  Reads use a local cache.

    Async methods raise ``ClusterError`` when the cluster is away.
    """

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> Never:
        """Follow the cluster for ever; failures lead to another try."""

    async def until_changed(self) -> None:
        """Return when something has changed since the last return."""

    def next_network(self) -> trio.Event:
        """Return the event of the next change of what ``network`` reads.

        Take it before you read.
        """

    def pods(self) -> list[BoundPod] | None:
        """Return the pods bound here that have or need an address.

        None until a list has been read; the last one while the cluster is away.
        """

    def request(self, pod: PodRef, told: Mapping[str, str] | None) -> PodRequest | None:
        """Return the request of a pod and its namespace; None while it is not known.

        With ``told`` these are the pod's own annotations: the runtime passes them.
        """

    def unfollowed(self) -> Mapping[str, Fault]:
        """Return the kinds of objects that cannot be followed for a while, and why."""

    def undecodable(self) -> Mapping[str, str]:
        """Return the kinds of objects some of which cannot be decoded, and why."""

    def identify(self, instance_id: str) -> None:
        """Set the instance that this node is."""

    async def network(self, own: PodNetwork) -> PodNetwork | None:
        """Return the node's pod network; create its NativePodNetwork if there is none.

        None: it was not read yet, since the API server is away, say.

        Args:
            own: the configuration's; an object that somebody else made wins.

        Raises ``PodNetworkError`` if the object makes no sense.
        """

    def max_pods(self) -> int | None:
        """Return how many pods kubelet takes; None while the Node does not tell."""

    async def proxy_problem(self, subnets: Sequence[str]) -> Fault | None:
        """Return what is wrong with kube-proxy's configuration for such pods."""

    async def service_networks(self) -> tuple[str, ...]:
        """Return the networks of Services' addresses, as far as Kubernetes tells."""

    async def publish(self, report: NodeReport) -> None:
        """Write the status of the node's pod network, if it has changed."""

    async def early_addresses(self) -> Mapping[str, tuple[str, ...]]:
        """Return the addresses that the Node tells of pods, by their uids."""

    async def tell_early(self, addresses: Mapping[str, Sequence[str]]) -> None:
        """Let the Node tell these addresses of pods, by their uids, and no others.

        Other nodes read them of pods whose status tells no address yet.
        """

    async def post_event(self, event: ClusterEvent) -> None:
        """Post an Event on the pod or the node that it concerns."""
