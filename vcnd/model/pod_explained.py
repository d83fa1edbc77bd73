"""How far a pod has come on its way to a network, as ``vcndctl explain`` shows it.

The names in JSON are an interface: fields are added, and none is renamed or removed.
docs/operations.md describes them.
"""

from enum import StrEnum
from typing import Annotated

import msgspec

from vcnd.model.cause import Cause

MOST_NAME = 512
"""Characters of a pod's name with its namespace; Kubernetes allows fewer."""


class Stage(StrEnum):
    """A part of a pod's way, in this order."""

    BOUND = "bound"
    """Kubernetes has bound the pod to this node."""
    REQUEST = "request"
    """What its annotations request is allowed."""
    ADDRESS = "address"
    """An address of its class is there."""
    LEASE = "lease"
    """Its sandbox holds the address, in the journal."""
    VNIC = "vnic"
    """OCI has the address on a VNIC of this node, and the VNIC has its link."""
    NSGS = "nsgs"
    """The VNIC is in the NSGs of the pod's class."""
    LINK = "link"
    """The pod's link, its route and its neighbours are as vcnd made them."""
    NODE = "node"
    """So are rules, routes and tables that all pods use; no firewall drops packets."""
    POLICY = "policy"
    """Its network policies are in force."""


class Verdict(StrEnum):
    """What is known of a part of the way."""

    OK = "ok"
    WAITING = "waiting"
    """It is not done yet, and nothing is wrong."""
    FAILED = "failed"
    UNKNOWN = "unknown"
    """The daemon cannot tell; the text says why."""
    OFF = "off"
    """It is not used on this node."""
    NOT_REACHED = "not_reached"
    """An earlier part is not done."""
    ENDED = "ended"
    """It was done, and was undone since."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a pod's way."""

    stage: Stage
    verdict: Verdict
    what: str = ""
    """The object: an address, a VNIC, a link, a place."""
    cause: Cause | None = None
    """Why it failed, or waits."""
    reason: str = ""
    """In words; if it failed, also what to do."""
    seconds: float | None = None
    """For how long it is so; null if nobody knows."""
    retry_seconds: float | None = None
    """When the daemon tries it again; null if nothing is planned."""


class PastCall(msgspec.Struct, frozen=True, kw_only=True):
    """The latest calls of one command and outcome for a pod."""

    command: str
    """``ADD``, ``DEL`` or ``CHECK``."""
    sandbox: str
    seconds_ago: float
    """Since the latest was answered."""
    count: int = 1
    """How many there were with this outcome."""
    cause: Cause | None = None
    """Why it failed; null: it succeeded."""
    reason: str = ""


class PodExplained(msgspec.Struct, frozen=True, kw_only=True):
    """One attachment of a pod, or a pod that has none yet or no longer."""

    pod: str
    """``namespace/name``."""
    uid: str = ""
    container_id: str = ""
    ifname: str = ""
    addresses: tuple[str, ...] = ()
    host_ifname: str = ""
    steps: tuple[Step, ...]
    calls: tuple[PastCall, ...] = ()
    """The latest call comes first."""

    @property
    def stands(self) -> Step | None:
        """Return the first step that is not done; None: the pod's network works."""
        done = (Verdict.OK, Verdict.OFF, Verdict.UNKNOWN)
        return next((s for s in self.steps if s.verdict not in done), None)


class PodQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """Which pod."""

    pod: Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_NAME)]
    """``namespace/name``, or the name alone: then the pods of all namespaces."""


class PodAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the daemon knows of a pod."""

    pods: tuple[PodExplained, ...]
    """Empty: the daemon has not heard of it.  Of calls before the daemon's start it
    knows the leases that have ended within an hour, from the journal."""
