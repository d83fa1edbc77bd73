"""The ports: what the flows need from outside.  Adapters satisfy them structurally."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Never, Protocol

import trio

from vcnd.model.cause import Fault
from vcnd.model.express import ExpressState
from vcnd.model.family import Family
from vcnd.model.ids import VnicId
from vcnd.model.interface import PodInterface, PodLink
from vcnd.model.place import Place
from vcnd.model.podnetwork import PodClass, PodNetwork
from vcnd.model.records import Record, RecoveredState
from vcnd.model.report import ClusterEvent, NodeReport
from vcnd.model.request import PodRequest
from vcnd.model.sandbox import BoundPod, Lease, PodRef, SandboxKey
from vcnd.model.urgency import Urgency
from vcnd.model.vnic import CloudView, Known, PrivateIp, Vnic, VnicSlot


class Cloud(Protocol):
    """OCI, as one node uses it.

    Every method raises ``CloudError`` or a child; transient refusals are retried
    inside until the caller's deadline.
    """

    def at(self, urgency: Urgency) -> "Cloud":
        """Return this cloud for calls of an urgency; without one they go last."""

    async def instance_id(self) -> str:
        """Return this instance's OCID; asks IMDS the first time, and no API."""

    async def observe(self, families: Sequence[Family], known: Known) -> CloudView:
        """Return the cloud's objects of this instance.

        Args:
            families: families of the addresses.
            known: our objects, whatever their tags say.
        """

    async def has_vnic(self, vnic_id: VnicId) -> bool:
        """Read a VNIC by its OCID; return False if it is gone or terminating."""

    async def has_address(self, private_ip: PrivateIp) -> bool:
        """Read an address by its OCID; return False if it is gone or moved."""

    async def tag_vnic(self, vnic: Vnic) -> None:
        """Add our tags to a VNIC; others' tags stay."""

    async def tag_address(self, private_ip: PrivateIp) -> None:
        """Add our tags to an address; others' tags stay."""

    async def create_addresses(
        self, vnic_id: VnicId, count: int, family: Family
    ) -> list[PrivateIp]:
        """Create single addresses on a VNIC; return them, perhaps with others of it.

        Raises ``CloudFullError`` if not all of them fit; some may have been created,
        and the next ``observe`` has them.
        """

    async def create_block(
        self, vnic_id: VnicId, size: int, family: Family
    ) -> list[PrivateIp]:
        """Create an aligned block of a number of addresses on a VNIC; return it.

        Raises ``CloudFullError`` if there is no such free range, or no room.
        """

    async def delete_addresses(
        self, vnic_id: VnicId, private_ips: Sequence[PrivateIp]
    ) -> None:
        """Delete addresses and blocks of one VNIC; those gone count as deleted."""

    async def fetch_fixed(self, name: str, vnic: Vnic) -> list[PrivateIp]:
        """Bring a fixed address to a VNIC; create it in the subnet if there is none.

        Raises ``AddressHeldError`` if it is on another VNIC.
        """

    async def release_fixed(self, private_ip: PrivateIp) -> None:
        """Detach a fixed address from its VNIC; any node may fetch it."""

    async def attach_vnic(
        self, pod_class: PodClass, families: Sequence[Family], token: str
    ) -> Vnic:
        """Attach a VNIC in a class' first subnet and wait until it is usable.

        The same token within 24 h yields the same VNIC, never a second one.
        """

    async def set_nsgs(self, vnic_id: VnicId, nsg_ids: Sequence[str]) -> None:
        """Put a pod VNIC into these NSGs and no others."""

    async def detach_vnic(self, vnic_id: VnicId) -> None:
        """Detach a pod VNIC and wait until it is gone."""


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

    def pods(self) -> list[BoundPod] | None:
        """Return the pods bound here that have or need an address.

        None until the first list has been read; the last known pods while the cluster
        is away.
        """

    def request(self, pod: PodRef, told: Mapping[str, str] | None) -> PodRequest | None:
        """Return the request of a pod and its namespace; None while it is not known.

        Args:
            pod: the pod.
            told: the pod's own annotations, if the runtime passes them.
        """

    def unfollowed(self) -> Mapping[str, Fault]:
        """Return the kinds of objects that cannot be followed for a while, and why."""

    def undecodable(self) -> Mapping[str, str]:
        """Return the kinds of objects some of which cannot be decoded, and why."""

    def identify(self, instance_id: str) -> None:
        """Set the instance that this node is."""

    async def network(self, own: PodNetwork) -> PodNetwork:
        """Return the node's pod network; create its NativePodNetwork if there is none.

        Args:
            own: the configuration's; an object that somebody else made wins.

        Raises ``PodNetworkError`` if the object makes no sense.
        """

    async def proxy_problem(self, subnets: Sequence[str]) -> Fault | None:
        """Return what is wrong with kube-proxy's configuration for such pods."""

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


