"""Which networks the addresses of a VNIC are of."""

from collections.abc import Iterable
from ipaddress import ip_address, ip_network

from vcnd.model.family import Family
from vcnd.model.vnic import PrivateIp

GUESSED_PREFIX = 24


def further_networks(
    subnet_cidr: str, private_ips: Iterable[PrivateIp]
) -> tuple[str, ...]:
    """Return networks of the IPv4 addresses outside a subnet's first block.

    The metadata name one block of a subnet, however many it has.  The networks are
    guessed from the addresses and not asked for: at worst they are wider than the
    block, which does no harm, because what comes from or goes to them is marked.
    """
    known, found = ip_network(subnet_cidr), set[str]()
    for address in (p.address for p in private_ips if p.family is Family.IPV4):
        if ip_address(address) not in known:
            found.add(str(ip_network(f"{address}/{GUESSED_PREFIX}", strict=False)))
    return tuple(sorted(found))
