"""The ``Cloud`` port on OCI: so many calls as needed and no more."""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import structlog
import trio

from vcnd.model.errors import (
    CloudError,
    CloudFullError,
    CloudGoneError,
    CloudRefusedError,
)
from vcnd.model.ids import PrivateIpId, SubnetId, VnicId
from vcnd.model.podnetwork import PodNetwork
from vcnd.model.vnic import CloudView, PrivateIp, Vnic
from vcnd.oci import wire
from vcnd.oci.client import CoreClient
from vcnd.oci.errors import OciError, Verdict
from vcnd.oci.metadata import Metadata
from vcnd.oci.retry import Retrier

log = structlog.get_logger()

T = TypeVar("T")
R = TypeVar("R")

TAG_OWNER = "vcnd-cluster"
TAG_NODE = "vcnd-instance"
ATTACHED_STATES = ("ATTACHING", "ATTACHED", "DETACHING")
NO_SUCH_OPERATION = (404, 405, 501)


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
        self._wait_seconds = wait_seconds
        self._has_bulk = True

    # Who we are

    async def instance_id(self) -> str:
        """Return which instance this is (``Cloud.instance_id``)."""
        return (await self._retry(self._core.session)).instance.id

    # Looking

    async def observe(self) -> CloudView:
        """Ask what the cloud has for this instance (``Cloud.observe``)."""
        # Asked anew each time: a stopped instance may come back in another shape.
        instance = await self._retry(self._metadata.instance)
        local = {v.vnic_id: v for v in await self._retry(self._metadata.vnics)}
        attachments = await self._retry(self._core.list_vnic_attachments)
        attached = [a for a in attachments if a.lifecycle_state in ATTACHED_STATES]
        primary: Vnic | None = None
        pod_vnics: list[Vnic] = []
        private_ips: list[PrivateIp] = []
        for attachment in attached:
            vnic_id = attachment.vnic_id
            if attachment.lifecycle_state != "ATTACHED" or vnic_id not in local:
                continue
            said = await self._get_vnic(vnic_id)
            if said is None:
                continue
            vnic = self._vnic(said, local[vnic_id])
            if said.is_primary:
                primary = vnic
            elif self._is_ours(said, instance.id):
                pod_vnics.append(vnic)
                private_ips += await self._private_ips(vnic.id)
        if primary is None:
            raise CloudError("the instance's primary VNIC is in no list of attachments")
        return CloudView(
            primary=primary,
            pod_vnics=tuple(pod_vnics),
            private_ips=tuple(private_ips),
            vnics_attached=len(attached),
            vnic_limit=instance.shape_config.max_vnic_attachments,
        )

    async def _get_vnic(self, vnic_id: str) -> wire.Vnic | None:
        async def get() -> wire.Vnic:
            return await self._core.get_vnic(vnic_id)

        try:
            return await self._retry(get)
        except CloudGoneError:
            return None  # detached since it was listed

    def _is_ours(self, vnic: wire.Vnic, instance_id: str) -> bool:
        tags = vnic.freeform_tags
        return (
            tags.get(TAG_OWNER) == self._cluster and tags.get(TAG_NODE) == instance_id
        )

    @staticmethod
    def _vnic(said: wire.Vnic, local: wire.ImdsVnic) -> Vnic:
        if local.vlan_tag:
            raise CloudRefusedError(
                f"VNIC {said.id} has VLAN tag {local.vlan_tag}: VLAN VNICs (bare metal)"
                " are not supported yet"
            )
        return Vnic(
            id=VnicId(said.id),
            mac=said.mac_address.lower(),
            address=local.private_ip,
            subnet_id=SubnetId(said.subnet_id),
            subnet_cidr=local.subnet_cidr_block,
            virtual_router=local.virtual_router_ip,
        )

    async def _private_ips(self, vnic_id: VnicId) -> list[PrivateIp]:
        async def list_them() -> list[wire.PrivateIp]:
            return await self._core.list_private_ips(vnic_id=vnic_id)

        return [
            _private_ip(p, vnic_id)
            for p in await self._retry(list_them)
            # Blocks are not ours to use yet: nobody but us may have made them.
            if not p.is_primary and p.cidr_prefix_length in (None, 32)
        ]

    # Addresses

    async def create_addresses(self, vnic_id: VnicId, count: int) -> list[PrivateIp]:
        """Create single addresses on a VNIC (``Cloud.create_addresses``)."""
        tags = await self._tags()
        if count > 1 and self._has_bulk:
            items = [wire.BulkCreatePrivateIpItem(tags)] * count
            details = wire.BulkCreatePrivateIpsDetails(vnic_id, items)
            token = secrets.token_hex(15)

            async def start() -> str:
                return await self._core.bulk_create_private_ips(
                    details, retry_token=token
                )

            if await self._bulk(start):
                return await self._private_ips(vnic_id)
        return await self._create_singly(vnic_id, count, tags)

    async def _create_singly(
        self, vnic_id: VnicId, count: int, tags: dict[str, str]
    ) -> list[PrivateIp]:
        """Create one address after another: OCI changes a VNIC one at a time."""
        details = wire.CreatePrivateIpDetails(vnic_id, tags)
        made: list[PrivateIp] = []
        for _ in range(count):
            token = secrets.token_hex(15)

            async def create(token: str = token) -> wire.PrivateIp:
                return await self._core.create_private_ip(details, retry_token=token)

            try:
                made.append(_private_ip(await self._retry(create), vnic_id))
            except CloudError:
                if not made:
                    raise
                break  # what was made serves; the next look asks for the rest
        return made

    async def delete_addresses(
        self, vnic_id: VnicId, private_ips: Sequence[PrivateIp]
    ) -> None:
        """Delete addresses of one VNIC (``Cloud.delete_addresses``)."""
        if len(private_ips) > 1 and self._has_bulk:
            items = [wire.BulkDeletePrivateIpItem(p.id) for p in private_ips]
            details = wire.BulkDeletePrivateIpsDetails(vnic_id, items)
            token = secrets.token_hex(15)

            async def start() -> str:
                return await self._core.bulk_delete_private_ips(
                    details, retry_token=token
                )

            if await self._bulk(start):
                return
        for private_ip in private_ips:

            async def delete(private_ip: PrivateIp = private_ip) -> None:
                await self._core.delete_private_ip(private_ip.id)

            try:
                await self._retry(delete)
            except CloudGoneError:
                continue

    async def _bulk(self, start: Callable[[], Awaitable[str]]) -> bool:
        """Start a bulk action and wait for its end; False where the API has none."""

        async def attempt() -> str | None:
            try:
                return await start()
            except OciError as error:
                # A missing object has its own code; a missing operation has not.
                known = error.code == "NotAuthorizedOrNotFound"
                if error.status in NO_SUCH_OPERATION and not known:
                    return None
                raise

        work_request_id = await self._retry(attempt)
        if work_request_id is None:
            log.warning("bulk_actions_missing", consequence="addresses singly")
            self._has_bulk = False
            return False
        await self._work_done(work_request_id)
        return True

    async def _work_done(self, work_request_id: str) -> None:
        async def get() -> wire.WorkRequest:
            return await self._core.get_work_request(work_request_id)

        status = await self._poll(
            f"work request {work_request_id}",
            get,
            lambda w: (
                w.status if w.status in ("SUCCEEDED", "FAILED", "CANCELED") else None
            ),
        )
        if status == "SUCCEEDED":
            return

        async def list_errors() -> list[wire.WorkRequestError]:
            return await self._core.list_work_request_errors(work_request_id)

        errors = await self._retry(list_errors)
        said = "; ".join(f"{e.code}: {e.message}" for e in errors) or status
        text = f"work request {work_request_id} {status.lower()}: {said}"
        verdicts = {_verdict_of(e) for e in errors}
        if Verdict.FULL in verdicts:
            raise CloudFullError(text)
        raise CloudGoneError(text) if Verdict.GONE in verdicts else CloudError(text)

    # VNICs

    async def attach_vnic(self, network: PodNetwork, token: str) -> Vnic:
        """Attach a pod VNIC and wait for it (``Cloud.attach_vnic``)."""
        instance = (await self._retry(self._core.session)).instance
        details = wire.AttachVnicDetails(
            instance_id=instance.id,
            create_vnic_details=wire.CreateVnicDetails(
                subnet_id=network.subnet_ids[0],
                nsg_ids=list(network.nsg_ids),
                freeform_tags=await self._tags(),
                display_name="vcnd-pods",
                assign_public_ip=False,
            ),
        )

        async def attach() -> wire.VnicAttachment:
            return await self._core.attach_vnic(details, retry_token=token)

        attachment = await self._retry(attach)

        async def get() -> wire.VnicAttachment:
            return await self._core.get_vnic_attachment(attachment.id)

        vnic_id = await self._poll(f"attachment {attachment.id}", get, _attached_vnic)
        local = await self._poll(
            f"VNIC {vnic_id} in IMDS",
            self._metadata.vnics,
            lambda vnics: next((v for v in vnics if v.vnic_id == vnic_id), None),
        )
        said = await self._get_vnic(vnic_id)
        if said is None:
            raise CloudGoneError(f"VNIC {vnic_id} went away while it was attached")
        return self._vnic(said, local)

    async def detach_vnic(self, vnic_id: VnicId) -> None:
        """Detach a pod VNIC and wait until it is gone (``Cloud.detach_vnic``)."""

        async def list_them() -> list[wire.VnicAttachment]:
            return await self._core.list_vnic_attachments(vnic_id=vnic_id)

        for attachment in await self._retry(list_them):
            if attachment.lifecycle_state == "DETACHED":
                continue

            async def detach(attachment: wire.VnicAttachment = attachment) -> None:
                await self._core.detach_vnic(attachment.id)

            try:
                await self._retry(detach)
            except CloudGoneError:
                return
        await self._poll(
            f"detachment of {vnic_id}",
            list_them,
            lambda them: all(a.lifecycle_state == "DETACHED" for a in them) or None,
        )

    async def _tags(self) -> dict[str, str]:
        instance = (await self._retry(self._core.session)).instance
        return {TAG_OWNER: self._cluster, TAG_NODE: instance.id}

    async def _poll(
        self,
        what: str,
        ask: Callable[[], Awaitable[T]],
        done: Callable[[T], R | None],
    ) -> R:
        """Ask, more and more seldom, until ``done`` returns something."""
        pause, give_up_at = 0.25, trio.current_time() + self._wait_seconds
        while True:
            result = done(await self._retry(ask))
            if result is not None:
                return result
            if trio.current_time() + pause > give_up_at:
                raise CloudError(f"{what}: not done after {self._wait_seconds:.0f} s")
            await trio.sleep(pause)
            pause = min(2.0, pause * 1.5)


def _attached_vnic(attachment: wire.VnicAttachment) -> str | None:
    if attachment.lifecycle_state in ("DETACHING", "DETACHED"):
        # Seen in the wild: an attach that turns around by itself.
        raise CloudRefusedError(
            f"attachment {attachment.id} went to {attachment.lifecycle_state} by itself"
        )
    return attachment.vnic_id if attachment.lifecycle_state == "ATTACHED" else None


def _private_ip(said: wire.PrivateIp, vnic_id: VnicId) -> PrivateIp:
    return PrivateIp(id=PrivateIpId(said.id), address=said.ip_address, vnic_id=vnic_id)


def _verdict_of(error: wire.WorkRequestError) -> Verdict:
    statuses = {"NotAuthorizedOrNotFound": 404}
    return OciError(
        operation="",
        status=statuses.get(error.code, 400),
        code=error.code,
        message=error.message,
        request_id="",
    ).verdict
