"""What pods ask for beyond an address, and what they may ask for."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from vcnd.model.family import Family
from vcnd.model.podnetwork import PodClass

EVERY = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class PodRequest:
    """What a pod asks for, in the words of Kubernetes.

    Who wrote what stays apart: a pod's author writes annotations as he likes, and
    the scheduler grants extended resources.
    """

    annotations: Mapping[str, str] = field(default_factory=dict)
    """Its own and its namespace's; its own count where both say something."""
    resources: Mapping[str, str] = field(default_factory=dict)
    """Limits of its containers on extended resources, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressRequest:
    """Which addresses a pod asks for; what is empty is left to the network."""

    subnet_ids: tuple[str, ...] = ()
    """Subnets that its address may come from, in order of preference."""
    nsg_ids: tuple[str, ...] = ()
    """The NSGs that it is to be in, and no others."""
    families: tuple[Family, ...] = ()
    """The families that it wants addresses of, and no others."""
    resource: str = ""
    """The application resource that it asks for."""
    fixed: str = ""
    """``namespace/name`` of the address that is to be its own, again and again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespacePolicy:
    """What the pods of a namespace may wish for."""

    namespace: str
    """``*`` is every one, in this and the other lists."""
    subnet_ids: frozenset[str] = frozenset()
    nsg_ids: frozenset[str] = frozenset()
    fixed_addresses: bool = False


@dataclass(frozen=True, slots=True)
class Grant:
    """What a pod is to be given."""

    pod_class: PodClass
    families: tuple[Family, ...] = (Family.IPV4,)
    fixed: str = ""
    """The fixed IPv4 address that it is to have; empty: any."""