class Host(Protocol):
    """The node's kernel.  All its leases have wiring."""

    async def identify(self, netns: int) -> int:
        """Return the cookie of the network namespace behind a descriptor.

        Raises ``BadNetnsError`` if it is no namespace of a pod.
        """

    def host_ifname(self, key: SandboxKey) -> str:
        """Return the name of the host's end for a sandbox."""

    async def plug(
        self, lease: Lease, *, netns: int, slots: Mapping[str, VnicSlot]
    ) -> PodInterface:
        """Wire the pod; idempotent for the same lease and namespace.

        Args:
            lease: its addresses, and the interface.
            netns: descriptor of its network namespace.
            slots: each address' VNIC.
        """

    async def unplug(self, lease: Lease) -> None:
        """Disconnect the pod now; its link is deleted a little later.  Idempotent."""

    async def check(
        self, lease: Lease, *, netns: int, default_routes: Collection[Family]
    ) -> None:
        """Raise ``SandboxBrokenError`` if something that plug made is missing.

        Args:
            lease: the sandbox's.
            netns: descriptor of its network namespace.
            default_routes: the families whose default route plug made.
        """

    async def pod_links(self) -> Mapping[str, PodLink]:
        """Return the links with names like pods', by name; ours and others'.

        Links that wait for their deletion are left out.
        """

    async def vnic_numbers(self) -> Mapping[str, int]:
        """Return the numbers that VNICs have in the kernel, by MAC."""

    async def reap(self, host_ifname: str) -> None:
        """Delete a pod interface of ours that belongs to no lease."""

    def adopt(self, pods: Sequence[tuple[Lease, Mapping[str, VnicId]]]) -> None:
        """Take over the pods of an earlier life and their VNICs; ``apply`` follows."""

    def move(self, lease: Lease, vnics: Mapping[str, VnicId]) -> None:
        """Set the VNICs of a plugged pod's addresses; ``apply`` follows."""

    def unlinked(self) -> frozenset[VnicId]:
        """Return the pod VNICs of the last ``apply`` that have no link on the node."""

    async def until_links_change(self) -> None:
        """Return when ``unlinked`` has changed since the last return."""

    async def apply(self, slots: Sequence[VnicSlot]) -> None:
        """Set up VNIC links, addresses, routes, rules and the nft table."""

    async def withdraw(self) -> None:
        """Remove all that ``apply`` made."""

    def problems(self) -> Mapping[Place, Fault]:
        """Return what is wrong with the node's firewall and settings, and why."""

    async def until_problems_change(self) -> None:
        """Return when ``problems`` has changed."""

    async def express(self) -> ExpressState:
        """Return the state of the express lane."""

    async def switch_express(self, *, on: bool) -> None:
        """Switch the express lane on or off, now and until the daemon ends.

        Where it cannot be on it stays off, and ``express`` says why.
        """

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> Never:
        """Do the background work: reap links, restore what others removed."""


class Policies(Protocol):
    """The process that brings network policies in force (vcnd-policy)."""

    async def admit(self, lease: Lease) -> Fault | None:
        """Return None when the policies of a plugged pod are in force.

        It raises nothing, and returns within its patience: why they may not be.
        """


class Journal(Protocol):
    """Durable memory.  Records become durable in the order in which they come."""

    def open(self) -> RecoveredState:
        """Return the state that earlier lives of the daemon wrote."""

    async def run(
        self,
        report: Callable[[str], None],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> Never:
        """Write appended records.

        Args:
            report: called with the reason when the disk refuses, and with an empty
                text when it works again.
            task_status: reports the start.
        """

    async def append(self, *records: Record) -> None:
        """Write records; return when they are durable.

        Raises ``JournalError`` if the disk refuses; then none of them is kept.  If
        cancelled, they may be kept or not.
        """

    async def write(self, record: Record) -> Callable[[], Awaitable[None]]:
        """Write a record; return when it outlives the daemon.

        What it returns waits until it outlives the node too, and raises
        ``JournalError`` if the disk refuses that; then it may be kept or not.  Raises
        ``JournalError`` if the disk refuses the write; then it is not kept.
        """

    async def write_in_any_case(self, record: Record, then: Callable[[], None]) -> None:
        """Write a record; return when it outlives the daemon, or was refused.

        Args:
            record: it precedes all later ones, and is kept even if the disk refuses
                or the caller is cancelled.
            then: called once it is durable, now or as soon as the disk takes it.
        """

    def remove(self) -> None:
        """Delete the journal: the node holds nothing any more."""
