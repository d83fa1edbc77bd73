"""OCI, as one node uses it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from vcnd.model.family import Family
from vcnd.model.ids import VnicId
from vcnd.model.podnetwork import PodClass
from vcnd.model.urgency import Urgency
from vcnd.model.vnic import CloudView, Known, PrivateIp, Vnic

Begun = Callable[[str | None, Sequence[PrivateIp]], Awaitable[None]]
"""Is told which work request deletes which objects, before it is waited for; None: they
are deleted one by one."""


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

    async def subnet_use(self, subnet_id: str) -> float:
        """Return which part of a subnet's IPv4 addresses is in use, from 0 to 1."""

    async def has_vnic(self, vnic_id: VnicId) -> bool:
        """Return False if a VNIC is gone or terminating.

        It is read by its OCID; if nothing is found, IMDS is asked.
        """

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

        Raises ``CloudFullError`` if not all fit; the next ``observe`` has the others.
        """

    async def create_block(
        self, vnic_id: VnicId, size: int, family: Family
    ) -> list[PrivateIp]:
        """Create an aligned block of a number of addresses on a VNIC; return it.

        Raises ``CloudFullError`` if there is no such free range, or no room.
        """

    async def delete_addresses(
        self,
        vnic_id: VnicId,
        private_ips: Sequence[PrivateIp],
        begun: Begun,
    ) -> None:
        """Delete addresses and blocks of one VNIC; those gone count as deleted.

        Fewer than ``BULK_FROM`` are gone when the cloud answers.  Of more a work
        request may go on after an error.
        """

    async def has_ended(self, work: str) -> bool:
        """Return True if a work request has ended, well or not."""

    async def fetch_fixed(self, name: str, vnic: Vnic) -> list[PrivateIp]:
        """Bring a fixed address to a VNIC; create it in the subnet if there is none.

        Raises ``AddressHeldError`` if it is on another VNIC.
        """

    async def release_fixed(self, private_ip: PrivateIp) -> None:
        """Detach a fixed address from its VNIC; any node may fetch it."""

    async def attach_vnic(
        self,
        pod_class: PodClass,
        families: Sequence[Family],
        token: str,
        *,
        again: bool = False,
    ) -> Vnic:
        """Attach a VNIC in a class' first subnet and wait until it is usable.

        The same token within 24 h yields the same VNIC, never a second one.  With
        ``again`` the token was used before.
        """

    async def set_nsgs(self, vnic_id: VnicId, nsg_ids: Sequence[str]) -> None:
        """Put a pod VNIC into these NSGs and no others."""

    async def detach_vnic(self, vnic_id: VnicId) -> None:
        """Detach a pod VNIC and wait until it is gone."""
