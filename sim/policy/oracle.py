"""Packets between pods, judged by the kernels and by the truth.

Two things are checked.  Once all news have had time to arrive, a packet passes if and
only if policies allow it, also one of a live connection.  And at any time nothing comes
to or from a pod that policies isolate, if they did so before the pod was plugged (I13).
"""

from collections.abc import Iterator
from math import inf

import trio

from sim.policy.scene import Plugged, Scene, Seat
from sim.policy.truth import Truth
from vcnd.core.policy.judge import Ground, Judge, Verdict
from vcnd.model.policy import Packet

SETTLING_SECONDS = 2.0
"""What the API server tells is in force everywhere after this."""
RECOVERY_SECONDS = 75.0
"""And so long after it could be told again: a watch waits 30 s to be opened again."""
COOLING_SECONDS = 30.0
"""An address is no other pod's before that."""
CLOSED = {Ground.ISOLATED, Ground.HELD}


class WrongVerdictError(AssertionError):
    """A kernel lets pass what policies deny, or the other way round."""


class OpenPodError(WrongVerdictError):
    """I13: a packet of or to an isolated pod passes."""


class News:
    """When all nodes know what is on the API server."""

    def __init__(self, *, cooling_seconds: float = COOLING_SECONDS) -> None:
        self._cooling_seconds = cooling_seconds
        self.settled_at = 0.0
        """All is known from then on."""
        self._policies_at = 0.0
        """All that isolates pods is known from then on."""
        self._hindered_since = inf

    def change(self, *, of_policies: bool) -> None:
        """Note a change on the API server."""
        now = self._now()
        self.settled_at = max(self.settled_at, now + SETTLING_SECONDS)
        if of_policies:
            self._policies_at = self.settled_at

    def fault(self, *, lasts: bool = False, seconds: float = RECOVERY_SECONDS) -> None:
        """Note that news come late; until ``recover`` if it lasts.

        Args:
            lasts: whether it has no end yet.
            seconds: after so long all is known, if it does not last.
        """
        now = self._now()
        pending = now < self._policies_at
        self.settled_at = inf if lasts else max(self.settled_at, now + seconds)
        if pending:
            self._policies_at = self.settled_at
        self._hindered_since = min(self._hindered_since, now)

    def recover(self) -> None:
        """Note that news can come again."""
        at = trio.current_time() + RECOVERY_SECONDS
        if self._policies_at == inf:
            self._policies_at = at
        self.settled_at = at

    def _now(self) -> float:
        """Return the time; forget faults after which all became known."""
        now = trio.current_time()
        if now >= self.settled_at:
            self._hindered_since = inf
        return now

    def is_settled(self) -> bool:
        """Return True if every node knows all."""
        return trio.current_time() >= self.settled_at

    def knows_policies_of(self, pod: Plugged) -> bool:
        """Return True if a pod's node knew what isolates it when it was plugged.

        While news come late, an address may be another pod's by now.
        """
        now = self._now()
        is_fresh = now - self._hindered_since < self._cooling_seconds
        known = self._policies_at <= pod.plugged_at
        return known and (is_fresh or self._hindered_since == inf)


class Oracle:
    """Lets packets come by, and judges what becomes of them."""

    def __init__(self, scene: Scene, news: News) -> None:
        self._scene, self._news = scene, news
        self._truth = Truth(scene.server)
        self.judged = self.settled = 0
        """Packets that were judged, and those of them when all was known."""

    def look(self, packets: Iterator[Packet]) -> None:
        """Let packets come by: some, and one of each live connection.

        Raises:
            WrongVerdictError: the kernels are wrong.
            OpenPodError: one of them has opened an isolated pod.
        """
        scene = self._scene
        judge = Judge(self._truth.cluster(scene.links()))
        there = scene.by_address()
        for packet in dict.fromkeys([*scene.live(), *packets]):
            source, destination = (
                there.get(packet.source),
                there.get(packet.destination),
            )
            if source is None or destination is None:
                continue
            nodes: dict[str, Seat] = {
                x.node.name: x.node for x in (source, destination)
            }
            passes = all(node.kernel.passes(packet) for node in nodes.values())
            self._check(packet, judge, source, destination, passes=passes)

    def _check(
        self,
        packet: Packet,
        judge: Judge,
        source: Plugged,
        destination: Plugged,
        *,
        passes: bool,
    ) -> None:
        self.judged += 1
        verdict = judge.verdict(packet)
        ends = (packet.source, packet.destination)
        allowed = verdict.allowed and all(judge.pod_at(a) is not None for a in ends)
        if self._news.is_settled():
            self.settled += 1
            if passes is not allowed:
                what = _named(packet, source, destination)
                raise WrongVerdictError(f"passes={passes}, allowed={allowed} at {what}")
        newer = max((source, destination), key=lambda pod: pod.plugged_at)
        if passes and _is_closed(verdict) and self._news.knows_policies_of(newer):
            what = _named(packet, source, destination)
            raise OpenPodError(f"I13: an isolated pod's packet passes at {what}")


def _named(packet: Packet, source: Plugged, destination: Plugged) -> str:
    """Return a packet in words: its time, its pods and their nodes."""
    return (
        f"{trio.current_time():.2f}: {source.link.name} on {source.node.name} →"
        f" {destination.link.name} on {destination.node.name}, {packet}"
    )


def _is_closed(verdict: Verdict) -> bool:
    """Return True if a pod is isolated, and nothing else denies."""
    denied = {d.ground for d in verdict.decisions if not d.allowed}
    return bool(denied) and denied <= CLOSED
