"""Tells which hosts are OCI's, and which are this machine."""

import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address

OCI = re.compile(
    # The domains of all realms: oraclecloud.com, oraclegovcloud.uk, oraclecloud9.com …
    r"(?:[a-z0-9_-]+\.)*oracle(?:gov)?cloud[0-9]*\.[a-z]{2,}"
    r"|169\.254\.169\.254|fd00:c1::a9fe:a9fe",
    re.IGNORECASE,
)


def is_oci(host: str) -> bool:
    """Return True if a host is one of OCI's endpoints, or instance metadata."""
    return OCI.fullmatch(host.rstrip(".")) is not None


def as_address(host: str) -> IPv4Address | IPv6Address | None:
    """Return a host's IP address; None for a name."""
    try:
        address = ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def is_here(host: str) -> bool:
    """Return True if a host is this machine's loopback, or its own name."""
    address = as_address(host)
    if address is not None:
        # Connecting to the unspecified address means loopback.
        return address.is_loopback or address.is_unspecified
    name = host.rstrip(".").lower()
    return name in (
        "",
        "localhost",
        "localhost.localdomain",
        socket.gethostname().lower(),
    ) or name.endswith(".localhost")
