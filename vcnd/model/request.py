"""Pods' requests beyond an address, and the policies that allow them."""

from collections.abc import Mapping

import msgspec

from vcnd.model.family import Family
from vcnd.model.podnetwork import PodClass

EVERY = "*"


class PodRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A pod's request, in the terms of Kubernetes.

    The two sources stay apart: a pod's author writes annotations freely, and the
    scheduler accounts for extended resources.
    """

    annotations: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Its own and its namespace's; its own take precedence."""
    resources: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Limits of its containers on extended resources, by name."""


class AddressRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The addresses that a pod requests; empty fields take the pod network's values."""

    subnet_ids: tuple[str, ...] = ()
    """Subnets that its address may come from, in order of preference."""
    nsg_ids: tuple[str, ...] = ()
    """Exactly the NSGs that it should be in."""
    families: tuple[Family, ...] = ()
    """Exactly the families that it requests."""
    resource: str = ""
    """The application resource that it requests."""
    fixed: str = ""
    """``namespace/name`` of the fixed address that it requests."""
    express: bool = True
    """False if its packets shall not take the express lane."""


class NamespacePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What the pods of a namespace may request."""

    namespace: str
    """The namespace; ``*`` means all, here and in the lists."""
    subnet_ids: frozenset[str] = frozenset()
    """OCIDs of subnets that pods may choose."""
    nsg_ids: frozenset[str] = frozenset()
    """OCIDs of NSGs that pods may choose."""
    fixed_addresses: bool = False
    """Pods may request a fixed address."""


class Grant(msgspec.Struct, frozen=True):
    """What a pod's request was granted."""

    pod_class: PodClass
    families: tuple[Family, ...] = (Family.IPV4,)
    fixed: str = ""
    """The name of its fixed IPv4 address; empty: any address."""
    express: bool = True
    """True if its packets may take the express lane."""
