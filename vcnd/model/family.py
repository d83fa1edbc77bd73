"""The two families of addresses."""

from enum import StrEnum


class Family(StrEnum):
    """A family, by the name that Kubernetes and OCI's objects have for it."""

    IPV4 = "IPv4"
    IPV6 = "IPv6"

    @property
    def bits(self) -> int:
        """Return how long an address is, which is a single one's prefix length."""
        return 32 if self is Family.IPV4 else 128

    @property
    def everywhere(self) -> str:
        """Return the network that is all of it."""
        return "0.0.0.0/0" if self is Family.IPV4 else "::/0"


def family_of(address: str) -> Family:
    """Return the family of an address or network."""
    return Family.IPV6 if ":" in address else Family.IPV4
