"""The node's reports to Kubernetes: status and Events."""

import msgspec

from vcnd.model.podnetwork import ApplicationResource
from vcnd.model.sandbox import PodRef
from vcnd.model.vnic import Vnic


class VnicReport(msgspec.Struct, frozen=True, kw_only=True):
    """A pod VNIC and the addresses on it."""

    vnic: Vnic
    addresses: tuple[str, ...]


class NodeReport(msgspec.Struct, frozen=True, kw_only=True):
    """The status of the node's NativePodNetwork."""

    state: str
    """``SUCCESS``, ``IN_PROGRESS`` or ``BACKOFF``, OKE's words."""
    reason: str
    vnics: tuple[VnicReport, ...] = ()
    resources: tuple[ApplicationResource, ...] = ()
    only_resources: bool = False
    """True if only pods that request an application resource get addresses."""

    @property
    def serves(self) -> bool:
        """Return True if pods can be started here."""
        return self.state == "SUCCESS"


class ClusterEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An Event on a pod, or on the node."""

    pod: PodRef | None
    """The pod; None for the node."""
    reason: str
    """One word, as ``kubectl get events`` has it."""
    message: str
    warning: bool = True
