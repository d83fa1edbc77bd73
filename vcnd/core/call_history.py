"""The latest calls of each pod and how they ended, for questions afterwards.  Pure.

Time is an argument (seconds of any monotonic clock).
"""

from msgspec.structs import replace

from vcnd.model.cause import Cause
from vcnd.model.pod_explained import PastCall

MOST_PODS = 256
"""Of more, those are forgotten whose last call is longest ago."""
MOST_OUTCOMES = 4
"""Of one pod: an outcome is a command and a cause."""
MOST_REASON = 1000
"""Characters of a reason."""

Outcome = tuple[str, Cause | None]


class CallHistory:
    """Owns the latest outcomes of each pod's calls."""

    def __init__(self) -> None:
        self._by_pod: dict[str, dict[Outcome, tuple[PastCall, float]]] = {}

    def note(
        self,
        pod: str,
        *,
        command: str,
        sandbox: str,
        at: float,
        cause: Cause | None = None,
        reason: str = "",
    ) -> None:
        """Note a call that was answered; calls that ended the same way are one.

        Args:
            pod: ``namespace/name``; calls outside Kubernetes are not kept.
            command: CNI's.
            sandbox: the sandbox, in its short form.
            at: when.
            cause: why it failed; None: it succeeded.
            reason: why, in words.
        """
        if not pod:
            return
        outcomes = self._by_pod.pop(pod, {})
        before = outcomes.pop((command, cause), None)
        call = PastCall(
            command=command,
            sandbox=sandbox,
            seconds_ago=0.0,
            count=1 if before is None else before[0].count + 1,
            cause=cause,
            reason=reason[:MOST_REASON],
        )
        outcomes[command, cause] = call, at
        while len(outcomes) > MOST_OUTCOMES:
            del outcomes[next(iter(outcomes))]
        self._by_pod[pod] = outcomes
        while len(self._by_pod) > MOST_PODS:
            del self._by_pod[next(iter(self._by_pod))]

    def pods(self) -> list[str]:
        """Return the pods of which calls are known."""
        return list(self._by_pod)

    def of(self, pod: str, now: float) -> tuple[PastCall, ...]:
        """Return the calls of a pod, the latest first."""
        return tuple(
            replace(call, seconds_ago=round(max(0.0, now - at), 1))
            for call, at in reversed(self._by_pod.get(pod, {}).values())
        )
