"""Request bodies of dynamic routing gateways and their attachments.

Fields of DRG route tables are accepted and not acted upon: the fake has no such tables.
"""

from typing import Literal

from fakeoci.api.details.base import Created, Details, Named


class CreateDrgDetails(Created, kw_only=True):
    """CreateDrgDetails."""


class VcnNetwork(Details, kw_only=True):
    """VcnDrgAttachmentNetworkCreateDetails."""

    type: str
    id: str
    route_table_id: str | None = None
    vcn_route_type: Literal["STATIC", "LOCAL"] | None = None


class CreateDrgAttachmentDetails(Named, kw_only=True):
    """CreateDrgAttachmentDetails."""

    drg_id: str
    vcn_id: str | None = None
    network_details: VcnNetwork | None = None
    drg_route_table_id: str | None = None
    route_table_id: str | None = None
    drg_nat_policy_id: str | None = None
    does_preserve_original_routes_with_nat: bool | None = None


class ChangedVcnNetwork(Details, kw_only=True):
    """VcnDrgAttachmentNetworkUpdateDetails."""

    type: Literal["VCN"]
    route_table_id: str | None = None
    vcn_route_type: Literal["STATIC", "LOCAL"] | None = None


class UpdateDrgAttachmentDetails(Named, kw_only=True):
    """UpdateDrgAttachmentDetails."""

    network_details: ChangedVcnNetwork | None = None
    drg_route_table_id: str | None = None
    route_table_id: str | None = None
    export_drg_route_distribution_id: str | None = None
    drg_nat_policy_id: str | None = None
    does_preserve_original_routes_with_nat: bool | None = None
