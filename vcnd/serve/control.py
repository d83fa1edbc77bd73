"""Carries out vcndctl's verbs."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec

from vcnd.model.audit import AuditReport
from vcnd.model.drain import DrainStatus
from vcnd.model.metrics import Reading
from vcnd.model.permissions import PermissionsAnswer
from vcnd.model.phases import CallTrace
from vcnd.model.pod_explained import PodAnswer, PodQuestion
from vcnd.model.pod_path import PathAnswer, PathQuestion
from vcnd.model.status import ExpressStatus, NodeStatus
from vcnd.model.traffic import FlowsAnswer, TrafficAnswer
from vcnd.serve import verbs
from vcnd.serve.questions import asked


class ExpressSwitch(Protocol):
    """Switches the express lane."""

    async def __call__(self, *, on: bool) -> ExpressStatus:
        """Switch it on or off; return its state then."""


class Audit(Protocol):
    """Compares what the daemon knows with its witnesses."""

    async def __call__(self, *, repair: bool) -> AuditReport:
        """Return what differs; with ``repair``, repair it first."""


class Drain(Protocol):
    """Begins to drain the node, or ends that."""

    async def __call__(self, *, on: bool) -> DrainStatus:
        """Return how far it is; repeated it changes nothing more."""


class ControlVerbs(msgspec.Struct, frozen=True, kw_only=True):
    """The functions that carry out vcndctl's verbs."""

    report: Callable[[], Awaitable[NodeStatus]]
    """Return the node's state."""
    release: Callable[[], Awaitable[None]]
    """Release everything to the cloud."""
    switch_express: ExpressSwitch
    traces: Callable[[], Sequence[CallTrace]]
    """Return the phases of the latest calls, the latest first."""
    metrics: Callable[[], Awaitable[Reading]]
    """Return the daemon's metrics."""
    audit: Audit
    drain: Drain
    explain: Callable[[PodQuestion], Awaitable[PodAnswer]]
    """Return how far a pod has come on its way to a network."""
    path: Callable[[PathQuestion], Awaitable[PathAnswer]]
    """Return where a pod's packets go."""
    traffic: Callable[[], Awaitable[TrafficAnswer]]
    """Return the counters of all pods."""
    flows: Callable[[], Awaitable[FlowsAnswer]]
    """Return the connections of all pods."""
    permissions: Callable[[], Awaitable[PermissionsAnswer]]
    """Return which policy statements the node's calls have shown."""

    async def carry_out(self, command: str, question: bytes = b"") -> bytes:
        """Carry out one of ``verbs.COMMANDS``; return the answer as JSON.

        Args:
            command: the verb.
            question: what is asked, as JSON, where the verb asks something.

        Raises:
            BadRequestError: the question cannot be read.
        """
        looks: dict[str, Callable[[], Awaitable[object]]] = {
            verbs.STATUS.name: self.report,
            verbs.METRICS.name: self.metrics,
            verbs.TRAFFIC.name: self.traffic,
            verbs.FLOWS.name: self.flows,
            verbs.PERMISSIONS.name: self.permissions,
        }
        if command in looks:
            return msgspec.json.encode(await looks[command]())
        if command == verbs.RELEASE.name:
            await self.release()
            return b"{}"
        if command == verbs.TRACE.name:
            return msgspec.json.encode(self.traces())
        if command in (verbs.EXPRESS_ON.name, verbs.EXPRESS_OFF.name):
            switched = await self.switch_express(on=command == verbs.EXPRESS_ON.name)
            return msgspec.json.encode(switched)
        if command in (verbs.AUDIT.name, verbs.AUDIT_REPAIR.name):
            report = await self.audit(repair=command == verbs.AUDIT_REPAIR.name)
            return msgspec.json.encode(report)
        if command in (verbs.DRAIN.name, verbs.DRAIN_UNDO.name):
            drained = await self.drain(on=command == verbs.DRAIN.name)
            return msgspec.json.encode(drained)
        if command == verbs.EXPLAIN.name:
            pod = await self.explain(asked(question, PodQuestion))
            return msgspec.json.encode(pod)
        return msgspec.json.encode(await self.path(asked(question, PathQuestion)))
