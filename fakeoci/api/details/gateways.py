"""Request bodies of gateways."""

from fakeoci.api.details.base import Created, Details, Named, SecurityAttributes


class CreatedGateway(Created, kw_only=True):
    """The fields with which all gateways of a VCN are created."""

    vcn_id: str
    route_table_id: str | None = None


class CreateInternetGatewayDetails(CreatedGateway, kw_only=True):
    """CreateInternetGatewayDetails."""

    is_enabled: bool


class CreateNatGatewayDetails(CreatedGateway, kw_only=True):
    """CreateNatGatewayDetails."""

    block_traffic: bool | None = None
    public_ip_id: str | None = None


class CreateLocalPeeringGatewayDetails(CreatedGateway, kw_only=True):
    """CreateLocalPeeringGatewayDetails."""

    security_attributes: SecurityAttributes | None = None


class ConnectLocalPeeringGatewaysDetails(Details, kw_only=True):
    """ConnectLocalPeeringGatewaysDetails."""

    peer_id: str


class ServiceIdRequestDetails(Details, kw_only=True):
    """ServiceIdRequestDetails."""

    service_id: str


class CreateServiceGatewayDetails(CreatedGateway, kw_only=True):
    """CreateServiceGatewayDetails."""

    services: list[ServiceIdRequestDetails]


class UpdateServiceGatewayDetails(Named, kw_only=True):
    """UpdateServiceGatewayDetails."""

    block_traffic: bool | None = None
    services: list[ServiceIdRequestDetails] | None = None
    route_table_id: str | None = None
