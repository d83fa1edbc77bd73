"""What ``./vcn sim`` shows: figures of many runs, and each violation's way back."""

from collections.abc import Iterable

import msgspec

from sim.fleet.run import Outcome
from sim.many import Size

HOUR = 3600.0


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of some seeds."""

    nodes: int
    hours: float
    pods_per_hour: float
    seeds: int
    events: int
    calls: int
    """API calls and reads of instance metadata."""
    adds: int
    daemons: int
    packets: int
    """Those that network policies judged."""
    node_hours: float
    """Simulated, without the time that nodes were given to settle."""
    wall_seconds: float
    processor_seconds: float
    node_hours_per_second: float
    """Of wall time."""
    violations: list[Outcome]
    """The runs that had one."""


def of(outcomes: Iterable[Outcome], size: Size, *, wall_seconds: float) -> Report:
    """Return the figures of some runs."""
    done = list(outcomes)
    node_hours = len(done) * size.node_hours
    return Report(
        nodes=size.nodes,
        hours=size.hours,
        pods_per_hour=size.pods_per_hour,
        seeds=len(done),
        events=sum(o.events for o in done),
        calls=sum(o.calls for o in done),
        adds=sum(o.added for o in done),
        daemons=sum(o.daemons for o in done),
        packets=sum(o.packets for o in done),
        node_hours=node_hours,
        wall_seconds=round(wall_seconds, 1),
        processor_seconds=round(sum(o.processor_seconds for o in done), 1),
        node_hours_per_second=round(node_hours / max(wall_seconds, 1e-9), 2),
        violations=[o for o in done if o.violations],
    )


def lines(outcome: Outcome) -> list[str]:
    """Return a run's violations as lines for people."""
    return [
        f"seed {outcome.seed}: {v.rule} at {v.at:.1f} s on {v.node}: {v.what}"
        for v in outcome.violations
    ]
