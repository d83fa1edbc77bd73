"""One method per OCI operation: no retry, no policy (docs/oci.md#operations)."""

import re
from collections.abc import Sequence
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

from vcnd.model.urgency import Urgency
from vcnd.ociapi import wire
from vcnd.ociapi.caller import Caller
from vcnd.ociapi.decode import printable
from vcnd.ociapi.kinds import Kind
from vcnd.ociapi.values import OCID

T = TypeVar("T")

MOST_PAGES = 100
"""Pages of one list, 500 objects each; a VNIC, instance or subnet has far fewer."""


class CoreClient:
    """The Core Services API, as far as we use it."""

    def __init__(self, caller: Caller, urgency: Urgency = Urgency.AUDIT) -> None:
        self._caller = caller
        self._call = partial(caller.call, urgency=urgency)

    def at(self, urgency: Urgency) -> "CoreClient":
        """Return the same API for calls of another urgency."""
        return CoreClient(self._caller, urgency)

    async def _list(
        self, operation: str, path: str, query: dict[str, str], of: type[T]
    ) -> list[T]:
        """Return all pages of a list."""
        items: list[T] = []
        pages: set[str] = set()
        query = {**query, "limit": "500"}
        while True:
            answer = await self._call(operation, "GET", path, query=query)
            items += answer.decoded(list[of])  # type: ignore[valid-type]
            page = answer.headers.get("opc-next-page")
            if not page:
                return items
            pages.add(page)
            if page == query.get("page") or len(pages) > MOST_PAGES:
                raise answer.bad(f"a list without end, page {printable(page, 64)!r}")
            query["page"] = page

    async def list_vnic_attachments(
        self, compartment_id: str, instance_id: str, *, vnic_id: str | None = None
    ) -> list[wire.VnicAttachment]:
        """List an instance's attachments, or those of one VNIC there."""
        query = {"compartmentId": compartment_id, "instanceId": instance_id}
        if vnic_id is not None:
            query["vnicId"] = vnic_id
        return await self._list(
            "ListVnicAttachments", "/vnicAttachments", query, wire.VnicAttachment
        )

    async def get_vnic_attachment(self, attachment_id: str) -> wire.VnicAttachment:
        """Get one attachment."""
        path = f"/vnicAttachments/{quote(attachment_id)}"
        answer = await self._call("GetVnicAttachment", "GET", path)
        attachment = answer.decoded(wire.VnicAttachment)
        answer.check_about(attachment.id, attachment_id)
        return attachment

    async def get_vnic(self, vnic_id: str) -> tuple[wire.Vnic, str]:
        """Return a VNIC and its etag."""
        answer = await self._call("GetVnic", "GET", f"/vnics/{quote(vnic_id)}")
        vnic = answer.decoded(wire.Vnic)
        answer.check_about(vnic.id, vnic_id)
        return vnic, answer.headers.get("etag", "")

    async def update_vnic(
        self,
        vnic_id: str,
        details: wire.UpdateVnicDetails | wire.UpdateTagsDetails,
        *,
        if_match: str = "",
    ) -> None:
        """Change a VNIC, unless it has changed since it had an etag."""
        path = f"/vnics/{quote(vnic_id)}"
        answer = await self._call(
            "UpdateVnic", "PUT", path, body=details, if_match=if_match
        )
        answer.check_about(answer.decoded(wire.Vnic).id, vnic_id)

    async def attach_vnic(
        self, details: wire.AttachVnicDetails, *, retry_token: str
    ) -> wire.VnicAttachment:
        """Start to attach a VNIC."""
        answer = await self._call(
            "AttachVnic",
            "POST",
            "/vnicAttachments",
            body=details,
            retry_token=retry_token,
        )
        return answer.decoded(wire.VnicAttachment)

    async def detach_vnic(self, attachment_id: str) -> None:
        """Start to detach a VNIC."""
        path = f"/vnicAttachments/{quote(attachment_id)}"
        (await self._call("DetachVnic", "DELETE", path)).check_bare()

    async def list_addresses(self, kind: Kind, *, vnic_id: str) -> list[wire.Address]:
        """List a VNIC's addresses of a kind, its primary one too."""
        operation, query = f"List{kind.plural}", {"vnicId": vnic_id}
        return await self._list(operation, kind.path, query, wire.Address)

    async def list_reserved(self, *, subnet_id: str) -> list[wire.Address]:
        """List a subnet's reserved private IPs."""
        query = {"subnetId": subnet_id, "lifetime": "RESERVED"}
        return await self._list("ListPrivateIps", "/privateIps", query, wire.Address)

    async def get_address(self, kind: Kind, id_: str) -> tuple[wire.Address, str]:
        """Get an address or block, and its etag."""
        path = f"{kind.path}/{quote(id_)}"
        answer = await self._call(f"Get{kind.noun}", "GET", path)
        address = answer.decoded(wire.Address)
        answer.check_about(address.id, id_)
        return address, answer.headers.get("etag", "")

    async def tag_address(
        self, kind: Kind, id_: str, body: wire.UpdateTagsDetails, *, if_match: str
    ) -> None:
        """Replace an address' tags, unless it has changed since it had an etag."""
        path, operation = f"{kind.path}/{quote(id_)}", f"Update{kind.noun}"
        answer = await self._call(operation, "PUT", path, body=body, if_match=if_match)
        answer.check_about(answer.decoded(wire.Address).id, id_)

    async def move_private_ip(
        self, private_ip_id: str, vnic_id: str, *, if_match: str
    ) -> wire.Address:
        """Move an address to a VNIC of its subnet, unless it has changed meanwhile."""
        answer = await self._call(
            "UpdatePrivateIp",
            "PUT",
            f"/privateIps/{quote(private_ip_id)}",
            body=wire.MovePrivateIpDetails(vnic_id),
            if_match=if_match,
        )
        address = answer.decoded(wire.Address)
        answer.check_about(address.id, private_ip_id)
        answer.check_about(address.vnic_id, vnic_id)
        return address

    async def detach_private_ip(self, private_ip_id: str) -> None:
        """Detach a reserved address from its VNIC."""
        path = f"/privateIps/{quote(private_ip_id)}/actions/detach"
        (await self._call("PrivateIpVnicDetach", "POST", path)).check_bare()

    async def create_address(
        self,
        kind: Kind,
        details: wire.NewAddress | wire.ReservePrivateIpDetails,
        *,
        retry_token: str,
    ) -> wire.Address:
        """Create one address or block; the service picks it."""
        answer = await self._call(
            f"Create{kind.noun}",
            "POST",
            kind.path,
            body=details,
            retry_token=retry_token,
        )
        return answer.decoded(wire.Address)

    async def delete_address(
        self, kind: Kind, address_id: str, *, if_match: str = ""
    ) -> None:
        """Delete one address, unless it has changed since it had an etag."""
        path = f"{kind.path}/{quote(address_id)}"
        operation = f"Delete{kind.noun}"
        answer = await self._call(operation, "DELETE", path, if_match=if_match)
        answer.check_bare()

    async def bulk_create(
        self,
        kind: Kind,
        vnic_id: str,
        items: Sequence[wire.NewAddress],
        *,
        retry_token: str,
    ) -> str:
        """Start to create addresses; return the work request."""
        body = {"vnicId": vnic_id, kind.create_field: items}
        return await self._bulk(f"BulkCreate{kind.plural}", kind, body, retry_token)

    async def bulk_delete(
        self, kind: Kind, vnic_id: str, ids: Sequence[str], *, retry_token: str
    ) -> str:
        """Start to delete addresses; return the work request."""
        items = [{kind.id_field: id_} for id_ in ids]
        body = {"vnicId": vnic_id, kind.delete_field: items}
        return await self._bulk(f"BulkDelete{kind.plural}", kind, body, retry_token)

    async def _bulk(
        self, operation: str, kind: Kind, body: dict[str, Any], retry_token: str
    ) -> str:
        action = operation[0].lower() + operation[1:]
        answer = await self._call(
            operation,
            "POST",
            f"{kind.path}/actions/{action}",
            body=body,
            retry_token=retry_token,
        )
        work_request_id: str = answer.headers.get("opc-work-request-id", "")
        if not re.match(OCID, work_request_id):
            raise answer.bad("no opc-work-request-id")
        return work_request_id

    async def get_work_request(self, work_request_id: str) -> wire.WorkRequest:
        """Get a work request's state."""
        path = f"/workRequests/{quote(work_request_id)}"
        answer = await self._call("GetWorkRequest", "GET", path)
        work = answer.decoded(wire.WorkRequest)
        answer.check_about(work.id, work_request_id)
        return work

    async def list_work_request_errors(
        self, work_request_id: str
    ) -> list[wire.WorkRequestError]:
        """Return the errors of a failed work request."""
        path = f"/workRequests/{quote(work_request_id)}/errors"
        return await self._list(
            "ListWorkRequestErrors", path, {}, wire.WorkRequestError
        )
