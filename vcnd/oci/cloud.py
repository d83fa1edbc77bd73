"""The ``Cloud`` port on OCI: so many calls as needed and no more."""

from collections.abc import Mapping, Sequence
from ipaddress import ip_address

import structlog
import trio

from vcnd.core.networks import further_networks
from vcnd.model.errors import (
    CloudError,
    CloudGoneError,
    CloudRefusedError,
)
from vcnd.model.family import Family
from vcnd.model.ids import SubnetId, VnicId
from vcnd.model.podnetwork import PodClass
from vcnd.model.vnic import CloudView, Known, PrivateIp, Vnic
from vcnd.oci import tags
from vcnd.oci.addresses import Addresses
from vcnd.oci.direct import Direct
from vcnd.oci.fixed import FixedAddresses
from vcnd.ociapi import wire
from vcnd.ociapi.client import CoreClient
from vcnd.ociapi.imds import Metadata
from vcnd.ociapi.polling import Poller
from vcnd.ociapi.retry import Retrier

log = structlog.get_logger()

ATTACHED_STATES = ("ATTACHING", "ATTACHED", "DETACHING")
ATTACHMENT_SECONDS = 15.0
"""The API is asked so often for an attachment that IMDS does not show."""


class OciCloud:
    """What the flows want, in OCI's operations."""

    def __init__(
        self,
        *,
        core: CoreClient,
        metadata: Metadata,
        retry: Retrier,
        cluster: str,
        wait_seconds: float,
    ) -> None:
        self._core = core
        self._metadata = metadata
        self._retry = retry
        self._cluster = cluster
        self._poll = Poller(retry, wait_seconds=wait_seconds)
        self._addresses = Addresses(
            core=core, retry=retry, poll=self._poll, cluster=cluster
        )
        self._direct = Direct(core=core, retry=retry)
        self._prefixes: dict[str, str] = {}
        """Each VNIC's first IPv6 prefix, where its subnet has one."""
        self._fixed = FixedAddresses(
            core=core, retry=retry, poll=self._poll, cluster=cluster
        )

    # Who we are

    async def instance_id(self) -> str:
        """Return which instance this is (``Cloud.instance_id``)."""
        return (await self._retry(self._core.session)).instance.id

    # Looking

    async def observe(self, families: Sequence[Family], known: Known) -> CloudView:
        """Ask what the cloud has for this instance (``Cloud.observe``)."""
        # Asked anew each time: a stopped instance may come back in another shape.
        instance = await self._retry(self._metadata.instance)
        local = {v.vnic_id: v for v in await self._retry(self._metadata.vnics)}
        attachments = await self._retry(self._core.list_vnic_attachments)
        attached = [a for a in attachments if a.lifecycle_state in ATTACHED_STATES]
        primary: Vnic | None = None
        gone = ", in no list of attachments"
        pod_vnics: list[Vnic] = []
        nsgs: dict[VnicId, tuple[str, ...]] = {}
        private_ips: list[PrivateIp] = []
        unlisted: dict[Family, str] = {}
        untagged_vnics: list[Vnic] = []
        untagged_ips: list[PrivateIp] = []
        for attachment in attached:
            vnic_id = attachment.vnic_id
            if attachment.lifecycle_state != "ATTACHED" or vnic_id not in local:
                continue
            try:
                body = await self._get_vnic(vnic_id)
            except CloudGoneError as error:
                gone = f": {error}"
                continue  # detached since it was listed
            theirs: list[PrivateIp] = []
            held = known.vnics.get(VnicId(vnic_id))
            tagged = self._is_ours(body, instance.id)
            ours = tagged or held is not None
            for family in families if ours and not body.is_primary else ():
                try:
                    found = await self._addresses.on_vnic(
                        VnicId(body.id), family, known.private_ips
                    )
                    theirs += found.private_ips
                    untagged_ips += found.untagged
                except CloudGoneError as error:
                    if family is families[0]:
                        raise
                    # What a policy forgets of IPv6 must not stop IPv4.
                    unlisted[family] = str(error)
            about = body.freeform_tags
            if held is not None and not tagged:
                about = {tags.CLASS: held.pod_class}
            vnic = self._vnic(local[vnic_id], body.subnet_id, about, families, theirs)
            if body.is_primary:
                primary = vnic
            elif ours:
                pod_vnics.append(vnic)
                untagged_vnics += [] if tagged else [vnic]
                nsgs[vnic.id] = tuple(body.nsg_ids)
                private_ips += theirs
        if primary is None:
            raise CloudError(f"the instance's primary VNIC is not to be had{gone}")
        return CloudView(
            primary=primary,
            pod_vnics=tuple(pod_vnics),
            nsgs=nsgs,
            private_ips=tuple(private_ips),
            unlisted=unlisted,
            untagged_vnics=tuple(untagged_vnics),
            untagged_ips=tuple(untagged_ips),
            attached=tuple(VnicId(a.vnic_id or "") for a in attached),
            vnic_limit=instance.shape_config.max_vnic_attachments,
        )

    async def _get_vnic(self, vnic_id: str) -> wire.Vnic:
        vnic, _ = await self._retry(self._core.get_vnic, vnic_id)
        return vnic

    async def has_vnic(self, vnic_id: VnicId) -> bool:
        """Ask for a VNIC by its OCID (``Cloud.has_vnic``)."""
        return await self._direct.has_vnic(vnic_id)

    async def has_address(self, private_ip: PrivateIp) -> bool:
        """Ask for an address by its OCID (``Cloud.has_address``)."""
        return await self._direct.has_address(private_ip)

    async def tag_vnic(self, vnic: Vnic) -> None:
        """Put our tags on a VNIC (``Cloud.tag_vnic``)."""
        ours = await self._tags()
        if vnic.pod_class:
            ours[tags.CLASS] = vnic.pod_class
        await self._direct.tag_vnic(vnic.id, ours)

    async def tag_address(self, private_ip: PrivateIp) -> None:
        """Put our tags on an address (``Cloud.tag_address``)."""
        ours = await self._tags()
        if private_ip.fixed:
            ours = {tags.OWNER: self._cluster, tags.FIXED: private_ip.fixed}
        await self._direct.tag_address(private_ip, ours)

    def _is_ours(self, vnic: wire.Vnic, instance_id: str) -> bool:
        theirs = vnic.freeform_tags
        return (
            theirs.get(tags.OWNER) == self._cluster
            and theirs.get(tags.NODE) == instance_id
        )

    def _vnic(
        self,
        local: wire.ImdsVnic,
        subnet_id: str,
        freeform_tags: Mapping[str, str],
        families: Sequence[Family],
        pods: Sequence[PrivateIp] = (),
    ) -> Vnic:
        if local.vlan_tag:
            raise CloudRefusedError(
                f"VNIC {local.vnic_id} has VLAN tag {local.vlan_tag}: VLAN VNICs"
                " (bare metal) are not supported yet"
            )
        try:
            local.check()
        except ValueError as error:
            raise CloudError(f"IMDS /vnics/: VNIC {local.vnic_id}: {error}") from error
        # Among all that it tells, its own is the one that is no pod's.
        theirs = {ip_address(p.address) for p in pods}
        own = [a for a in map(ip_address, local.ipv6_addresses) if a not in theirs]
        six = Family.IPV6 in families
        self._prefixes[local.vnic_id] = local.ipv6_subnet_cidr_block
        return Vnic(
            id=VnicId(local.vnic_id),
            mac=local.mac_addr.lower(),
            address=local.private_ip,
            subnet_id=SubnetId(subnet_id),
            subnet_cidr=local.subnet_cidr_block,
            virtual_router=local.virtual_router_ip,
            # Where pods have none, the node's IPv6 is none of our business.
            ipv6=str(own[0]) if own and six else "",
            ipv6_cidr=local.ipv6_subnet_cidr_block if six else "",
            ipv6_router=local.ipv6_virtual_router_ip if six else "",
            pod_class=freeform_tags.get(tags.CLASS, ""),
            further_cidrs=further_networks(local.subnet_cidr_block, pods),
        )

    # Addresses

    async def create_addresses(
        self, vnic_id: VnicId, count: int, family: Family
    ) -> list[PrivateIp]:
        """Create single addresses on a VNIC (``Cloud.create_addresses``)."""
        new = await self._new(vnic_id, family)
        return await self._addresses.create(vnic_id, count, family, new)

    async def create_block(
        self, vnic_id: VnicId, size: int, family: Family
    ) -> list[PrivateIp]:
        """Create a block of addresses on a VNIC (``Cloud.create_block``)."""
        new = await self._new(vnic_id, family)
        return [await self._addresses.create_block(vnic_id, size, family, new)]

    async def _new(self, vnic_id: VnicId, family: Family) -> wire.NewAddress:
        # A subnet of several prefixes wants to be told which: the first, as in OKE.
        prefix = self._prefixes.get(vnic_id) if family is Family.IPV6 else None
        return wire.NewAddress(await self._tags(), ipv6_subnet_cidr=prefix or None)

    async def delete_addresses(
        self, vnic_id: VnicId, private_ips: Sequence[PrivateIp]
    ) -> None:
        """Delete addresses and blocks (``Cloud.delete_addresses``)."""
        await self._addresses.delete(vnic_id, private_ips)

    async def fetch_fixed(self, name: str, vnic: Vnic) -> list[PrivateIp]:
        """Bring a fixed address to a VNIC (``Cloud.fetch_fixed``)."""
        return [await self._fixed.fetch(name, vnic)]

    async def release_fixed(self, private_ip: PrivateIp) -> None:
        """Take a fixed address from its VNIC (``Cloud.release_fixed``)."""
        await self._fixed.release(private_ip)

    # VNICs

    async def attach_vnic(
        self, pod_class: PodClass, families: Sequence[Family], token: str
    ) -> Vnic:
        """Attach a pod VNIC and wait for it (``Cloud.attach_vnic``)."""
        instance = (await self._retry(self._core.session)).instance
        ours = await self._tags()
        if pod_class.name:
            ours[tags.CLASS] = pod_class.name
        details = wire.AttachVnicDetails(
            instance_id=instance.id,
            create_vnic_details=wire.CreateVnicDetails(
                subnet_id=pod_class.subnet_ids[0],
                nsg_ids=list(pod_class.nsg_ids),
                freeform_tags=ours,
                display_name="vcnd-pods",
                assign_public_ip=False,
                assign_ipv6_ip=True if Family.IPV6 in families else None,
            ),
        )
        known = {v.vnic_id for v in await self._retry(self._metadata.vnics)}
        attachment = await self._retry(
            self._core.attach_vnic, details, retry_token=token
        )
        local = await self._attached(attachment.id, known)
        return self._vnic(local, pod_class.subnet_ids[0], ours, families)

    async def _attached(self, attachment_id: str, known: set[str]) -> wire.ImdsVnic:
        """Wait until an attachment is complete, and return its VNIC.

        IMDS costs no API call: the API is asked when IMDS lists a VNIC that is not
        known, and seldom otherwise, for attachments that turn around by themselves.
        """
        asked_at = trio.current_time()

        async def ask() -> wire.ImdsVnic | None:
            nonlocal asked_at
            vnics = {v.vnic_id: v for v in await self._retry(self._metadata.vnics)}
            fresh = vnics.keys() - known
            now = trio.current_time()
            if not fresh and now - asked_at < ATTACHMENT_SECONDS:
                return None
            asked_at = now
            vnic_id = _attached_vnic(
                await self._retry(self._core.get_vnic_attachment, attachment_id)
            )
            if vnic_id is None:
                known.update(fresh)
            return vnics.get(vnic_id) if vnic_id is not None else None

        return await self._poll(f"attachment {attachment_id}", lambda v: v, ask)

    async def set_nsgs(self, vnic_id: VnicId, nsg_ids: Sequence[str]) -> None:
        """Put a pod VNIC into NSGs (``Cloud.set_nsgs``)."""
        details = wire.UpdateVnicDetails(list(nsg_ids))
        await self._retry(self._core.update_vnic, vnic_id, details)

    async def detach_vnic(self, vnic_id: VnicId) -> None:
        """Detach a pod VNIC and wait until it is gone (``Cloud.detach_vnic``)."""
        listed = await self._retry(self._core.list_vnic_attachments, vnic_id=vnic_id)
        if not listed:
            # Gone, or so new that no list has it: then it must not be given up.
            try:
                await self._get_vnic(vnic_id)
            except CloudGoneError:
                return
            raise CloudError(f"VNIC {vnic_id} is in no list of attachments yet")
        for attachment in listed:
            if attachment.lifecycle_state == "DETACHED":
                continue
            try:
                await self._retry(self._core.detach_vnic, attachment.id)
            except CloudGoneError:
                return
        await self._poll(
            f"detachment of {vnic_id}",
            lambda them: all(a.lifecycle_state == "DETACHED" for a in them) or None,
            self._core.list_vnic_attachments,
            vnic_id=vnic_id,
        )

    async def _tags(self) -> dict[str, str]:
        instance = (await self._retry(self._core.session)).instance
        return {tags.OWNER: self._cluster, tags.NODE: instance.id}


def _attached_vnic(attachment: wire.VnicAttachment) -> str | None:
    if attachment.lifecycle_state in ("DETACHING", "DETACHED"):
        # Seen in the wild: an attach that turns around by itself.
        raise CloudRefusedError(
            f"attachment {attachment.id} went to {attachment.lifecycle_state} by itself"
        )
    return attachment.vnic_id if attachment.lifecycle_state == "ATTACHED" else None
