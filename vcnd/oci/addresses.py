"""A VNIC's addresses: singles, blocks, and many in one request."""

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from ipaddress import ip_address
from itertools import pairwise

import msgspec
from msgspec.structs import replace

from vcnd.log import log
from vcnd.model.cause import Cause
from vcnd.model.errors import CloudError, CloudFullError, CloudGoneError
from vcnd.model.family import Family, family_of
from vcnd.model.ids import PrivateIpId, VnicId
from vcnd.model.vnic import BULK_FROM, MOST_ADDRESSES, PrivateIp
from vcnd.oci import tags
from vcnd.oci.direct import Direct
from vcnd.oci.gone import unless_gone
from vcnd.ociapi import wire
from vcnd.ociapi.client import CoreClient
from vcnd.ociapi.errors import BadAnswerError, OciError, Verdict
from vcnd.ociapi.kinds import IPV6, KINDS, Kind
from vcnd.ociapi.polling import Poller
from vcnd.ociapi.retry import Retrier
from vcnd.ports import Begun

NO_SUCH_OPERATION = (404, 405, 501)
ENDED = ("SUCCEEDED", "FAILED", "CANCELED")
"""The states that a work request stays in."""


class OnVnic(msgspec.Struct, frozen=True):
    """A VNIC's addresses for pods."""

    private_ips: list[PrivateIp]
    untagged: list[PrivateIp]
    """Known addresses that have lost our tags."""


class BulkSupport:
    """Whether the API has bulk actions: assumed until a refusal shows otherwise."""

    def __init__(self) -> None:
        self.assumed = True

    async def start(self, action: Callable[[], Awaitable[str]]) -> str | None:
        """Start an action; return its work request, None where the API has no such.

        A missing object has its own code; a missing operation has not.
        """
        try:
            return await action()
        except OciError as error:
            known = error.code == "NotAuthorizedOrNotFound"
            if error.status not in NO_SUCH_OPERATION or known:
                raise
        log.warning("bulk_actions_unsupported", consequence="addresses singly")
        self.assumed = False
        return None


