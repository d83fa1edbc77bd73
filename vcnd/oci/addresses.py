"""A VNIC's addresses: singles, blocks, and many in one request."""

import secrets
from collections.abc import Awaitable, Callable, Sequence

import structlog

from vcnd.model.errors import CloudError, CloudFullError, CloudGoneError
from vcnd.model.ids import PrivateIpId, VnicId
from vcnd.model.vnic import PrivateIp
from vcnd.oci import tags, wire
from vcnd.oci.client import CoreClient
from vcnd.oci.errors import OciError, Verdict
from vcnd.oci.polling import Poller
from vcnd.oci.retry import Retrier

log = structlog.get_logger()

NO_SUCH_OPERATION = (404, 405, 501)
BULK_FROM = 4
"""A bulk action costs three calls and more: to start, to see its end, to list."""


class Addresses:
    """Creates, lists and deletes; one change of a VNIC at a time is its caller's."""

    def __init__(
        self, *, core: CoreClient, retry: Retrier, poll: Poller, cluster: str
    ) -> None:
        self._core = core
        self._cluster = cluster
        self._retry = retry
        self._poll = poll
        self._has_bulk = True

    async def on_vnic(self, vnic_id: VnicId) -> list[PrivateIp]:
        """Return a VNIC's secondary addresses and blocks, and our fixed ones on it."""

        async def list_them() -> list[wire.PrivateIp]:
            return await self._core.list_private_ips(vnic_id=vnic_id)

        return [
            as_private_ip(p, vnic_id)
            for p in await self._retry(list_them)
            if not p.is_primary and (p.lifetime != "RESERVED" or self._is_fixed(p))
        ]

    def _is_fixed(self, said: wire.PrivateIp) -> bool:
        """Tell whether a RESERVED address is a fixed one of this cluster."""
        theirs = said.freeform_tags
        return theirs.get(tags.OWNER) == self._cluster and tags.FIXED in theirs

    async def create(
        self, vnic_id: VnicId, count: int, said: dict[str, str]
    ) -> list[PrivateIp]:
        """Create single addresses on a VNIC; return them, or all that it has."""
        if count >= BULK_FROM and self._has_bulk:
            items = [wire.BulkCreatePrivateIpItem(said)] * count
            details = wire.BulkCreatePrivateIpsDetails(vnic_id, items)
            token = secrets.token_hex(15)

            async def start() -> str:
                return await self._core.bulk_create_private_ips(
                    details, retry_token=token
                )

            work = await self._bulk(start)
            if work is not None:
                return await self._made(vnic_id, work)
        return await self._create_singly(vnic_id, count, said)

    async def _made(self, vnic_id: VnicId, work: wire.WorkRequest) -> list[PrivateIp]:
        """Return a VNIC's addresses once the list has all that were just made."""
        made = {r.identifier for r in work.resources if r.action_type == "CREATED"}

        async def list_them() -> list[PrivateIp]:
            return await self.on_vnic(vnic_id)

        return await self._poll(
            f"list of what work request {work.id} made",
            list_them,
            lambda listed: listed if made <= {p.id for p in listed} else None,
        )

    async def create_block(
        self, vnic_id: VnicId, size: int, said: dict[str, str]
    ) -> PrivateIp:
        """Create an aligned block of so many addresses; the service picks it."""
        details = wire.CreatePrivateIpDetails(
            vnic_id, said, cidr_prefix_length=33 - size.bit_length()
        )
        return await self._create_one(details, vnic_id)

    async def _create_one(
        self, details: wire.CreatePrivateIpDetails, vnic_id: VnicId
    ) -> PrivateIp:
        token = secrets.token_hex(15)

        async def create() -> wire.PrivateIp:
            return await self._core.create_private_ip(details, retry_token=token)

        return as_private_ip(await self._retry(create), vnic_id)

    async def _create_singly(
        self, vnic_id: VnicId, count: int, said: dict[str, str]
    ) -> list[PrivateIp]:
        """Create one address after another: OCI changes a VNIC one at a time."""
        details = wire.CreatePrivateIpDetails(vnic_id, said)
        made: list[PrivateIp] = []
        for _ in range(count):
            try:
                made.append(await self._create_one(details, vnic_id))
            except CloudError:
                if not made:
                    raise
                break  # what was made serves; the next look asks for the rest
        return made

    async def delete(self, vnic_id: VnicId, private_ips: Sequence[PrivateIp]) -> None:
        """Delete addresses and blocks of one VNIC; those gone count as deleted."""
        if len(private_ips) >= BULK_FROM and self._has_bulk:
            items = [wire.BulkDeletePrivateIpItem(p.id) for p in private_ips]
            details = wire.BulkDeletePrivateIpsDetails(vnic_id, items)
            token = secrets.token_hex(15)

            async def start() -> str:
                return await self._core.bulk_delete_private_ips(
                    details, retry_token=token
                )

            if await self._bulk(start) is not None:
                return
        for private_ip in private_ips:

            async def delete(private_ip: PrivateIp = private_ip) -> None:
                await self._core.delete_private_ip(private_ip.id)

            try:
                await self._retry(delete)
            except CloudGoneError:
                continue

    async def _bulk(
        self, start: Callable[[], Awaitable[str]]
    ) -> wire.WorkRequest | None:
        """Start a bulk action and wait for its end; None where the API has none."""

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
            return None
        return await self._work_done(work_request_id)

    async def _work_done(self, work_request_id: str) -> wire.WorkRequest:
        async def get() -> wire.WorkRequest:
            return await self._core.get_work_request(work_request_id)

        work = await self._poll(
            f"work request {work_request_id}",
            get,
            lambda w: w if w.status in ("SUCCEEDED", "FAILED", "CANCELED") else None,
        )
        status = work.status
        if status == "SUCCEEDED":
            return work

        async def list_errors() -> list[wire.WorkRequestError]:
            return await self._core.list_work_request_errors(work_request_id)

        errors = await self._retry(list_errors)
        said = "; ".join(f"{e.code}: {e.message}" for e in errors) or status
        text = f"work request {work_request_id} {status.lower()}: {said}"
        verdicts = {_verdict_of(e) for e in errors}
        if Verdict.FULL in verdicts:
            raise CloudFullError(text)
        raise CloudGoneError(text) if Verdict.GONE in verdicts else CloudError(text)


def as_private_ip(said: wire.PrivateIp, vnic_id: VnicId) -> PrivateIp:
    """Return an address of a VNIC as the flows know it."""
    reserved = said.lifetime == "RESERVED"
    return PrivateIp(
        id=PrivateIpId(said.id),
        address=said.ip_address,
        vnic_id=vnic_id,
        prefix_length=said.cidr_prefix_length or 32,
        fixed=said.freeform_tags.get(tags.FIXED, "") if reserved else "",
    )


def _verdict_of(error: wire.WorkRequestError) -> Verdict:
    statuses = {"NotAuthorizedOrNotFound": 404}
    return OciError(
        operation="",
        status=statuses.get(error.code, 400),
        code=error.code,
        message=error.message,
        request_id="",
    ).verdict
