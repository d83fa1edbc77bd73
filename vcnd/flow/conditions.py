"""Conditions of the node as a whole: may it serve pods, may it change the cloud?"""

from enum import StrEnum
from math import inf

from vcnd.flow.problems import Problems
from vcnd.flow.signals import Signals
from vcnd.model.cause import Cause
from vcnd.model.place import JOURNAL


class Phase(StrEnum):
    """The node's phase: may it lease addresses?"""

    SERVING = "serving"
    DRAINING = "draining"
    """No pod gets an address, the pool does not grow, and what is free is released;
    pods that run keep theirs."""
    RELEASING = "releasing"
    """Everything is being released: no pod gets an address."""
    RELEASED = "released"
    """Everything was released; the node changes nothing in the cloud any more."""


class Conditions:
    """Owns the node's phase, and the conditions for changes of the pool."""

    def __init__(self, problems: Problems, signals: Signals) -> None:
        self._problems = problems
        self._signals = signals
        self._phase = Phase.SERVING
        self._network_settled = False
        self._confirmed_at = -inf
        self._disk_writes = True

    @property
    def phase(self) -> Phase:
        """Return the node's phase."""
        return self._phase

    def enter(self, phase: Phase) -> None:
        """Enter a phase; calls that wait for an address see it at once."""
        self._phase = phase
        self._signals.arrived()

    @property
    def network_settled(self) -> bool:
        """Return True if the pod network of the cluster is known."""
        return self._network_settled

    def settle_network(self) -> None:
        """Note that the pod network of the cluster is known."""
        self._network_settled = True

    @property
    def confirmed_at(self) -> float:
        """Return when an audit last agreed with OCI; -inf before the first."""
        return self._confirmed_at

    @property
    def observed(self) -> bool:
        """Return True if an audit has agreed with OCI since the daemon started."""
        return self._confirmed_at > -inf

    def confirm(self, at: float) -> None:
        """Note that an audit that began at a time agrees with OCI."""
        self._confirmed_at = at

    @property
    def disk_writes(self) -> bool:
        """Return True unless the journal's disk refuses records."""
        return self._disk_writes

    def note_disk(self, refusal: str) -> None:
        """Note why the journal's disk refuses; an empty text means that it works."""
        self._disk_writes = not refusal
        if refusal:
            self._problems.report(JOURNAL, Cause.DISK_REFUSED, refusal)
        else:
            self._problems.clear(JOURNAL)
            self._signals.ring()
