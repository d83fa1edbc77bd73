"""Request bodies of DHCP options."""

from typing import Literal

from fakeoci.api.details.base import Created, Details, Named

DomainNameType = Literal["SUBNET_DOMAIN", "VCN_DOMAIN", "CUSTOM_DOMAIN"]


class AnyDhcpOption(Details, kw_only=True):
    """DhcpDnsOption and DhcpSearchDomainOption."""

    type: Literal["DomainNameServer", "SearchDomain"]
    server_type: (
        Literal["VcnLocal", "VcnLocalPlusInternet", "CustomDnsServer"] | None
    ) = None
    custom_dns_servers: list[str] | None = None
    search_domain_names: list[str] | None = None


class CreateDhcpDetails(Created, kw_only=True):
    """CreateDhcpDetails."""

    vcn_id: str
    options: list[AnyDhcpOption]
    domain_name_type: DomainNameType | None = None


class UpdateDhcpDetails(Named, kw_only=True):
    """UpdateDhcpDetails."""

    options: list[AnyDhcpOption] | None = None
    domain_name_type: DomainNameType | None = None
