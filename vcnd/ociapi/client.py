"""One method per OCI operation: no retry, no policy (docs/oci.md#operations)."""

import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

from vcnd.foreign import printable
from vcnd.model.metrics import MetricFamily
from vcnd.model.permissions import StatementStatus
from vcnd.model.status import BudgetStatus
from vcnd.model.urgency import Urgency
from vcnd.ociapi import rule_wire, wire
from vcnd.ociapi.caller import Caller
from vcnd.ociapi.kinds import Kind
from vcnd.ociapi.values import OCID

T = TypeVar("T")


class _Object(Protocol):
    @property
    def id(self) -> str: ...


Found = TypeVar("Found", bound=_Object)

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

    def budget(self) -> BudgetStatus:
        """Return how fast calls of any urgency may go now."""
        return self._caller.budget()

    def permissions(self) -> tuple[StatementStatus, ...]:
        """Return which policy statements the calls have shown, of any urgency."""
        return self._caller.permissions()

    def families(self) -> Iterator[MetricFamily]:
        """Yield the metrics of all calls, of any urgency."""
        return self._caller.families()

    async def _get(
        self, operation: str, path: str, id_: str, kind: type[Found]
    ) -> tuple[Found, str]:
        """Return an object of a path, and its etag."""
        answer = await self._call(operation, "GET", f"{path}/{quote(id_)}")
        found: Found = answer.decoded(kind)
        answer.check_about(found.id, id_)
        return found, answer.headers.get("etag", "")

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

    async def list_instances(self, compartment_id: str) -> list[wire.Instance]:
        """List a compartment's instances; those that ended stay listed for a while."""
        query = {"compartmentId": compartment_id}
        return await self._list("ListInstances", "/instances", query, wire.Instance)

    async def list_vnic_attachments(
        self,
        compartment_id: str,
        instance_id: str | None = None,
        *,
        vnic_id: str | None = None,
    ) -> list[wire.VnicAttachment]:
        """List a compartment's attachments, an instance's, or those of one VNIC."""
        query = {"compartmentId": compartment_id}
        if instance_id is not None:
            query["instanceId"] = instance_id
        if vnic_id is not None:
            query["vnicId"] = vnic_id
        return await self._list(
            "ListVnicAttachments", "/vnicAttachments", query, wire.VnicAttachment
        )

    async def get_vnic_attachment(
        self, attachment_id: str
    ) -> tuple[wire.VnicAttachment, str]:
        """Return one attachment and its etag."""
        kind, path = wire.VnicAttachment, "/vnicAttachments"
        return await self._get("GetVnicAttachment", path, attachment_id, kind)

    async def get_vnic(self, vnic_id: str) -> tuple[wire.Vnic, str]:
        """Return a VNIC and its etag."""
        return await self._get("GetVnic", "/vnics", vnic_id, wire.Vnic)

    async def get_subnet(self, subnet_id: str) -> wire.Subnet:
        """Return a subnet."""
        return (await self._get("GetSubnet", "/subnets", subnet_id, wire.Subnet))[0]

    async def get_subnet_use(self, subnet_id: str) -> list[wire.CidrUse]:
        """Return how full each CIDR of a subnet is."""
        path = f"/ipInventory/subnets/{quote(subnet_id)}/cidrs"
        answer = await self._call("GetSubnetCidrUtilization", "GET", path)
        return answer.decoded(wire.SubnetUse).ip_inventory_cidr_utilization_summary

    async def get_vcn(self, vcn_id: str) -> wire.Vcn:
        """Return a VCN."""
        return (await self._get("GetVcn", "/vcns", vcn_id, wire.Vcn))[0]

    async def list_subnets(self, compartment_id: str, vcn_id: str) -> list[wire.Subnet]:
        """List the subnets of a VCN that are in a compartment."""
        query = {"compartmentId": compartment_id, "vcnId": vcn_id}
        return await self._list("ListSubnets", "/subnets", query, wire.Subnet)

    async def get_security_list(self, list_id: str) -> rule_wire.SecurityList:
        """Return a security list."""
        kind, path = rule_wire.SecurityList, "/securityLists"
        return (await self._get("GetSecurityList", path, list_id, kind))[0]

    async def list_nsg_rules(self, nsg_id: str) -> list[rule_wire.Rule]:
        """List the rules of a network security group."""
        operation = "ListNetworkSecurityGroupSecurityRules"
        path = f"/networkSecurityGroups/{quote(nsg_id)}/securityRules"
        return await self._list(operation, path, {}, rule_wire.Rule)

    async def get_route_table(self, table_id: str) -> rule_wire.RouteTable:
        """Return a route table."""
        kind, path = rule_wire.RouteTable, "/routeTables"
        return (await self._get("GetRouteTable", path, table_id, kind))[0]

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

    async def detach_vnic(self, attachment_id: str, *, if_match: str = "") -> None:
        """Start to detach a VNIC, unless the attachment has changed since."""
        path = f"/vnicAttachments/{quote(attachment_id)}"
        answer = await self._call("DetachVnic", "DELETE", path, if_match=if_match)
        answer.check_bare()

    async def list_addresses(self, kind: Kind, *, vnic_id: str) -> list[wire.Address]:
        """List a VNIC's addresses of a kind, its primary one too."""
        operation, query = f"List{kind.plural}", {"vnicId": vnic_id}
        return await self._list(operation, kind.path, query, wire.Address)

    async def list_addresses_in(
        self, kind: Kind, *, subnet_id: str, ip_address: str = ""
    ) -> list[wire.Address]:
        """List a subnet's addresses and blocks; of one address, if it is named."""
        query = {"subnetId": subnet_id}
        query |= {"ipAddress": ip_address} if ip_address else {}
        return await self._list(f"List{kind.plural}", kind.path, query, wire.Address)

    async def list_reserved(self, *, subnet_id: str) -> list[wire.Address]:
        """List a subnet's reserved private IPs."""
        query = {"subnetId": subnet_id, "lifetime": "RESERVED"}
        return await self._list("ListPrivateIps", "/privateIps", query, wire.Address)

    async def get_address(self, kind: Kind, id_: str) -> tuple[wire.Address, str]:
        """Get an address or block, and its etag."""
        return await self._get(f"Get{kind.noun}", kind.path, id_, wire.Address)

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

    async def detach_private_ip(self, private_ip_id: str, *, if_match: str) -> None:
        """Detach a reserved address from its VNIC, unless it has changed meanwhile."""
        path = f"/privateIps/{quote(private_ip_id)}/actions/detach"
        answer = await self._call(
            "PrivateIpVnicDetach", "POST", path, if_match=if_match
        )
        answer.check_bare()

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
