"""What an audit found, as ``vcndctl audit --json`` prints it.

The names in JSON are an interface: fields are added, and none is renamed or removed.
"""

from enum import StrEnum

import msgspec

from vcnd.model.drift import DriftKind


class Witness(StrEnum):
    """Who is compared with what the daemon and its journal know."""

    KERNEL = "kernel"
    CLOUD = "cloud"
    RUNTIME = "runtime"
    """The kubelet, by the pods' cgroups."""
    KUBERNETES = "kubernetes"


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One difference."""

    witness: Witness
    kind: DriftKind
    what: str
    """The object's name."""
    wanted: str = ""
    """Its value as it should be; empty if there should be no such object."""
    found: str = ""
    """Its value as the witness has it; empty if it has no such object."""
    pod: str = ""
    """``namespace/name``, if it concerns one pod."""
    since_seconds: float = 0.0
    """Seconds since an audit of this daemon found it first."""
    repair: str
    """What a repair does; empty if it is only told."""


class PastRepair(msgspec.Struct, frozen=True, kw_only=True):
    """Differences that the daemon has repaired by itself."""

    kind: DriftKind
    number: int
    what: str
    by: str
    """The process that had changed them; empty if nobody tells."""
    seconds_ago: float


class AuditReport(msgspec.Struct, frozen=True, kw_only=True):
    """An audit."""

    differences: tuple[Difference, ...]
    """Those that there are now."""
    repaired: tuple[Difference, ...]
    """Those that there were before the repair, if it was requested."""
    unread: dict[Witness, str]
    """Witnesses that could not be compared, and why."""
    refused: str
    """Why the repair has not ended yet; empty if it has."""
    past: tuple[PastRepair, ...]
    """The latest repairs that the daemon made by itself, the latest first."""
    repairs: dict[DriftKind, int]
    """How often each kind was repaired since the daemon's start."""

    @property
    def differs(self) -> bool:
        """Return True if something is to be repaired."""
        return bool(self.refused) or any(d.repair for d in self.differences)
