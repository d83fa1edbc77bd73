"""What Kubernetes is told of the node: status and events."""

from dataclasses import dataclass

from vcnd.model.podnetwork import ApplicationResource
from vcnd.model.sandbox import PodRef
from vcnd.model.vnic import Vnic


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
    resources: tuple[ApplicationResource, ...] = ()
    only_resources: bool = False
    """Whether pods that ask for none of them find no address here."""

    @property
    def serves(self) -> bool:
        """Return True if pods can be started here."""
        return self.state == "SUCCESS"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterEvent:
    """Something that whoever looks at a pod, or at the node, ought to know."""

    pod: PodRef | None
    """None: it concerns the node."""
    reason: str
    """One word, as ``kubectl get events`` has it."""
    message: str
    warning: bool = True
