"""The events of a schedule that concern network policies."""

from sim.fleet.event import OnNode, Timed


class ChangePolicy(Timed, frozen=True):
    """A policy is created, replaced, edited or deleted."""

    pick: int
    """All that is drawn comes from it."""


class LabelPod(Timed, frozen=True):
    """A pod gets another label."""

    pick: int
    app: str


class LabelNamespace(Timed, frozen=True):
    """A namespace gets another label."""

    namespace: str
    team: str


class KillPolicy(OnNode, frozen=True):
    """A node's vcnd-policy is killed, and started again after a while."""

    seconds: float


class RefuseRules(OnNode, frozen=True):
    """A node's kernel refuses rules for a while, or fails once they are in force."""

    late: bool
    seconds: float
