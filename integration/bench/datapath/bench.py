"""The rows of ``./vcn bench datapath``."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from integration.bench.datapath import ours, pathcost, stage
from integration.bench.datapath.pathcost import Pathcost
from integration.bench.datapath.stage import (
    BARE,
    CROSS,
    FLANNEL,
    HOST,
    OFF,
    OURS,
    SAME,
)
from integration.bench.noise import Meter
from integration.bench.report import Report, Row, row
from integration.bench.samples import Samples, in_turn, median_ratios
from integration.build.cache import Cache

TESTS = {
    "rr": ("request/response of 1 byte", 250),
    "burst": ("60 KB there, 1 byte back", 100),
    "udp": ("UDP, 64 bytes one way", 400),
    "connect": ("connect, accept, close", 40),
    "stream": ("1 MiB of one stream", 8),
}
"""Test → what it measures, and how many samples a block has: some 5 ms of each."""
MOST_PODS = 250
"""Pods of a node in the row that shows whether a packet's cost grows with them."""
Measured = dict[tuple[str, str], Samples]
"""(Between two nodes or on one, test) → samples."""


def measure(
    directory: Path,
    cache: Cache,
    *,
    rounds: int,
    pods: Sequence[int],
    progress: Callable[[str], None],
) -> Report:
    """Build all nodes, measure them in turns, and remove them."""
    program = pathcost.compiled(cache)
    with (
        stage.running(directory, cache, pods, progress) as there,
        pathcost.running(program) as cost,
    ):
        opened = {
            (where, side): cost.open(path.client, path.server, path.address)
            for where, paths in there.paths.items()
            for side, path in paths.items()
        }
        meter = Meter()
        progress(f"{rounds} rounds")
        measured = _in_turns(cost, opened, rounds, meter)
        lane = [ours.lane(node) for node in there.with_lane]
        return report_of(measured, meter, {**there.missing, **why_not_express(lane)})


def _in_turns(
    cost: Pathcost, opened: dict[tuple[str, str], int], rounds: int, meter: Meter
) -> Measured:
    measured: Measured = {}
    for number in range(rounds + 1):
        meter.tick()
        for test, (_, samples) in TESTS.items():
            for where in (CROSS, SAME):
                sides = [side for place, side in opened if place == where]
                for side in in_turn(sides, number):
                    block = cost.measure(test, opened[where, side], samples)
                    if number:  # round 0 warms caches
                        measured.setdefault((where, test), Samples()).add(side, block)
    return measured


def why_not_express(states: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Return why our nodes' packets were not in the express lane, if so."""
    off = {state["why"] for state in states if not state["on"]}
    if off:
        return {"express lane": ", ".join(sorted(off))}
    if not all(state["express_packets"] for state in states):
        return {"express lane": "it is on, but took no packet of some nodes"}
    return {}


def report_of(measured: Measured, meter: Meter, missing: dict[str, str]) -> Report:
    """Return rows and values of what was measured."""
    rows = [
        _row(f"{TESTS[test][0]}, {where}", samples)
        for (where, test), samples in measured.items()
    ]
    return Report(
        bench="datapath",
        rows=rows,
        values=_values({t: s for (where, t), s in measured.items() if where == CROSS}),
        noise=meter.noise(),
        missing=missing,
    )


def _row(name: str, samples: Samples) -> Row:
    sides = samples.blocks
    more = [side for side in sides if side.endswith(" pods")]
    # On one node there are at least two pods, so only these sides stand for ours.
    ours = [OURS, OFF] if OURS in sides else [*more, OFF]
    pairs = [(of, to) for to in (FLANNEL, HOST, BARE) for of in ours]
    pairs += [(HOST, BARE), *((side, OURS) for side in more)]
    there = [(of, to) for of, to in pairs if of in sides and to in sides]
    return row(name, "us", samples, *there)


def _values(cross: dict[str, Samples]) -> dict[str, float]:
    """Return the values of those aims whose sides were measured."""
    wanted = {
        "rr_of_flannel": ("rr", OURS, FLANNEL),
        "rr_of_host": ("rr", OURS, HOST),
        "udp_of_host": ("udp", OURS, HOST),
        "connect_of_flannel": ("connect", OURS, FLANNEL),
        "connect_of_host": ("connect", OURS, HOST),
        "burst_of_host": ("burst", OURS, HOST),
        "ordinary_rr_of_flannel": ("rr", OFF, FLANNEL),
        "rr_250_pods_of_1_pod": ("rr", stage.with_pods(MOST_PODS), OURS),
    }
    return median_ratios(cross, wanted)
