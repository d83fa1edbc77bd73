"""What the node's pods are to be given: subnets, NSGs, families, classes."""

from dataclasses import dataclass

from vcnd.model.family import Family
from vcnd.model.ids import OWN_CLASS, ClassName


@dataclass(frozen=True, slots=True)
class PodClass:
    """A class of pod VNICs: pods that want the same are on the same ones."""

    name: ClassName
    subnet_ids: tuple[str, ...]
    """In order of preference; the first that is not full is used."""
    nsg_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VnicProfile:
    """A secondary VNIC profile of OKE: where some of a node's addresses come from."""

    subnet_id: str
    nsg_ids: tuple[str, ...] = ()
    ip_count: int = 32
    application_resources: tuple[str, ...] = ()
    """Its addresses are for the pods that ask for one of these; empty: for others."""


@dataclass(frozen=True, slots=True)
class ApplicationResource:
    """What a pod may ask the scheduler for: an address of a profile of its own."""

    name: str
    pod_class: PodClass
    capacity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PodNetwork:
    """Where pods' addresses come from: the spec of a NativePodNetwork."""

    subnet_ids: tuple[str, ...]
    """In order of preference; the first that is not full is used."""
    nsg_ids: tuple[str, ...] = ()
    families: tuple[Family, ...] = (Family.IPV4,)
    """What pods have addresses of; the first is what ``kubectl get pods`` shows."""
    resources: tuple[ApplicationResource, ...] = ()
    """Those of its profiles; without subnets of its own it is for their pods alone."""
    maximum: int | None = None
    """How many pods the node takes; None leaves the configuration's."""

    @property
    def own_class(self) -> PodClass:
        """Return the class of the pods that wish for nothing else."""
        return PodClass(OWN_CLASS, self.subnet_ids, self.nsg_ids)

    @property
    def kept_warm(self) -> tuple[PodClass, ...]:
        """Return the classes that are there before anybody asks: own and profiles'."""
        own = (self.own_class,) if self.subnet_ids else ()
        return tuple(dict.fromkeys((*own, *(r.pod_class for r in self.resources))))
