"""From a daemon's steps: was a lease durable before its ADD was answered (I4)?"""

from collections.abc import Sequence
from pathlib import Path

from integration.crash.steps import Ended, Kind, Step

SUCCESS = "0 "
"""So a reply begins that is no refusal."""
WRITES = ("write", "writev")
SYNCS = ("fdatasync", "fsync")
FRESH = ".new"
"""The name of a whole new journal ends so until it takes the old one's place."""


def answered_too_early(steps: Sequence[Step], ends: Sequence[Ended]) -> list[str]:
    """Return the answers that came before the journal's latest lease was durable.

    Args:
        steps: all that began.
        ends: all that ended, in that order.
    """
    calls = JournalCalls(steps, ends)
    leases = [s for s in calls.steps if s.call in WRITES and "Leased" in s.detail]
    order = {end.step.number: n for n, end in enumerate(ends)}
    found = []
    for answer in steps:
        succeeds = answer.detail.startswith(SUCCESS) and "cniVersion" in answer.detail
        if answer.kind is not Kind.SHIM or not succeeds:
            continue
        before = [lease for lease in leases if lease.number < answer.number]
        # What ended before this call began stands before its own end.
        at = order.get(answer.number, len(ends))
        if before and calls.durable_at(before[-1]) > at:
            found.append(f"I4: {answer} came before the lease was durable")
    return found


class JournalCalls:
    """A daemon's calls about the journal's files, with their results."""

    def __init__(self, steps: Sequence[Step], ends: Sequence[Ended]) -> None:
        self.steps = [s for s in steps if s.kind is Kind.JOURNAL]
        self._never = len(ends)
        self._results = {end.step.number: end.result for end in ends}
        self._order = {end.step.number: n for n, end in enumerate(ends)}

    def durable_at(self, written: Step) -> int:
        """Return how many calls had ended before a lease was durable.

        It is durable by a sync of the file that it was written to, or by a whole new
        file that was written after it.
        """
        whole = [
            s
            for s in self.steps
            if s.number > written.number
            and s.call in WRITES
            and s.target.endswith(FRESH)
        ]
        return min(
            self._synced_at(written), *map(self._replaced_at, whole), self._never
        )

    def _synced_at(self, written: Step) -> int:
        """Return when a file was synced after a write to it.

        After a refused sync the kernel may have dropped what was written, and the next
        sync succeeds without it.
        """
        sync = self._next(written, SYNCS, written.target)
        if sync is None or not (self._succeeded(written) and self._succeeded(sync)):
            return self._never
        return self._order[sync.number]

    def _replaced_at(self, written: Step) -> int:
        """Return when a new file's name was durable, too."""
        renamed = self._next(written, ("rename",), written.target)
        if self._synced_at(written) == self._never or renamed is None:
            return self._never
        directory = self._next(renamed, SYNCS, str(Path(written.target).parent))
        succeeded = self._succeeded(renamed) and self._succeeded(directory)
        if directory is None or not succeeded:
            return self._never
        return self._order[directory.number]

    def _next(self, after: Step, calls: Sequence[str], target: str) -> Step | None:
        """Return the first call of some kinds about a file, behind another call."""
        later = (s for s in self.steps if s.number > after.number)
        return next((s for s in later if s.call in calls and s.target == target), None)

    def _succeeded(self, step: Step | None) -> bool:
        return step is not None and self._results.get(step.number, -1) >= 0
