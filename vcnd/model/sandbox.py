"""The holder of an address: a CNI attachment of a pod's sandbox."""

from typing import Self

import msgspec

from vcnd.model.family import Family, family_of
from vcnd.model.request import PodRequest

UNKNOWN_COOKIE = 0


class SandboxKey(msgspec.Struct, frozen=True, order=True):
    """The identity of an attachment (CNI 1.1, "Attachment").

    The network's name is part of it: GC concerns one network only, and a container
    may be attached to several.
    """

    network: str
    container_id: str
    ifname: str

    @classmethod
    def of_link(cls, host_ifname: str) -> Self:
        """Return the key of a sandbox of which only the link is known.

        No call has this key: the name of a network is never empty.
        """
        return cls("", host_ifname, "")

    def __str__(self) -> str:
        """Return the short form for logs; it is not unique."""
        return f"{self.network}/{self.container_id[:13]}/{self.ifname}"


class PodRef(msgspec.Struct, frozen=True, kw_only=True):
    """The pod behind a sandbox, as the runtime names it in CNI_ARGS."""

    namespace: str = ""
    name: str = ""
    uid: str = ""

    def __str__(self) -> str:
        """Return ``namespace/name``, or nothing outside Kubernetes."""
        return f"{self.namespace}/{self.name}" if self.name else ""


class BoundPod(msgspec.Struct, frozen=True, kw_only=True):
    """A pod that Kubernetes has bound to this node."""

    pod: PodRef
    request: PodRequest = msgspec.field(default_factory=PodRequest)
    awaited: bool = False
    """True if its status tells no address yet, and others know it by this uid."""


class HostLink(msgspec.Struct, frozen=True, kw_only=True):
    """How a sandbox is wired to the node."""

    ifname: str
    """Name of the link on the node."""
    netns_cookie: int
    """SO_NETNS_COOKIE of the pod's namespace: tells a repeated ADD from a new one.

    ``UNKNOWN_COOKIE`` for a link that was found in the kernel.
    """

    def may_lead_to(self, netns_cookie: int) -> bool:
        """Return True unless the link is known to lead into another namespace."""
        return self.netns_cookie in (netns_cookie, UNKNOWN_COOKIE)


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """One sandbox holds its addresses, until DEL or GC."""

    key: SandboxKey
    addresses: tuple[str, ...]
    """One, or one of each family, that of the network's first family first."""
    wiring: HostLink | None
    """Its link, set before it is plugged; None if vcnd wires nothing."""
    pod: PodRef = PodRef()
    express: bool = True
    """True if its packets may use the express lane."""

    @property
    def address(self) -> str:
        """Return its first address."""
        return self.addresses[0]

    @property
    def families(self) -> dict[str, Family]:
        """Return each address' family, in the order of the addresses."""
        return {address: family_of(address) for address in self.addresses}

    @property
    def host_ifname(self) -> str:
        """Return the name of its link on the node.

        Raises:
            ValueError: it is not wired.
        """
        if self.wiring is None:
            raise ValueError(f"the lease of {self.key} is not wired")
        return self.wiring.ifname
