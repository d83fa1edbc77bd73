"""The ``Cloud`` port on OCI, with as few calls as possible."""

from collections.abc import Iterable, Iterator, Sequence

import trio

from vcnd.model.cause import Cause, Fault
from vcnd.model.errors import CloudError, CloudGoneError
from vcnd.model.family import Family
from vcnd.model.ids import OWN_CLASS, ClassName, VnicId
from vcnd.model.metrics import MetricFamily
from vcnd.model.permissions import StatementStatus
from vcnd.model.podnetwork import PodClass
from vcnd.model.status import BudgetStatus
from vcnd.model.urgency import Urgency
from vcnd.model.vcn_rules import VcnView
from vcnd.model.vnic import CloudView, Known, PrivateIp, Vnic
from vcnd.oci import tags
from vcnd.oci.addresses import Addresses, BulkSupport
from vcnd.oci.attachments import ATTACHED_STATES, Attachments
from vcnd.oci.direct import Direct
from vcnd.oci.fixed import FixedAddresses
from vcnd.oci.vcn_reading import VcnReader, try_reads
from vcnd.oci.vcns import Vcns
from vcnd.oci.where import Where, as_vnic
from vcnd.ociapi import wire
from vcnd.ociapi.client import CoreClient
from vcnd.ociapi.polling import Poller
from vcnd.ociapi.retry import Retrier
from vcnd.ports import Begun

VCN_SECONDS = 5.0
"""How long a new VNIC's pods may wait until its VCN is read."""


