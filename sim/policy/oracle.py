"""Packets between pods, judged by the kernels and by the truth.

Two things are checked.  Once all news have had time to arrive, a packet passes if and
only if policies allow it, also one of a live connection.  And at any time nothing comes
to or from a pod that policies isolate, if they did so before the pod was plugged (I13).
"""

from collections.abc import Iterator
from math import inf

import trio

from sim.policy.stage import COOLING_SECONDS, Running, Stage
from sim.policy.truth import Truth
from vcnd.core.policy.judge import Ground, Judge, Verdict
from vcnd.model.policy import Packet

SETTLING_SECONDS = 2.0
"""What the API server tells is in force everywhere after this."""
RECOVERY_SECONDS = 75.0
"""And so long after it could be told again: a watch waits 30 s to be opened again."""
CLOSED = {Ground.ISOLATED, Ground.HELD}


class WrongVerdictError(AssertionError):
    """A kernel lets pass what policies deny, or the other way round."""


class News:
    """When all nodes know what is on the API server."""

    def __init__(self) -> None:
        self.settled_at = 0.0
        """All is known from then on."""
        self._policies_at = 0.0
        """All that isolates pods is known from then on."""
        self._hindered_since, self._hindered = inf, False

    def change(self, *, of_policies: bool) -> None:
        """Note a change on the API server."""
        now = trio.current_time()
        self.settled_at = max(self.settled_at, now + SETTLING_SECONDS)
        if of_policies:
            self._policies_at = self.settled_at

    def fault(self, *, lasts: bool = False) -> None:
        """Note that news come late; until ``recover`` if it lasts."""
        now = trio.current_time()
        pending = now < self._policies_at
        self.settled_at = inf if lasts else max(self.settled_at, now + RECOVERY_SECONDS)
        if pending:
            self._policies_at = self.settled_at
        self._hindered_since = min(self._hindered_since, now)
        self._hindered = lasts

    def recover(self) -> None:
        """Note that news can come again."""
        self._hindered = False
        at = trio.current_time() + RECOVERY_SECONDS
        if self._policies_at == inf:
            self._policies_at = at
        self.settled_at = at

    def is_settled(self) -> bool:
        """Return True if every node knows all."""
        return trio.current_time() >= self.settled_at

    def knows_policies_of(self, pod: Running) -> bool:
        """Return True if a pod's node knew what isolates it when it was plugged.

        While news come late, an address may be another pod's by now.
        """
        now = trio.current_time()
        if now >= self.settled_at:
            self._hindered_since = inf
        is_fresh = now - self._hindered_since < COOLING_SECONDS
        known = self._policies_at <= pod.plugged_at
        return known and (is_fresh or self._hindered_since == inf)


class Oracle:
    """Lets packets come by, and judges what becomes of them."""

    def __init__(self, stage: Stage, news: News) -> None:
        self._stage, self._news = stage, news
        self._truth = Truth(stage.server)
        self.judged = self.settled = 0
        """Packets that were judged, and those of them when all was known."""

    def look(self, packets: Iterator[Packet]) -> None:
        """Let packets come by: some, and one of each live connection.

        Raises:
            WrongVerdictError: the kernels are wrong.
        """
        stage = self._stage
        judge = Judge(self._truth.cluster(stage.links()))
        there = stage.by_address()
        live = [x for node in stage.nodes.values() for x in node.kernel.connections]
        for packet in dict.fromkeys([*live, *packets]):
            source, destination = (
                there.get(packet.source),
                there.get(packet.destination),
            )
            if source is None or destination is None:
                continue
            kernels = stage.kernels(source, destination)
            passes = all(kernel.passes(packet) for kernel in kernels)
            self._check(packet, judge, source, destination, passes=passes)

    def _check(
        self,
        packet: Packet,
        judge: Judge,
        source: Running,
        destination: Running,
        *,
        passes: bool,
    ) -> None:
        self.judged += 1
        verdict = judge.verdict(packet)
        ends = (packet.source, packet.destination)
        allowed = verdict.allowed and all(judge.pod_at(a) is not None for a in ends)
        what = (
            f"{trio.current_time():.2f}: {source.link.name} on {source.node.name} →"
            f" {destination.link.name} on {destination.node.name}, {packet}"
        )
        if self._news.is_settled():
            self.settled += 1
            if passes is not allowed:
                raise WrongVerdictError(f"passes={passes}, allowed={allowed} at {what}")
        newer = max((source, destination), key=lambda pod: pod.plugged_at)
        if passes and _is_closed(verdict) and self._news.knows_policies_of(newer):
            raise WrongVerdictError(f"I13: an isolated pod's packet passes at {what}")


def _is_closed(verdict: Verdict) -> bool:
    """Return True if a pod is isolated, and nothing else denies."""
    denied = {d.ground for d in verdict.decisions if not d.allowed}
    return bool(denied) and denied <= CLOSED
