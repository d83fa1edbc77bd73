"""CIDR blocks that a VCN or a subnet may have."""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network

from fakeoci.world.addresses import Network
from fakeoci.world.errors import invalid

VCN_PREFIXES = range(16, 31)
SUBNET_V6_PREFIX = 64
VCN_V6_PREFIX = 56
GUA = IPv6Network("2603:c020::/28")
"""Oracle's global block; VCNs get their /56s from it."""

RESERVED = tuple(
    IPv4Network(text)
    for text in (
        "169.254.0.0/16",  # boot volumes, metadata, DNS
        "224.0.0.0/4",  # class D
        "240.0.0.0/4",  # class E
        "127.0.0.0/8",  # loopback; no page names this block and the next
        "0.0.0.0/8",
    )
)
"""Blocks that no VCN may have: "reserved for use by Oracle" (networking overview)."""
V6_RANGES = IPv6Network("2000::/3"), IPv6Network("fc00::/7")
"""The ranges of a VCN's own prefixes: global unicast and unique local."""


def network(text: str, version: int) -> Network:
    """Return the CIDR block of a text.

    Raises:
        ServiceError: 400, it is malformed, has host bits, or is of the other family.
    """
    address, slash, prefix = text.partition("/")
    try:
        block = ip_network(text, strict=False)
    except ValueError as error:
        raise invalid(f"The requested CIDR {text} is invalid: {error}") from error
    # Python accepts masks and plain addresses too: 10.0.0.0/255.255.0.0, 10.0.0.0.
    if not slash or prefix != str(block.prefixlen):
        raise invalid(f"The requested CIDR {text} is invalid: no prefix length")
    if block.version != version:
        raise invalid(f"The requested CIDR {text} is invalid: it is not IPv{version}")
    if ip_network(address) != ip_network(block.network_address):
        raise invalid(
            f"The requested CIDR {text} is invalid: CIDR IP {address} does not match"
            f" network IP {block.network_address}."
        )
    return block


def check_apart(block: Network, others: Iterable[str]) -> None:
    """Raise 400 if a block overlaps another."""
    for other in others:
        if block.overlaps(ip_network(other)):
            raise invalid(f"CIDR block {block} overlaps {other}")


def vcn_block(text: str, others: Iterable[str]) -> Network:
    """Return the IPv4 block of a text, if a VCN may have it beside its others.

    Raises:
        ServiceError: 400, the VCN may not have it.
    """
    block = network(text, 4)
    if block.prefixlen not in VCN_PREFIXES:
        raise invalid(f"a VCN's CIDR block is /16 to /30, not {block}")
    for reserved in RESERVED:
        if block.overlaps(reserved):
            raise invalid(f"CIDR block {block} is in {reserved}, which is reserved")
    check_apart(block, others)
    return block


def vcn_prefix(text: str, others: Iterable[str]) -> Network:
    """Return the customer's IPv6 prefix of a text, if a VCN may have it.

    Raises:
        ServiceError: 400, the VCN may not have it.
    """
    block = network(text, 6)
    if block.prefixlen > SUBNET_V6_PREFIX:
        raise invalid(f"a VCN's IPv6 prefix is a /64 or larger, not {block}")
    if not any(block.subnet_of(r) for r in V6_RANGES if isinstance(block, IPv6Network)):
        raise invalid(f"IPv6 prefix {block} is in neither 2000::/3 nor fc00::/7")
    check_apart(block, others)
    return block


def subnet_block(text: str, version: int, of_vcn: Iterable[str]) -> Network:
    """Return the block of a text, if a subnet of a VCN may have it.

    Raises:
        ServiceError: 400, the subnet may not have it.
    """
    block = network(text, version)
    if isinstance(block, IPv4Network):
        if block.prefixlen not in VCN_PREFIXES:
            raise invalid(f"a subnet's CIDR block is /16 to /30, not {block}")
        inside = any(block.subnet_of(IPv4Network(c)) for c in of_vcn)
    else:
        if block.prefixlen != SUBNET_V6_PREFIX:
            raise invalid(f"a subnet's IPv6 prefix is a /64, not {block}")
        inside = any(block.subnet_of(IPv6Network(c)) for c in of_vcn)
    if not inside:
        raise invalid(f"{block} is in no CIDR block of the VCN")
    return block
