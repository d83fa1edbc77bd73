"""Whom an address is given to: a CNI attachment of a pod's sandbox."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

UNKNOWN_COOKIE = 0


@dataclass(frozen=True, slots=True, order=True)
class SandboxKey:
    """The identity of an attachment (CNI 1.1, "Attachment").

    The network name belongs to it: GC speaks of one network only, and the same
    container may be attached to several.
    """

    network: str
    container_id: str
    ifname: str

    @classmethod
    def of_link(cls, host_ifname: str) -> Self:
        """Return what stands for a sandbox of which only its link is known.

        No call has this key: the name of a network is never empty.
        """
        return cls("", host_ifname, "")

    def __str__(self) -> str:
        """Return the form used in logs: cut, and so no identity."""
        return f"{self.network}/{self.container_id[:13]}/{self.ifname}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PodRef:
    """The pod behind a sandbox, as the runtime names it in CNI_ARGS."""

    namespace: str = ""
    name: str = ""
    uid: str = ""

    def __str__(self) -> str:
        """Return ``namespace/name``, or nothing outside Kubernetes."""
        return f"{self.namespace}/{self.name}" if self.name else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundPod:
    """A pod that Kubernetes has bound to this node."""

    pod: PodRef
    annotations: Mapping[str, str] = field(default_factory=dict)
    """Its own and its namespace's; its own count where both say something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """One sandbox holds its addresses, from before it is plugged until unplugged."""

    key: SandboxKey
    address: str
    """Its address; of two, that of the network's first family."""
    second: str = ""
    """Its address of the other family, where it has two."""
    netns_cookie: int
    """SO_NETNS_COOKIE of the pod's namespace: tells a repeated ADD from a new one.

    ``UNKNOWN_COOKIE`` for a lease that was found in the kernel.
    """
    host_ifname: str
    pod: PodRef = PodRef()

    @property
    def addresses(self) -> tuple[str, ...]:
        """Return its one or two addresses."""
        return (self.address, self.second) if self.second else (self.address,)