class Addresses:
    """Creates, lists and deletes addresses; the caller changes a VNIC serially."""

    def __init__(
        self,
        *,
        core: CoreClient,
        retry: Retrier,
        poll: Poller,
        cluster: str,
        bulk: BulkSupport,
        direct: Direct,
    ) -> None:
        self._core = core
        self._cluster = cluster
        self._retry = retry
        self._poll = poll
        self._bulk = bulk
        self._direct = direct

    async def on_vnic(
        self,
        vnic_id: VnicId,
        family: Family,
        known: Mapping[PrivateIpId, PrivateIp] | None = None,
    ) -> OnVnic:
        """Return a VNIC's secondary addresses and blocks, and our fixed ones on it.

        Args:
            vnic_id: the VNIC.
            family: of the addresses.
            known: our addresses, whatever their tags say.
        """
        return await self._retry(self._list, KINDS[family], vnic_id, known or {})

    async def _list(
        self, kind: Kind, vnic_id: VnicId, known: Mapping[PrivateIpId, PrivateIp]
    ) -> OnVnic:
        found: list[PrivateIp] = []
        untagged: list[PrivateIp] = []
        for body in await self._core.list_addresses(kind, vnic_id=vnic_id):
            held = known.get(PrivateIpId(body.id))
            if self._is_pods(body, kind):
                found.append(as_private_ip(body, vnic_id, kind))
            elif held is not None:
                here = replace(held, vnic_id=vnic_id)  # others may have moved it
                found.append(here)
                untagged.append(here)
        _check_together(found, kind)
        return OnVnic(found, untagged)

    def _is_pods(self, body: wire.Address, kind: Kind) -> bool:
        """Return True if an address is for pods: others' have not our tag.

        Nor has a VNIC's own IPv6 address, which is an object like others.
        """
        theirs = body.freeform_tags
        if theirs.get(tags.OWNER) != self._cluster or body.is_primary:
            return False
        reserved = body.lifetime == "RESERVED"
        return not reserved or (kind is not IPV6 and tags.FIXED in theirs)

    async def create(
        self, vnic_id: VnicId, count: int, family: Family, new: wire.NewAddress
    ) -> list[PrivateIp]:
        """Create single addresses on a VNIC; return them, or all of the VNIC's."""
        kind = KINDS[family]
        if count >= BULK_FROM and self._bulk.assumed:
            items, token = [new] * count, secrets.token_hex(15)
            create = self._core.bulk_create
            work = await self._carry_out(
                partial(create, kind, vnic_id, items, retry_token=token)
            )
            if work is not None:
                return await self._made(vnic_id, family, work)
        return await self._create_singly(vnic_id, count, kind, new)

    async def _made(
        self, vnic_id: VnicId, family: Family, work: wire.WorkRequest
    ) -> list[PrivateIp]:
        """Return a VNIC's addresses once the list has all new ones."""
        made = {r.identifier for r in work.resources if r.action_type == "CREATED"}
        listed = await self._poll(
            f"list of what work request {work.id} made",
            lambda seen: seen if made <= {p.id for p in seen.private_ips} else None,
            self.on_vnic,
            vnic_id,
            family,
        )
        return listed.private_ips

    async def create_block(
        self, vnic_id: VnicId, size: int, family: Family, new: wire.NewAddress
    ) -> PrivateIp:
        """Create an aligned block of so many addresses; the service picks it."""
        prefix = family.bits + 1 - size.bit_length()
        details = replace(new, vnic_id=vnic_id, cidr_prefix_length=prefix)
        token = secrets.token_hex(15)
        return await self._retry(
            self._create_one, vnic_id, KINDS[family], details, token
        )

    async def _create_one(
        self, vnic_id: VnicId, kind: Kind, details: wire.NewAddress, token: str
    ) -> PrivateIp:
        body = await self._core.create_address(kind, details, retry_token=token)
        made = as_private_ip(body, vnic_id, kind)
        if made.prefix_length != (details.cidr_prefix_length or kind.family.bits):
            raise BadAnswerError(f"Create{kind.noun}", f"{made} was not asked for")
        return made

    async def _create_singly(
        self, vnic_id: VnicId, count: int, kind: Kind, new: wire.NewAddress
    ) -> list[PrivateIp]:
        """Create one address after another: OCI changes a VNIC one at a time."""
        details = replace(new, vnic_id=vnic_id)
        made: list[PrivateIp] = []
        for _ in range(count):
            token = secrets.token_hex(15)
            try:
                made.append(
                    await self._retry(self._create_one, vnic_id, kind, details, token)
                )
            except CloudError:
                if not made:
                    raise
                break  # the created ones serve; the next reconcile asks for the rest
        return made

    async def delete(
        self,
        vnic_id: VnicId,
        private_ips: Sequence[PrivateIp],
        begun: Begun,
    ) -> None:
        """Delete addresses and blocks of one VNIC; those gone count as deleted.

        What others have moved to another VNIC stays: it may serve a pod there.
        """
        for family, kind in KINDS.items():
            some = [p for p in private_ips if p.family is family]
            if len(some) >= BULK_FROM:
                await self._delete(vnic_id, kind, some, begun)
            else:
                await self._delete_singly(vnic_id, kind, some)

    async def _delete(
        self,
        vnic_id: VnicId,
        kind: Kind,
        private_ips: Sequence[PrivateIp],
        begun: Begun,
    ) -> None:
        """Delete many of one family."""
        if self._bulk.assumed:
            ids, token = [p.id for p in private_ips], secrets.token_hex(15)
            delete = partial(self._core.bulk_delete, kind, vnic_id, ids)
            work = await self._retry(
                self._bulk.start, partial(delete, retry_token=token)
            )
            if work is not None:
                await begun(work, private_ips)
                await self._work_done(work)
                return
        await begun(None, private_ips)
        await self._delete_singly(vnic_id, kind, private_ips)

    async def _delete_singly(
        self, vnic_id: VnicId, kind: Kind, private_ips: Sequence[PrivateIp]
    ) -> None:
        for private_ip in private_ips:
            with suppress(CloudGoneError):
                await self._delete_one(vnic_id, kind, private_ip)

    async def _delete_one(
        self, vnic_id: VnicId, kind: Kind, private_ip: PrivateIp
    ) -> None:
        """Delete one, unless others have moved it; a bulk action names the VNIC."""
        found, etag = await self._retry(self._core.get_address, kind, private_ip.id)
        if found.vnic_id in (vnic_id, None):
            delete = partial(self._core.delete_address, kind, private_ip.id)
            await unless_gone(
                partial(self._retry, delete, if_match=etag),
                partial(self._direct.has_address, private_ip),
            )

    async def _carry_out(
        self, action: Callable[[], Awaitable[str]]
    ) -> wire.WorkRequest | None:
        """Run a bulk action to its end; return None if the API has no bulk actions."""
        work_request_id = await self._retry(self._bulk.start, action)
        if work_request_id is None:
            return None
        return await self._work_done(work_request_id)

    async def has_ended(self, work_request_id: str) -> bool:
        """Return True if a work request has ended, well or not."""
        work = await self._retry(self._core.get_work_request, work_request_id)
        return work.status in ENDED

    async def _work_done(self, work_request_id: str) -> wire.WorkRequest:
        work = await self._poll.begun(
            f"work request {work_request_id}",
            lambda w: w if w.status in ENDED else None,
            self._core.get_work_request,
            work_request_id,
        )
        status = work.status
        if status == "SUCCEEDED":
            return work
        errors = await self._retry(self._core.list_work_request_errors, work_request_id)
        reasons = "; ".join(f"{e.code}: {e.message}" for e in errors) or status
        text = f"work request {work_request_id} {status.lower()}: {reasons}"
        verdicts = {_verdict_of(e) for e in errors}
        if Verdict.FULL in verdicts:
            raise CloudFullError(text)
        if Verdict.GONE in verdicts:
            raise CloudGoneError(text)
        raise CloudError(text, cause=Cause.SERVER_ERROR)