class OciCloud:
    """Carries out the port's verbs by OCI's operations."""

    def __init__(
        self,
        *,
        core: CoreClient,
        where: Where,
        retry: Retrier,
        poll: Poller,
        cluster: str,
        bulk: BulkSupport,
        vcns: Vcns,
    ) -> None:
        self._core = core
        self._where = where
        self._retry = retry
        self._cluster = cluster
        self._poll = poll
        self._bulk = bulk
        self._vcns = vcns
        self._direct = Direct(core=core, retry=retry)
        self._addresses = Addresses(
            core=core,
            retry=retry,
            poll=poll,
            cluster=cluster,
            bulk=bulk,
            direct=self._direct,
        )
        self._attachments = Attachments(
            core=core, where=where, retry=retry, poll=poll, direct=self._direct
        )
        self._fixed = FixedAddresses(
            core=core, retry=retry, poll=poll, cluster=cluster, direct=self._direct
        )

    def at(self, urgency: Urgency) -> "OciCloud":
        """Return this cloud for calls of an urgency (``Cloud.at``)."""
        return OciCloud(
            core=self._core.at(urgency),
            where=self._where,
            retry=self._retry,
            poll=self._poll,
            cluster=self._cluster,
            bulk=self._bulk,
            vcns=self._vcns,
        )

    def families(self) -> Iterator[MetricFamily]:
        """Yield the metrics of the calls."""
        return self._core.families()

    def budget(self) -> BudgetStatus:
        """Return how fast the API may be called now."""
        return self._core.budget()

    # Who we are

    async def instance_id(self) -> str:
        """Return which instance this is (``Cloud.instance_id``)."""
        return (await self._retry(self._where.known)).id

    # Looking

    async def observe(self, families: Sequence[Family], known: Known) -> CloudView:
        """Ask what the cloud has for this instance (``Cloud.observe``)."""
        instance = await self._retry(self._where.instance)
        local = await self._retry(self._where.vnics)
        attachments = await self._retry(self._attachments.listed)
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
            if not ours and not body.is_primary:
                continue  # it may be of any kind, and IMDS may tell anything of it
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
                    # A policy without IPv6 permissions must not stop IPv4.
                    unlisted[family] = str(error)
            pod_class = ClassName(body.freeform_tags.get(tags.CLASS, OWN_CLASS))
            if held is not None and not tagged:
                pod_class = held.pod_class
            vnic = as_vnic(
                local[vnic_id],
                subnet_id=body.subnet_id,
                pod_class=pod_class,
                families=families,
                pods=theirs,
            )
            if body.is_primary:
                primary = vnic
            elif ours:
                pod_vnics.append(vnic)
                untagged_vnics += [] if tagged else [vnic]
                nsgs[vnic.id] = tuple(body.nsg_ids)
                private_ips += theirs
        if primary is None:
            raise CloudError(
                f"the instance's primary VNIC is not to be had{gone}",
                cause=Cause.NOT_LISTED,
            )
        self._vcns.recall(known.vnics.values())
        vcn_fault, prefix_fault = await self._read_networks(primary, pod_vnics)
        return CloudView(
            primary=self._vcns.prefixes.add_to(primary),
            pod_vnics=tuple(map(self._vcns.add_to, pod_vnics)),
            vcn_fault=vcn_fault,
            prefix_fault=prefix_fault,
            nsgs=nsgs,
            private_ips=tuple(private_ips),
            unlisted=unlisted,
            untagged_vnics=tuple(untagged_vnics),
            untagged_ips=tuple(untagged_ips),
            attached=tuple(VnicId(a.vnic_id) for a in attached if a.vnic_id),
            attaching=sum(not a.vnic_id for a in attached),
            vnic_limit=instance.vnic_limit,
        )

    async def _read_networks(
        self, primary: Vnic, pod_vnics: Sequence[Vnic]
    ) -> tuple[Fault | None, Fault | None]:
        """Read what IMDS does not tell; return why VCNs and prefixes are not known."""
        vcn_fault = await self._read_vcns(v.subnet_id for v in pod_vnics)
        return vcn_fault, await self._read_prefixes(primary, *pod_vnics)

    async def _read_vcns(self, subnet_ids: Iterable[str]) -> Fault | None:
        return await self._vcns.read(self._core, self._retry, subnet_ids)

    async def _read_prefixes(self, *vnics: Vnic) -> Fault | None:
        return await self._vcns.prefixes.read(self._core, self._retry, vnics)

    async def _get_vnic(self, vnic_id: str) -> wire.Vnic:
        vnic, _ = await self._retry(self._core.get_vnic, vnic_id)
        return vnic

    async def subnet_use(self, subnet_id: str) -> float:
        """Ask how full a subnet is (``Cloud.subnet_use``)."""
        return await self._direct.subnet_use(subnet_id)

    async def vcn_view(
        self, *, vnic_id: str, source: str, destination: str, receiver_vnic_id: str
    ) -> VcnView:
        """Read what decides about a connection (``flow.path.VcnLook``)."""
        return await VcnReader(core=self._core, retry=self._retry).view(
            vnic_id=vnic_id,
            source=source,
            destination=destination,
            receiver_vnic_id=receiver_vnic_id,
        )

    async def permissions(self, vnics: Iterable[Vnic]) -> tuple[StatementStatus, ...]:
        """Return which policy statements calls have shown; try reads first."""
        await try_reads(self._core, self._retry, vnics)
        return self._core.permissions()

    async def has_vnic(self, vnic_id: VnicId) -> bool:
        """Ask for a VNIC by its OCID (``Cloud.has_vnic``)."""
        return await self._attachments.has(vnic_id)

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
        prefix = ""
        if family is Family.IPV6:
            # A subnet of several prefixes needs to be told one: the first, as in OKE.
            local = (await self._retry(self._where.vnics)).get(vnic_id)
            told = local.ipv6_subnet_cidr_block if local else ""
            prefix = told or self._vcns.prefixes.of(vnic_id)
        return wire.NewAddress(await self._tags(), ipv6_subnet_cidr=prefix or None)

    async def delete_addresses(
        self,
        vnic_id: VnicId,
        private_ips: Sequence[PrivateIp],
        begun: Begun,
    ) -> None:
        """Delete addresses and blocks (``Cloud.delete_addresses``)."""
        await self._addresses.delete(vnic_id, private_ips, begun)

    async def has_ended(self, work: str) -> bool:
        """Ask for a work request (``Cloud.has_ended``)."""
        return await self._addresses.has_ended(work)

    async def fetch_fixed(self, name: str, vnic: Vnic) -> list[PrivateIp]:
        """Bring a fixed address to a VNIC (``Cloud.fetch_fixed``)."""
        return [await self._fixed.fetch(name, vnic)]

    async def release_fixed(self, private_ip: PrivateIp) -> None:
        """Take a fixed address from its VNIC (``Cloud.release_fixed``)."""
        await self._fixed.release(private_ip)

    # VNICs

    async def attach_vnic(
        self,
        pod_class: PodClass,
        families: Sequence[Family],
        token: str,
        *,
        again: bool = False,
    ) -> Vnic:
        """Attach a pod VNIC and wait for it (``Cloud.attach_vnic``)."""
        ours = await self._tags()
        if pod_class.name:
            ours[tags.CLASS] = pod_class.name
        details = wire.AttachVnicDetails(
            instance_id=ours[tags.NODE],
            create_vnic_details=wire.CreateVnicDetails(
                subnet_id=pod_class.subnet_ids[0],
                nsg_ids=list(pod_class.nsg_ids),
                freeform_tags=ours,
                display_name="vcnd-pods",
                assign_public_ip=False,
                assign_ipv6_ip=True if Family.IPV6 in families else None,
            ),
        )
        # What an earlier call attached may be there by now, or gone again: the API is
        # asked at once if no VNIC is known to be another one.
        known = set() if again else {*await self._retry(self._where.vnics)}
        attachment = await self._retry(
            self._core.attach_vnic, details, retry_token=token
        )
        local = await self._attachments.vnic(attachment.id, known)
        vnic = as_vnic(
            local,
            subnet_id=pod_class.subnet_ids[0],
            pod_class=pod_class.name,
            families=families,
        )
        with trio.move_on_after(VCN_SECONDS):  # an audit tells why, if it fails
            await self._read_prefixes(vnic)
            await self._read_vcns(self._vcns.unread([vnic.subnet_id]))
        return self._vcns.add_to(vnic)

    async def set_nsgs(self, vnic_id: VnicId, nsg_ids: Sequence[str]) -> None:
        """Put a pod VNIC into NSGs (``Cloud.set_nsgs``)."""
        details = wire.UpdateVnicDetails(list(nsg_ids))
        await self._retry(self._core.update_vnic, vnic_id, details)

    async def detach_vnic(self, vnic_id: VnicId) -> None:
        """Detach a pod VNIC and wait until it is gone (``Cloud.detach_vnic``)."""
        await self._attachments.detach(vnic_id)

    async def _tags(self) -> dict[str, str]:
        return {tags.OWNER: self._cluster, tags.NODE: await self.instance_id()}
