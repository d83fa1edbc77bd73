"""The pod network of the node: subnets, NSGs, families, classes."""

import msgspec

from vcnd.model.family import Family
from vcnd.model.ids import OWN_CLASS, ClassName


class PodClass(msgspec.Struct, frozen=True):
    """A class: pods that request the same subnets and NSGs share its VNICs."""

    name: ClassName
    subnet_ids: tuple[str, ...]
    """In order of preference; the first that is not full is used."""
    nsg_ids: tuple[str, ...]


class VnicProfile(msgspec.Struct, frozen=True, kw_only=True):
    """A secondary VNIC profile of OKE: one source of a node's addresses."""

    subnet_id: str
    nsg_ids: tuple[str, ...] = ()
    ip_count: int = 32
    application_resources: tuple[str, ...] = ()
    """Its addresses are for pods that request one of these; if empty, for others."""


class ApplicationResource(msgspec.Struct, frozen=True):
    """An extended resource that pods request to get an address of a profile."""

    name: str
    pod_class: PodClass
    capacity: int


class PodNetwork(msgspec.Struct, frozen=True, kw_only=True):
    """The source of pods' addresses: the spec of a NativePodNetwork."""

    subnet_ids: tuple[str, ...]
    """In order of preference; the first that is not full is used."""
    nsg_ids: tuple[str, ...] = ()
    families: tuple[Family, ...] = (Family.IPV4,)
    """The families of pods' addresses; ``kubectl get pods`` shows the first one's."""
    resources: tuple[ApplicationResource, ...] = ()
    """The resources of its profiles; without own subnets it serves only their pods."""
    maximum: int | None = None
    """The most pods of the node; None: the configuration's."""

    @property
    def own_class(self) -> PodClass:
        """Return the class of pods without requests."""
        return PodClass(OWN_CLASS, self.subnet_ids, self.nsg_ids)

    @property
    def kept_warm(self) -> tuple[PodClass, ...]:
        """Return the classes that are always warm: the node's own and profiles'."""
        own = (self.own_class,) if self.subnet_ids else ()
        return tuple(dict.fromkeys((*own, *(r.pod_class for r in self.resources))))
