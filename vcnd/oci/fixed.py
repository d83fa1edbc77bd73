"""Fixed addresses: RESERVED private IPs, found by a tag, on one VNIC at a time.

Two nodes may look for the same one at the same time.  If both find none and create
one, all nodes agree on the one that stays, and the other is deleted before it serves.
An address moves to a VNIC only if it is on none, and only if it has not changed
meanwhile (if-match).
"""

import secrets
from functools import partial

from vcnd.log import log
from vcnd.model.cause import Cause
from vcnd.model.errors import (
    AddressHeldError,
    CloudError,
    CloudGoneError,
    CloudRefusedError,
)
from vcnd.model.vnic import PrivateIp, Vnic
from vcnd.oci import tags
from vcnd.oci.addresses import as_private_ip
from vcnd.oci.direct import Direct
from vcnd.oci.gone import is_there, unless_gone
from vcnd.ociapi import wire
from vcnd.ociapi.client import CoreClient
from vcnd.ociapi.errors import BadAnswerError
from vcnd.ociapi.kinds import PRIVATE_IP
from vcnd.ociapi.polling import Poller
from vcnd.ociapi.retry import Retrier


class FixedAddresses:
    """The fixed addresses of one cluster."""

    def __init__(
        self,
        *,
        core: CoreClient,
        retry: Retrier,
        poll: Poller,
        cluster: str,
        direct: Direct,
    ) -> None:
        self._core = core
        self._retry = retry
        self._poll = poll
        self._cluster = cluster
        self._direct = direct

    async def fetch(self, name: str, vnic: Vnic) -> PrivateIp:
        """Bring the address of a name to a VNIC.

        Raises:
            AddressHeldError: it is on another VNIC.
            CloudError: the cloud did not answer, or refused.
        """
        found = await self._retry(self._find, name, vnic.subnet_id)
        if not found:
            made = await self._make(name, vnic.subnet_id)
            found = await self._poll(
                f"list with fixed address {name}",
                lambda some: some if made.id in {p.id for p in some} else None,
                self._find,
                name,
                vnic.subnet_id,
            )
        agreed = await self._agreed(found)
        _refuse_held(agreed, vnic)  # tries of many nodes cost one call each
        address, etag = await self._get(agreed.id)
        _refuse_held(address, vnic)
        if address.vnic_id is None:
            address = await self._move(address.id, vnic, etag)
            log.info(
                "fixed_address_fetched",
                name=name,
                address=address.ip_address,
                vnic=vnic.id,
            )
        try:
            return as_private_ip(address, vnic.id, PRIVATE_IP)
        except BadAnswerError as error:
            raise CloudError(str(error), cause=Cause.BAD_ANSWER) from error

    async def _find(self, name: str, subnet_id: str) -> list[wire.Address]:
        mine = self._tags(name)
        listed = await self._core.list_reserved(subnet_id=subnet_id)
        return [p for p in listed if mine.items() <= p.freeform_tags.items()]

    async def _agreed(self, found: list[wire.Address]) -> wire.Address:
        """Return one of several: the one that serves, or the first by OCID.

        The others, created at the same time by other nodes, are deleted.
        """
        first, *rest = sorted(found, key=lambda p: (p.vnic_id is None, p.id))
        for other in rest:
            address, etag = await self._get(other.id)
            if address.vnic_id is None:
                await self._delete(address.id, etag)
                log.info(
                    "fixed_address_deleted", address=address.ip_address, kept=first.id
                )
        return first

    async def _delete(self, private_ip_id: str, if_match: str) -> None:
        delete = partial(self._core.delete_address, PRIVATE_IP, private_ip_id)
        await unless_gone(
            partial(self._retry, delete, if_match=if_match),
            partial(is_there, partial(self._get, private_ip_id)),
        )

    async def _make(self, name: str, subnet_id: str) -> wire.Address:
        details = wire.ReservePrivateIpDetails(subnet_id, name, self._tags(name))
        token = secrets.token_hex(15)
        return await self._retry(
            self._core.create_address, PRIVATE_IP, details, retry_token=token
        )

    async def _get(self, private_ip_id: str) -> tuple[wire.Address, str]:
        return await self._retry(self._core.get_address, PRIVATE_IP, private_ip_id)

    async def _move(
        self, private_ip_id: str, vnic: Vnic, if_match: str
    ) -> wire.Address:
        return await self._retry(
            self._core.move_private_ip, private_ip_id, vnic.id, if_match=if_match
        )

    async def release(self, private_ip: PrivateIp) -> None:
        """Detach a fixed address from its VNIC, if it is there.

        By now it may be on another node's: an earlier try has succeeded without an
        answer, say, and a pod there has fetched it.
        """
        try:
            address, etag = await self._get(private_ip.id)
        except CloudGoneError:
            return
        if address.vnic_id != private_ip.vnic_id:
            return
        detach = partial(self._core.detach_private_ip, private_ip.id, if_match=etag)
        try:
            await self._retry(detach)
        except CloudRefusedError:
            # An earlier try may have succeeded, and its answer been lost.
            if await self._direct.has_address(private_ip):
                raise

    def _tags(self, name: str) -> dict[str, str]:
        return {tags.OWNER: self._cluster, tags.FIXED: name}


def _refuse_held(address: wire.Address, vnic: Vnic) -> None:
    if address.vnic_id not in (None, vnic.id):
        raise AddressHeldError(
            f"{address.ip_address} is on VNIC {address.vnic_id}: it comes when its"
            " pod there has ended; of a node that will not come back, terminate the"
            f" instance or take {address.id} from the VNIC"
        )
