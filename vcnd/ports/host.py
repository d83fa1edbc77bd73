"""The node's kernel."""

from collections.abc import Mapping, Sequence
from typing import Never, Protocol

import trio

from vcnd.core.repairs import Repairs
from vcnd.model.cause import Fault
from vcnd.model.drift import Drift
from vcnd.model.express import ExpressState
from vcnd.model.ids import VnicId
from vcnd.model.interface import PodInterface, PodLink
from vcnd.model.place import Place
from vcnd.model.sandbox import Lease, SandboxKey
from vcnd.model.vnic import VnicSlot


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
        self, lease: Lease, *, netns: int, destinations: Mapping[str, int | None]
    ) -> None:
        """Raise ``SandboxBrokenError`` if something that plug made is missing.

        Args:
            lease: the sandbox's.
            netns: descriptor of its network namespace.
            destinations: networks that plug made routes to, and their MTUs if known.
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

    def lead_to_services(self, networks: Sequence[str]) -> None:
        """Learn the networks of Services: packets to them may be as long as to pods."""

    def move(self, lease: Lease, vnics: Mapping[str, VnicId]) -> None:
        """Set the VNICs of a plugged pod's addresses; ``apply`` follows."""

    def unlinked(self) -> frozenset[VnicId]:
        """Return the pod VNICs of the last ``apply`` that have no link on the node."""

    async def until_links_change(self) -> None:
        """Return when ``unlinked`` has changed since the last return."""

    async def apply(self, slots: Sequence[VnicSlot]) -> None:
        """Set up VNICs, routes, rules, the nft table; try again what is refused."""

    async def withdraw(self) -> None:
        """Remove all that ``apply`` made.

        Raises:
            TryAgainError: something is left; another call removes it.
        """

    async def differences(self) -> Sequence[Drift]:
        """Return the parts that ``apply`` and ``plug`` made and that differ now.

        It changes nothing.
        """

    async def restore(self) -> Sequence[Drift]:
        """Restore the parts that differ, and return them."""

    @property
    def repairs(self) -> Repairs:
        """The repairs of such parts since the start."""

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
