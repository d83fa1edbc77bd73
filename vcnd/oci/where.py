"""The instance that this node is: its identity, region, shape and VNICs."""

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Protocol

import msgspec

from vcnd.core.networks import further_networks
from vcnd.model.cause import Cause
from vcnd.model.errors import CloudError, CloudRefusedError
from vcnd.model.family import Family
from vcnd.model.ids import ClassName, SubnetId, VnicId
from vcnd.model.vnic import PrivateIp, Vnic
from vcnd.ociapi import wire
from vcnd.ociapi.imds import Metadata


class Instance(msgspec.Struct, frozen=True, kw_only=True):
    """The instance that this node is."""

    id: str
    compartment_id: str
    vnic_limit: int
    """How many VNICs its shape takes."""


class Where(Protocol):
    """Tells of one instance, without a call of the API.

    Errors are those of ``ociapi``: callers retry as they do for the API.
    """

    async def known(self) -> Instance:
        """Return the instance as it was last seen; asks only the first time."""

    async def instance(self) -> Instance:
        """Return the instance as it is now.

        A stopped instance may come back in another shape.
        """

    async def vnics(self) -> dict[str, wire.ImdsVnic]:
        """Return the attached VNICs, by OCID; a new one may be missing for a while."""


class ImdsWhere:
    """The instance that this process runs on, by its metadata service."""

    def __init__(self, metadata: Metadata) -> None:
        self._metadata = metadata
        self._seen: wire.ImdsInstance | None = None

    async def region(self) -> wire.ImdsRegionInfo:
        """Return region and realm."""
        return (self._seen or await self._ask()).region_info

    async def known(self) -> Instance:
        """Return the instance as it was last seen (``Where.known``)."""
        return _instance(self._seen or await self._ask())

    async def instance(self) -> Instance:
        """Return the instance as it is now (``Where.instance``)."""
        return _instance(await self._ask())

    async def _ask(self) -> wire.ImdsInstance:
        self._seen = await self._metadata.instance()
        return self._seen

    async def vnics(self) -> dict[str, wire.ImdsVnic]:
        """Return the attached VNICs, by OCID (``Where.vnics``)."""
        return {v.vnic_id: v for v in await self._metadata.vnics()}


def _instance(seen: wire.ImdsInstance) -> Instance:
    return Instance(
        id=seen.id,
        compartment_id=seen.compartment_id,
        vnic_limit=seen.shape_config.max_vnic_attachments,
    )


def as_vnic(
    local: wire.ImdsVnic,
    *,
    subnet_id: str,
    pod_class: ClassName,
    families: Sequence[Family],
    pods: Sequence[PrivateIp] = (),
) -> Vnic:
    """Return a VNIC of the instance as the flows know it.

    Args:
        local: the VNIC.
        subnet_id: its subnet.
        pod_class: the class of pods that it is for.
        families: that pods have.
        pods: its addresses for pods.

    Raises:
        CloudRefusedError: it is a VLAN VNIC.
        CloudError: its values make no sense.
    """
    if local.vlan_tag:
        raise CloudRefusedError(
            f"VNIC {local.vnic_id} has VLAN tag {local.vlan_tag}: VLAN VNICs"
            " (bare metal) are not supported yet",
            cause=Cause.UNSUPPORTED,
        )
    try:
        local.check()
    except ValueError as error:
        raise CloudError(
            f"IMDS /vnics/: VNIC {local.vnic_id}: {error}", cause=Cause.BAD_ANSWER
        ) from error
    # Of all its addresses, its own is the one that is no pod's.
    theirs = {ip_address(p.address) for p in pods}
    own = [a for a in map(ip_address, local.ipv6_addresses) if a not in theirs]
    six = Family.IPV6 in families
    return Vnic(
        id=VnicId(local.vnic_id),
        mac=local.mac_addr.lower(),
        address=local.private_ip,
        subnet_id=SubnetId(subnet_id),
        subnet_cidr=local.subnet_cidr_block,
        virtual_router=local.virtual_router_ip,
        # Without IPv6 for pods, the node's own IPv6 does not concern us.
        ipv6=str(own[0]) if own and six else "",
        ipv6_cidr=local.ipv6_subnet_cidr_block if six else "",
        ipv6_router=local.ipv6_virtual_router_ip if six else "",
        pod_class=pod_class,
        further_cidrs=further_networks(local.subnet_cidr_block, pods),
    )
