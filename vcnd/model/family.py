"""The two families of addresses."""

from enum import StrEnum


class Family(StrEnum):
    """An address family, by its name in Kubernetes and OCI."""

    IPV4 = "IPv4"
    IPV6 = "IPv6"

    @property
    def bits(self) -> int:
        """Return the length of an address in bits."""
        return 32 if self is Family.IPV4 else 128

    @property
    def everywhere(self) -> str:
        """Return the network of all addresses."""
        return "0.0.0.0/0" if self is Family.IPV4 else "::/0"


def family_of(address: str) -> Family:
    """Return the family of an address or network."""
    return Family.IPV6 if ":" in address else Family.IPV4
