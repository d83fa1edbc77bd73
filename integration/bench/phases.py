"""The picture of ``./vcn bench add``: where the microseconds of a call go."""

from integration.bench.add import OURS, PHASE, PROCESS, THEIRS, VERBS, WHOLE
from integration.bench.report import Report
from integration.bench.stacked import Bar, svg
from vcnd.model.phases import Phase

GAP = "what the medians leave"
"""A call that is slow is slow in one phase: medians of phases do not add up."""
PEER = "ptp + host-local"
COLOURS = {
    Phase.SHIM: "#6a51a3",
    Phase.QUEUE: "#2f6fdb",
    Phase.CLAIM: "#e08a4f",
    Phase.JOURNAL: "#f0c79a",
    Phase.NETLINK: "#1a7f37",
    Phase.POLICY: "#c2a5cf",
    Phase.REPLY: "#7fb0ee",
    PROCESS: "#b0413e",
    GAP: "#eeeeee",
    PEER: "#d8dce1",
}


def picture(report: Report) -> str:
    """Return the picture of a report of ``add``: medians of one caller's calls."""
    medians = {
        (row.name, side): summary.p50
        for row in report.rows
        for side, summary in row.sides.items()
    }
    both, mine = [], []
    for verb in VERBS:
        # The row of whole calls is in milliseconds, those of phases in microseconds.
        whole, theirs = (
            1e3 * medians[WHOLE.format(verb), side] for side in (OURS, THEIRS)
        )
        parts: dict[str, float] = {
            phase: medians[PHASE.format(verb, phase), OURS]
            for phase in (*Phase, PROCESS)
        }
        parts[GAP] = max(whole - sum(parts.values()), 0.0)
        ours = Bar(side=f"{verb}, {OURS}", p50=whole, parts=parts)
        mine.append(ours)
        peer = Bar(side=f"{verb}, {PEER}", p50=theirs, parts={PEER: theirs})
        both += [ours, peer]
    return svg(
        {
            "One call, microseconds": both,
            f"The same of {OURS} alone, larger": mine,
        },
        COLOURS,
    )
