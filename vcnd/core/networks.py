"""The networks that a VNIC's addresses belong to."""

from collections.abc import Iterable
from ipaddress import ip_address, ip_network

from vcnd.model.family import Family
from vcnd.model.vnic import PrivateIp

GUESSED_PREFIX = 24
RESERVED_ADDRESSES = 3
"""Of each subnet OCI keeps the first two addresses and the last."""


def is_network(text: str) -> bool:
    """Return True if it is a network in CIDR form, without bits of a host."""
    try:
        ip_network(text)
    except ValueError:
        return False
    return True


def further_networks(
    subnet_cidr: str, private_ips: Iterable[PrivateIp]
) -> tuple[str, ...]:
    """Return networks of the IPv4 addresses outside a subnet's first block.

    The metadata name one block of a subnet that may have several.  The other networks
    are derived from the addresses without a call.  They may be wider than the block,
    which does no harm, because packets from and to pods are marked.
    """
    known, found = ip_network(subnet_cidr), set[str]()
    for address in (p.address for p in private_ips if p.family is Family.IPV4):
        if ip_address(address) not in known:
            found.add(str(ip_network(f"{address}/{GUESSED_PREFIX}", strict=False)))
    return tuple(sorted(found))
