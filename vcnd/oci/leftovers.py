"""Finds what a cluster left behind in the cloud; reads only."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from vcnd.core.leftovers import Inventory, why_left
from vcnd.model.errors import CloudError, CloudGoneError
from vcnd.model.family import family_of
from vcnd.model.leftovers import LeftCause, Leftover, SweepReport
from vcnd.oci import tags
from vcnd.ociapi import wire
from vcnd.ociapi.client import CoreClient
from vcnd.ociapi.kinds import IPV6, PRIVATE_IP, Kind
from vcnd.ociapi.retry import Retrier

GONE_STATES = ("TERMINATING", "TERMINATED")


class Sweep:
    """One search; ``report`` has its result."""

    def __init__(self, *, core: CoreClient, retry: Retrier, cluster: str) -> None:
        self._core = core
        self._retry = retry
        self._cluster = cluster
        self._leftovers: list[Leftover] = []
        self._unread: dict[str, str] = {}
        self._subnets: set[str] = set()
        self._used = 0

    async def report(
        self,
        compartments: Sequence[str],
        nodes: AbstractSet[str],
        subnets: Sequence[str],
    ) -> SweepReport:
        """Return what is left behind.

        Args:
            compartments: those of the cluster's instances.
            nodes: the instances that are nodes now; none: the cluster is gone.
            subnets: more pod subnets than those of the VNICs that are found.

        Raises:
            CloudError: a compartment cannot be listed.
        """
        self._subnets |= set(subnets)
        for compartment in compartments:
            listed = await self._retry(self._core.list_instances, compartment)
            alive = {i.id for i in listed if i.lifecycle_state not in GONE_STATES}
            inventory = Inventory(existing=alive, nodes=nodes)
            for attachment in await self._retry(
                self._core.list_vnic_attachments, compartment
            ):
                await self._judge(attachment, inventory)
        if not nodes:
            # While the cluster lives, its fixed addresses wait for their pods.
            for subnet_id in sorted(self._subnets):
                await self._find_fixed(subnet_id)
        return SweepReport(
            cluster=self._cluster,
            nodes=len(nodes),
            vnics=self._used,
            leftovers=tuple(sorted(self._leftovers, key=lambda x: (x.fixed, x.id))),
            unread=self._unread,
        )

    async def _judge(
        self, attachment: wire.VnicAttachment, inventory: Inventory
    ) -> None:
        vnic_id = attachment.vnic_id
        if attachment.lifecycle_state != "ATTACHED" or vnic_id is None:
            return
        try:
            vnic, _ = await self._retry(self._core.get_vnic, vnic_id)
        except CloudGoneError:
            return  # detached since it was listed
        except CloudError as error:
            self._unread[vnic_id] = str(error)
            return
        if vnic.is_primary or vnic.freeform_tags.get(tags.OWNER) != self._cluster:
            return
        self._subnets.add(vnic.subnet_id)
        tagged = vnic.freeform_tags.get(tags.NODE, "")
        cause = why_left(attachment.instance_id, tagged, inventory)
        if cause is None:
            self._used += 1
            return
        self._leftovers.append(
            Leftover(
                id=vnic_id,
                cause=cause,
                instance_id=attachment.instance_id,
                attachment_id=attachment.id,
                tagged=tagged,
                subnet_id=vnic.subnet_id,
                addresses=tuple(await self._addresses(vnic_id)),
            )
        )

    async def _addresses(self, vnic_id: str) -> list[str]:
        found: list[str] = []
        for kind in (PRIVATE_IP, IPV6):
            found += [_text(a) for a in await self._on_vnic(kind, vnic_id)]
        return found

    async def _on_vnic(self, kind: Kind, vnic_id: str) -> list[wire.Address]:
        try:
            listed = await self._retry(self._core.list_addresses, kind, vnic_id=vnic_id)
        except CloudError as error:
            # A policy may lack the rights for IPv6.
            self._unread[f"{kind.plural} of {vnic_id}"] = str(error)
            return []
        return [a for a in listed if not a.is_primary]

    async def _find_fixed(self, subnet_id: str) -> None:
        try:
            listed = await self._retry(self._core.list_reserved, subnet_id=subnet_id)
        except CloudError as error:
            self._unread[f"fixed addresses of {subnet_id}"] = str(error)
            return
        for address in listed:
            theirs = address.freeform_tags
            if theirs.get(tags.OWNER) != self._cluster or address.vnic_id:
                continue  # not ours, or it is listed with its VNIC
            self._leftovers.append(
                Leftover(
                    id=address.id,
                    cause=LeftCause.UNUSED,
                    instance_id="",
                    subnet_id=subnet_id,
                    addresses=(_text(address),),
                    fixed=theirs.get(tags.FIXED, "") or "unnamed",
                )
            )


def _text(address: wire.Address) -> str:
    """Return an address, or a block with its prefix length."""
    prefix = address.cidr_prefix_length
    single = prefix in (None, family_of(address.ip_address).bits)
    return address.ip_address if single else f"{address.ip_address}/{prefix}"
