"""Removes what a cluster left behind in the cloud, one object at a time.

Between the search and the removal somebody may have begun to use an object: its
instance is a node again, or another node has fetched a fixed address.  So each object
is read again, and changed only if it is still what was read (If-Match).
"""

from collections.abc import Awaitable, Callable
from collections.abc import Set as AbstractSet
from functools import partial

from vcnd.model.errors import CloudError, CloudGoneError
from vcnd.model.leftovers import Leftover
from vcnd.oci import tags
from vcnd.oci.gone import is_there, unless_gone
from vcnd.ociapi import wire
from vcnd.ociapi.client import CoreClient
from vcnd.ociapi.kinds import PRIVATE_IP
from vcnd.ociapi.polling import Poller
from vcnd.ociapi.retry import Retrier

DETACH_SECONDS = 120.0
"""How long a detachment may take (docs/oci.md#rates-and-latencies)."""
SWEPT = "swept"
"""The node that the tag of a VNIC names before it is detached: no node's daemon takes
it any more, and a sweep finds it again."""


class InUseError(Exception):
    """Somebody uses the object now; says who."""


class Removal:
    """Removes leftovers of one cluster."""

    def __init__(
        self,
        *,
        core: CoreClient,
        retry: Retrier,
        cluster: str,
        nodes: Callable[[], Awaitable[AbstractSet[str]]],
    ) -> None:
        """Note who is asked.

        Args:
            core: the API.
            retry: its retries.
            cluster: the tag that the objects have.
            nodes: returns the instances that are nodes at that time.
        """
        self._core = core
        self._retry = retry
        self._cluster = cluster
        self._nodes = nodes
        self._poll = Poller(retry, wait_seconds=DETACH_SECONDS)

    async def remove(self, left: Leftover) -> str:
        """Remove an object; return an empty text, or why it stays."""
        try:
            if left.fixed:
                await self._delete(left)
            else:
                await self._detach(left)
        except CloudGoneError:
            return ""  # somebody else has removed it
        except (CloudError, InUseError) as error:
            return str(error)
        return ""

    async def _delete(self, left: Leftover) -> None:
        read = partial(self._core.get_address, PRIVATE_IP, left.id)
        address, etag = await self._retry(read)
        if address.vnic_id:
            raise InUseError(f"VNIC {address.vnic_id} has it now")
        self._check_owner(address.freeform_tags)
        delete = partial(self._core.delete_address, PRIVATE_IP, left.id)
        await unless_gone(
            partial(self._retry, delete, if_match=etag),
            partial(is_there, partial(self._retry, read)),
        )

    async def _detach(self, left: Leftover) -> None:
        if left.instance_id in await self._nodes():
            raise InUseError(f"instance {left.instance_id} is a node now")
        attachment, attached = await self._retry(
            self._core.get_vnic_attachment, left.attachment_id
        )
        if attachment.lifecycle_state != "ATTACHED" or attachment.vnic_id != left.id:
            raise InUseError(f"its attachment is {attachment.lifecycle_state}")
        vnic, etag = await self._retry(self._core.get_vnic, left.id)
        self._check_owner(vnic.freeform_tags)
        if vnic.freeform_tags.get(tags.NODE, "") != left.tagged:
            raise InUseError("its tag names another instance than it did")
        details = wire.UpdateTagsDetails(vnic.freeform_tags | {tags.NODE: SWEPT})
        await self._retry(self._core.update_vnic, left.id, details, if_match=etag)
        detach = partial(self._core.detach_vnic, left.attachment_id)
        await unless_gone(
            partial(self._retry, detach, if_match=attached),
            partial(self._is_attached, left.attachment_id),
        )
        await self._poll.begun(
            f"detachment of {left.id}", _is_over, self._look, left.attachment_id
        )

    async def _is_attached(self, attachment_id: str) -> bool:
        return await self._look(attachment_id) in ("ATTACHING", "ATTACHED")

    async def _look(self, attachment_id: str) -> str:
        """Return the state of an attachment; one that is gone is DETACHED."""
        try:
            attachment, _ = await self._retry(
                self._core.get_vnic_attachment, attachment_id
            )
        except CloudGoneError:
            return "DETACHED"
        return attachment.lifecycle_state

    def _check_owner(self, theirs: dict[str, str]) -> None:
        owner = theirs.get(tags.OWNER)
        if owner != self._cluster:
            raise InUseError(f"its tag names the cluster {owner!r} now")


def _is_over(state: str) -> bool | None:
    return True if state == "DETACHED" else None
