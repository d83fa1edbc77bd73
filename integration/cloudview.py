"""Objects of the fake's world, as its operator's door shows them."""

from ipaddress import ip_network
from typing import Any

View = dict[str, list[dict[str, Any]]]
"""Kind → its objects."""


def named(world: View, kind: str, name: str) -> dict[str, Any]:
    """Return the living object of a kind with a display name."""
    return next(
        n
        for n in world[kind]
        if n["displayName"] == name and n.get("lifecycleState") != "TERMINATED"
    )


def addresses_of(private_ip: dict[str, Any]) -> list[str]:
    """Return the addresses of a private IP or IPv6 object: one, or a block's."""
    prefix = private_ip["cidrPrefixLength"]
    block = ip_network(f"{private_ip['ipAddress']}/{prefix}")
    return [str(address) for address in block]
