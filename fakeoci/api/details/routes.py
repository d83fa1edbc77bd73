"""Request bodies of route tables."""

from typing import Literal

from fakeoci.api.details.base import Created, Details, Named
from fakeoci.world.labels import (
    Description,
)


class RouteRule(Details, kw_only=True):
    """RouteRule."""

    network_entity_id: str
    destination: str | None = None
    destination_type: Literal["CIDR_BLOCK", "SERVICE_CIDR_BLOCK"] | None = None
    cidr_block: str | None = None
    description: Description | None = None
    route_type: Literal["STATIC", "LOCAL"] | None = None


class CreateRouteTableDetails(Created, kw_only=True):
    """CreateRouteTableDetails."""

    vcn_id: str
    route_rules: list[RouteRule]


class UpdateRouteTableDetails(Named, kw_only=True):
    """UpdateRouteTableDetails."""

    route_rules: list[RouteRule] | None = None
