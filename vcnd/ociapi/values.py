"""Checks of OCI's values, for ``ociapi.wire`` and its readers.

Every check raises ``ValueError``, which ``ociapi.decode`` turns into our error.
"""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Annotated

import msgspec

from vcnd.model.family import Family

OCID = r"^[A-Za-z0-9._:-]{1,255}\Z"
Ocid = Annotated[str, msgspec.Meta(pattern=OCID)]
"""OCI's limit is 255 ASCII characters; none of them is special in a path."""
HostName = Annotated[
    str, msgspec.Meta(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9.-]+\Z")
]
"""A region or realm: signed requests go to the host that it names."""
VnicCount = Annotated[int, msgspec.Meta(ge=1, le=1024)]
"""The largest shapes take 256 (docs/oci.md#shapes)."""
VlanTag = Annotated[int, msgspec.Meta(ge=0, le=4095)]
PrefixLength = Annotated[int, msgspec.Meta(ge=1, le=128)]

SHORTEST_PREFIX = {Family.IPV4: 16, Family.IPV6: 80}
"""A block lies within its subnet, which is a /16 at most; of IPv6 OCI has multiples
of 4 from 80 on (docs/oci.md#semantics, docs/oci.md#limits)."""
_MAC = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}")


def check_address(text: str) -> IPv4Address | IPv6Address:
    """Return an address, if a VNIC or a router can have it."""
    address = ip_address(text)
    if (
        "%" in text
        or address.is_unspecified
        or address.is_loopback
        or address.is_multicast
    ):
        raise ValueError(f"{text!r} is no address of a VNIC")
    return address


def check_mac(text: str) -> None:
    """Raise unless the text is a MAC address."""
    if not _MAC.fullmatch(text):
        raise ValueError(f"{text!r} is no MAC address")


def check_network(text: str, family: Family) -> None:
    """Raise unless the text is a network of the family, and not all addresses."""
    network = ip_network(text)
    if (network.version == 6) != (family is Family.IPV6):  # noqa: PLR2004 - IPv6
        raise ValueError(f"{text!r} is no {family} network")
    if network.prefixlen == 0:
        raise ValueError(f"{text!r} is no subnet")


def check_block(address: str, prefix_length: int) -> None:
    """Raise unless a block is aligned, and of a size that OCI has."""
    network = ip_network(f"{address}/{prefix_length}")
    family = Family.IPV4 if network.version == 4 else Family.IPV6  # noqa: PLR2004
    if prefix_length < SHORTEST_PREFIX[family]:
        raise ValueError(f"{network} is no block: a subnet is smaller")
