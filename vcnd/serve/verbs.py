"""vcndctl's verbs, as the daemon and those who ask it know them.

A verb is a value of CNI_COMMAND that no container runtime uses.
"""

from typing import Any, Generic, TypeVar

import msgspec

from vcnd.model.audit import AuditReport
from vcnd.model.drain import DrainStatus
from vcnd.model.metrics import Reading
from vcnd.model.permissions import PermissionsAnswer
from vcnd.model.phases import CallTrace
from vcnd.model.pod_explained import PodAnswer
from vcnd.model.pod_path import PathAnswer
from vcnd.model.status import ExpressStatus, NodeStatus
from vcnd.model.traffic import FlowsAnswer, TrafficAnswer

T = TypeVar("T")


class Verb(msgspec.Struct, Generic[T], frozen=True):
    """One verb."""

    name: str
    answer: type[T]
    """The answer's type."""
    is_slow: bool = False
    """True if the answer can take minutes, as that of a release or an audit."""


STATUS = Verb("VCND_STATUS", NodeStatus)
RELEASE = Verb("VCND_RELEASE", dict[str, Any], is_slow=True)
"""Its answer is empty."""
EXPRESS_ON = Verb("VCND_EXPRESS_ON", ExpressStatus, is_slow=True)
EXPRESS_OFF = Verb("VCND_EXPRESS_OFF", ExpressStatus, is_slow=True)
TRACE = Verb("VCND_TRACE", list[CallTrace])
METRICS = Verb("VCND_METRICS", Reading)
AUDIT = Verb("VCND_AUDIT", AuditReport, is_slow=True)
AUDIT_REPAIR = Verb("VCND_AUDIT_REPAIR", AuditReport, is_slow=True)
DRAIN = Verb("VCND_DRAIN", DrainStatus)
DRAIN_UNDO = Verb("VCND_DRAIN_UNDO", DrainStatus)
EXPLAIN = Verb("VCND_EXPLAIN", PodAnswer)
"""Its question is a ``PodQuestion``."""
PATH = Verb("VCND_PATH", PathAnswer)
"""Its question is a ``PathQuestion``."""
TRAFFIC = Verb("VCND_TRAFFIC", TrafficAnswer)
FLOWS = Verb("VCND_FLOWS", FlowsAnswer)
PERMISSIONS = Verb("VCND_PERMISSIONS", PermissionsAnswer)

VERBS: tuple[Verb[Any], ...] = (
    *(STATUS, RELEASE, EXPRESS_ON, EXPRESS_OFF, TRACE, METRICS),
    *(AUDIT, AUDIT_REPAIR, DRAIN, DRAIN_UNDO),
    *(EXPLAIN, PATH, TRAFFIC, FLOWS, PERMISSIONS),
)
COMMANDS = tuple(verb.name for verb in VERBS)
"""Their names."""
