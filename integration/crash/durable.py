"""From a daemon's steps: was a lease durable before its ADD was answered (I4)?"""

from collections.abc import Sequence

from integration.crash.steps import Ended, Kind, Step

SUCCESS = "0 "
"""So a reply begins that is no refusal."""
WRITES = ("write", "writev")
SYNCS = ("fdatasync", "fsync")


def answered_too_early(steps: Sequence[Step], ends: Sequence[Ended]) -> list[str]:
    """Return the answers that came before the journal's latest lease was durable.

    Args:
        steps: all that began.
        ends: all that ended, in that order.
    """
    leased = [
        s
        for s in steps
        if s.kind is Kind.JOURNAL and s.call in WRITES and "Leased" in s.detail
    ]
    synced: dict[int, int] = {}
    order = {end.step.number: n for n, end in enumerate(ends)}
    found = []
    for lease in leased:
        done = [
            order[s.number]
            for s in steps
            if s.call in SYNCS and s.number > lease.number and s.number in order
        ]
        synced[lease.number] = min(done, default=len(ends))
    for answer in steps:
        succeeds = answer.detail.startswith(SUCCESS) and "cniVersion" in answer.detail
        if answer.kind is not Kind.SHIM or not succeeds:
            continue
        before = [n for n in synced if n < answer.number]
        # What ended before this call began stands before its own end.
        at = order.get(answer.number, len(ends))
        if before and synced[max(before)] > at:
            found.append(f"I4: {answer} came before the lease was durable")
    return found
