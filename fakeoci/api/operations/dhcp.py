"""Operations on DHCP options."""

from ipaddress import ip_address

import msgspec

from fakeoci.api.answers import one
from fakeoci.api.crud import changing, deleter, getter, lister, names, rename
from fakeoci.api.details.base import decode
from fakeoci.api.details.dhcp import AnyDhcpOption, CreateDhcpDetails, UpdateDhcpDetails
from fakeoci.api.service import Call, Operation, Result
from fakeoci.world.errors import conflict, invalid, missing
from fakeoci.world.networks import check_no_default
from fakeoci.world.resources import DhcpOptions, Subnet, Vcn
from fakeoci.world.world import World

MOST_SERVERS = 3


def _create_dhcp(call: Call) -> Result:
    details = decode(call.body, CreateDhcpDetails)
    made = DhcpOptions(
        vcn_id=call.world.get(Vcn, details.vcn_id).id,
        options=_options(details.options),
        compartment_id=call.world.compartment(details.compartment_id),
        **names(call, "dhcpoptions", details),
    )
    return one(call, call.world.add(made))


def _check(option: AnyDhcpOption) -> None:
    """Raise 400 unless an option is a valid DhcpDnsOption or DhcpSearchDomainOption."""
    if option.type == "SearchDomain":
        names = option.search_domain_names or []
        if len(names) != 1 or not names[0]:
            raise invalid("searchDomainNames has one name")
        return
    if option.server_type is None:
        raise missing("serverType is required of DomainNameServer")
    servers = option.custom_dns_servers or []
    if (
        option.server_type == "CustomDnsServer"
        and not 1 <= len(servers) <= MOST_SERVERS
    ):
        raise invalid(f"customDnsServers has one to {MOST_SERVERS} addresses")
    for server in servers:
        try:
            ip_address(server)
        except ValueError as error:
            raise invalid(f"customDnsServers: {error}") from error


def _options(details: list[AnyDhcpOption]) -> list[dict[str, object]]:
    for option in details:
        _check(option)
    kept = (msgspec.to_builtins(option) for option in details)
    return [{k: v for k, v in option.items() if v is not None} for option in kept]


def _update_dhcp(call: Call) -> Result:
    details = decode(call.body, UpdateDhcpDetails)
    dhcp = changing(call, DhcpOptions)
    if details.options is not None:
        dhcp.options = _options(details.options)
    rename(dhcp, details)
    call.world.touch(dhcp)
    return one(call, dhcp)


def _delete_dhcp(world: World, dhcp: DhcpOptions) -> None:
    if any(s.dhcp_options_id == dhcp.id for s in world.all(Subnet)):
        raise conflict(f"DHCP options {dhcp.id}")
    check_no_default(world, dhcp)
    world.drop(dhcp)


OPERATIONS: tuple[Operation, ...] = (
    Operation("ListDhcpOptions", "GET", "/dhcps", lister(DhcpOptions)),
    Operation("CreateDhcpOptions", "POST", "/dhcps", _create_dhcp),
    Operation("GetDhcpOptions", "GET", "/dhcps/{id}", getter(DhcpOptions)),
    Operation("UpdateDhcpOptions", "PUT", "/dhcps/{id}", _update_dhcp),
    Operation(
        "DeleteDhcpOptions", "DELETE", "/dhcps/{id}", deleter(DhcpOptions, _delete_dhcp)
    ),
)