def as_private_ip(body: wire.Address, vnic_id: VnicId, kind: Kind) -> PrivateIp:
    """Return an address of a VNIC as a value of the model.

    Raises:
        BadAnswerError: it is of another VNIC or family.
    """
    reserved = body.lifetime == "RESERVED"
    address = str(ip_address(body.ip_address))
    if family_of(address) is not kind.family:
        raise BadAnswerError(kind.noun, f"{address} is no {kind.family} address")
    if body.vnic_id not in (None, vnic_id):
        raise BadAnswerError(kind.noun, f"{address} is on another VNIC")
    return PrivateIp(
        id=PrivateIpId(body.id),
        address=address,
        vnic_id=vnic_id,
        prefix_length=body.cidr_prefix_length or kind.family.bits,
        fixed=body.freeform_tags.get(tags.FIXED, "") if reserved else "",
    )


def _check_together(found: Sequence[PrivateIp], kind: Kind) -> None:
    """Raise unless a VNIC can have all of these at once.

    The ledger holds each address, so their number is checked first.
    """
    operation = f"List{kind.plural}"
    if sum(p.size for p in found) > MOST_ADDRESSES:
        why = f"more than {MOST_ADDRESSES} addresses of pods on one VNIC"
        raise BadAnswerError(operation, why)
    if len({p.id for p in found}) < len(found):
        raise BadAnswerError(operation, "an OCID twice")
    ranges = sorted(
        ((int(ip_address(p.address)), p) for p in found), key=lambda r: r[0]
    )
    for (first, one), (second, other) in pairwise(ranges):
        if first + one.size > second:
            why = f"{one.address} and {other.address} are one in the other"
            raise BadAnswerError(operation, why)


def _verdict_of(error: wire.WorkRequestError) -> Verdict:
    statuses = {"NotAuthorizedOrNotFound": 404}
    return OciError(
        operation="",
        status=statuses.get(error.code, 400),
        code=error.code,
        message=error.message,
        request_id="",
    ).verdict
