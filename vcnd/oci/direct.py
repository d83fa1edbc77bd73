"""Single objects, read by their OCID: the second witness beside the lists."""

from vcnd.core.pressure import used_part
from vcnd.model.errors import CloudGoneError
from vcnd.model.ids import VnicId
from vcnd.model.vnic import PrivateIp
from vcnd.ociapi import wire
from vcnd.ociapi.client import CoreClient
from vcnd.ociapi.kinds import KINDS
from vcnd.ociapi.retry import Retrier

GONE_STATES = ("TERMINATING", "TERMINATED")


class Direct:
    """Reads VNICs and addresses, and restores their tags."""

    def __init__(self, *, core: CoreClient, retry: Retrier) -> None:
        self._core = core
        self._retry = retry

    async def subnet_use(self, subnet_id: str) -> float:
        """Return which part of a subnet's IPv4 addresses is in use, from 0 to 1."""
        blocks = await self._retry(self._core.get_subnet_use, subnet_id)
        return used_part((b.cidr, b.utilization) for b in blocks if b.is_ipv4)

    async def vnic_state(self, vnic_id: VnicId) -> str:
        """Return a VNIC's state; it is empty if no VNIC is found."""
        try:
            vnic, _ = await self._retry(self._core.get_vnic, vnic_id)
        except CloudGoneError:
            return ""
        return vnic.lifecycle_state

    async def has_address(self, private_ip: PrivateIp) -> bool:
        """Return False if an address is gone, or on another VNIC."""
        try:
            address, _ = await self._address(private_ip)
        except CloudGoneError:
            return False
        there = address.lifecycle_state not in GONE_STATES
        return there and address.vnic_id == private_ip.vnic_id

    async def _address(self, private_ip: PrivateIp) -> tuple[wire.Address, str]:
        kind = KINDS[private_ip.family]
        return await self._retry(self._core.get_address, kind, private_ip.id)

    async def tag_vnic(self, vnic_id: VnicId, ours: dict[str, str]) -> None:
        """Add tags to those of a VNIC."""
        vnic, etag = await self._retry(self._core.get_vnic, vnic_id)
        details = wire.UpdateTagsDetails(vnic.freeform_tags | ours)
        await self._retry(self._core.update_vnic, vnic_id, details, if_match=etag)

    async def tag_address(self, private_ip: PrivateIp, ours: dict[str, str]) -> None:
        """Add tags to those of an address."""
        address, etag = await self._address(private_ip)
        await self._retry(
            self._core.tag_address,
            KINDS[private_ip.family],
            private_ip.id,
            wire.UpdateTagsDetails(address.freeform_tags | ours),
            if_match=etag,
        )
