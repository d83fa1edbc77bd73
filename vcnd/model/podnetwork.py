"""What a node's pods shall be given, and what Kubernetes is told of it."""

from dataclasses import dataclass

from vcnd.model.family import Family
from vcnd.model.sandbox import PodRef
from vcnd.model.vnic import Vnic


@dataclass(frozen=True, slots=True)
class PodClass:
    """A class of pod VNICs: pods that want the same are on the same ones."""

    name: str
    """Tells classes apart, on VNICs too; empty is the node's own class."""
    subnet_ids: tuple[str, ...]
    """In order of preference; the first that is not full is used."""
    nsg_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PodNetwork:
    """Where pods' addresses come from: the spec of a NativePodNetwork."""

    subnet_ids: tuple[str, ...]
    """In order of preference; the first that is not full is used."""
    nsg_ids: tuple[str, ...] = ()
    families: tuple[Family, ...] = (Family.IPV4,)
    """What pods have addresses of; the first is what ``kubectl get pods`` shows."""
    maximum: int | None = None
    """How many pods the node takes; None leaves the configuration's."""

    @property
    def own_class(self) -> PodClass:
        """Return the class of the pods that wish for nothing else."""
        return PodClass("", self.subnet_ids, self.nsg_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class VnicReport:
    """A pod VNIC and the addresses on it."""

    vnic: Vnic
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeReport:
    """How the node's pod network stands: the status of a NativePodNetwork."""

    state: str
    """``SUCCESS``, ``IN_PROGRESS`` or ``BACKOFF``, OKE's words."""
    reason: str
    vnics: tuple[VnicReport, ...] = ()

    @property
    def serves(self) -> bool:
        """Tell whether pods can be started here."""
        return self.state == "SUCCESS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something that whoever looks at a pod, or at the node, ought to know."""

    pod: PodRef | None
    """None: it concerns the node."""
    reason: str
    """One word, as ``kubectl get events`` has it."""
    message: str
    warning: bool = True
