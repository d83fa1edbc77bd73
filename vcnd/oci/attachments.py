"""Attachments of VNICs: waits until a VNIC can be used, and until it is gone."""

from functools import partial

import trio

from vcnd.model.cause import Cause
from vcnd.model.errors import CloudError, CloudRefusedError
from vcnd.model.ids import VnicId
from vcnd.oci.direct import GONE_STATES, Direct
from vcnd.oci.gone import unless_gone
from vcnd.oci.where import Where
from vcnd.ociapi import wire
from vcnd.ociapi.client import CoreClient
from vcnd.ociapi.polling import Poller
from vcnd.ociapi.retry import Retrier

ATTACHED_STATES = ("ATTACHING", "ATTACHED", "DETACHING")
"""In these a VNIC takes one of its instance's slots."""
ATTACHMENT_SECONDS = 15.0
"""Interval at which the API is asked for an attachment that IMDS does not show."""


class Attachments:
    """The attachments of this instance."""

    def __init__(
        self,
        *,
        core: CoreClient,
        where: Where,
        retry: Retrier,
        poll: Poller,
        direct: Direct,
    ) -> None:
        self._core = core
        self._where = where
        self._retry = retry
        self._poll = poll
        self._direct = direct

    async def listed(self, vnic_id: VnicId | None = None) -> list[wire.VnicAttachment]:
        """Ask once for the attachments, or for those of one VNIC."""
        here = await self._where.known()
        return await self._core.list_vnic_attachments(
            here.compartment_id, here.id, vnic_id=vnic_id
        )

    async def has(self, vnic_id: VnicId) -> bool:
        """Ask for a VNIC by its OCID; return False if it is gone or terminating.

        What is so new that no list has it may not be found either.  But a VNIC that
        has come to the node is in IMDS, which is another service.
        """
        state = await self._direct.vnic_state(vnic_id)
        if state:
            return state not in GONE_STATES
        return vnic_id in await self._retry(self._where.vnics)

    async def vnic(self, attachment_id: str, known: set[str]) -> wire.ImdsVnic:
        """Wait until an attachment is complete, and return its VNIC.

        IMDS costs no API call.  The API is asked when IMDS lists an unknown VNIC, and
        now and then, for attachments that turn to DETACHING by themselves.

        Args:
            attachment_id: the attachment.
            known: VNICs that are others; those found on the way are added.
        """
        asked_at = trio.current_time()

        async def ask() -> wire.ImdsVnic | None:
            nonlocal asked_at
            vnics = await self._retry(self._where.vnics)
            fresh = vnics.keys() - known
            now = trio.current_time()
            if not fresh and now - asked_at < ATTACHMENT_SECONDS:
                return None
            asked_at = now
            attachment, _ = await self._retry(
                self._core.get_vnic_attachment, attachment_id
            )
            vnic_id = _attached_vnic(attachment)
            if vnic_id is None:
                known.update(fresh)
                return None
            # IMDS may tell of a new VNIC before it knows its address.
            found = vnics.get(vnic_id)
            return found if found is not None and found.private_ip else None

        return await self._poll(f"attachment {attachment_id}", lambda v: v, ask)

    async def detach(self, vnic_id: VnicId) -> None:
        """Detach a VNIC and wait until it is gone.

        Raises:
            CloudError: OCI refuses, or no list has the VNIC yet.
        """
        found = await self._retry(self.listed, vnic_id)
        if not found:
            # Gone, or so new that no list has it: a new one must not be given up.
            if await self.has(vnic_id):
                raise CloudError(
                    f"VNIC {vnic_id} is in no list of attachments yet",
                    cause=Cause.NOT_LISTED,
                )
            return
        for attachment in found:
            if attachment.lifecycle_state != "DETACHED":
                await unless_gone(
                    partial(self._retry, self._core.detach_vnic, attachment.id),
                    partial(self._is_attached, vnic_id),
                )
        await self._poll.begun(
            f"detachment of {vnic_id}",
            lambda them: all(a.lifecycle_state == "DETACHED" for a in them) or None,
            self.listed,
            vnic_id,
        )

    async def _is_attached(self, vnic_id: VnicId) -> bool:
        """Return False if a VNIC is gone, or its detachment has begun."""
        found = await self._retry(self.listed, vnic_id)
        if not found:
            return await self.has(vnic_id)
        return any(a.lifecycle_state in ("ATTACHING", "ATTACHED") for a in found)


def _attached_vnic(attachment: wire.VnicAttachment) -> str | None:
    if attachment.lifecycle_state in ("DETACHING", "DETACHED"):
        # Seen in practice: an attachment that turns to DETACHING by itself.
        raise CloudRefusedError(
            f"attachment {attachment.id} went to {attachment.lifecycle_state} by itself"
        )
    return attachment.vnic_id if attachment.lifecycle_state == "ATTACHED" else None
