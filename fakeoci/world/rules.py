"""Checks of the security rules and routes of a VCN."""

from fakeoci.world.cidrs import network
from fakeoci.world.errors import invalid, not_found
from fakeoci.world.networks import of_vcn
from fakeoci.world.resources import (
    Address,
    Gateway,
    Nsg,
    RouteRule,
    SecurityRule,
    Subnet,
)
from fakeoci.world.services import CIDRS
from fakeoci.world.world import World

V6_TARGETS = ("drg", "internet", "peering")
"""The gateways that carry IPv6.

https://docs.oracle.com/en-us/iaas/Content/Network/Concepts/ipv6.htm
"""
PROTOCOLS = frozenset(map(str, range(256)))


def check_rule(world: World, rule: SecurityRule, vcn_id: str, *, of_list: bool) -> None:
    """Raise if a VCN cannot have a security rule.

    Raises:
        ServiceError: 404, it names an NSG that does not exist; 400, another fault.
    """
    number = rule.protocol
    if number != "all" and number not in PROTOCOLS:
        raise invalid(f"protocol {number!r} is neither all nor a number to 255")
    if rule.peer_type == "CIDR_BLOCK":
        network(rule.peer, 6 if ":" in rule.peer else 4)
    elif rule.peer_type == "SERVICE_CIDR_BLOCK":
        _check_service(rule.peer)
    elif of_list:
        raise invalid("a security list's rule names no network security group")
    else:
        of_vcn(world, Nsg, rule.peer, vcn_id)


def _check_service(cidr: str) -> None:
    if cidr not in CIDRS:
        raise invalid(f"{cidr!r} is not the cidrBlock of a service")


def check_route(world: World, route: RouteRule, vcn_id: str) -> None:
    """Raise if a VCN cannot have a route.

    Raises:
        ServiceError: 404, its target does not exist; 400, another fault.
    """
    target = world.objects.get(route.network_entity_id)
    if target is None:
        raise not_found()
    if not isinstance(target, Gateway | Address):
        raise invalid(f"networkEntityId {target.id} is no gateway and no private IP")
    kind = target.kind if isinstance(target, Gateway) else "address"
    if isinstance(target, Address):
        home = world.get(Subnet, target.subnet_id).vcn_id
    else:
        home = target.vcn_id
    if home != vcn_id:
        raise invalid(f"networkEntityId {target.id} is not at VCN {vcn_id}")
    by_service = route.destination_type == "SERVICE_CIDR_BLOCK"
    if by_service != (kind == "service"):
        raise invalid("a service gateway is the target of SERVICE_CIDR_BLOCK alone")
    if by_service:
        _check_service(route.destination)
        return
    block = network(route.destination, 6 if ":" in route.destination else 4)
    if block.version == 6 and kind not in V6_TARGETS:  # noqa: PLR2004
        raise invalid(
            "the target of an IPv6 prefix is a DRG, or a local peering or internet"
            " gateway"
        )
