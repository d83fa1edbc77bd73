"""``./vcn kind bench --against flannel``: pods of both kinds on the same nodes.

Each node has vcnd and Flannel; a pod is wired by the one whose configuration comes
first when it starts.  So pairs of both kinds are there at once, and take turns.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from rich.console import Console

from integration.bench.datapath import pathcost
from integration.bench.datapath.bench import TESTS
from integration.bench.datapath.stage import FLANNEL, HOST, OFF, OURS
from integration.bench.noise import Meter
from integration.bench.report import Report, row
from integration.bench.samples import Samples, turns
from integration.checking import CheckError
from integration.kind.checks.stage import Stage
from integration.kind.flannel import ends, node, ours, pairs
from integration.kind.starts import PODS, burst, until_gone, until_sandboxes

START_ROUNDS = 3
POOL, SPARE = "[pool]\n", 20
"""Of the configuration; more addresses than pods start, for those that cool down."""
WARM_SECONDS = 300.0
KERNEL = {
    test: (TESTS[test][0], samples)
    for test, samples in (("rr", 1000), ("burst", 400), ("udp", 1000), ("connect", 100))
}
"""Test of ``pathcost`` → what it measures, and how many samples a block has."""
PROCESSES = {
    "rr": ("request/response of 1 byte, processes on one processor", 1000),
    "rr-apart": ("request/response of 1 byte, processes on two processors", 300),
    "stream": ("4 MiB of a stream, processes on one processor", 10),
    "stream-apart": ("4 MiB of a stream, processes on two processors", 10),
}
"""Test of ``ends`` → the same."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """What measures a kind of path; None if it has no pods."""

    kernel: ends.Measure
    processes: ends.Measure | None = None


def run(stage: Stage, console: Console, *, rounds: int) -> Report:
    """Measure on the cluster of a stage, to which Flannel comes.

    Args:
        stage: the cluster.
        console: is told how far it is.
        rounds: how often each side takes its turn with packets.
    """
    if len(stage.workers) < 2:  # noqa: PLR2004
        raise CheckError("packets go between two workers: ./vcn kind up --nodes 3")
    console.print("  Flannel comes to the nodes")
    program = ends.compiled(stage.cache)
    for name in stage.workers:
        node.put(stage, name, program, pairs.PROGRAM)
    node.install(stage)
    meter = Meter()
    starts = _starts(stage, console, meter)
    console.print(f"  packets: {rounds} rounds")
    with _sides(stage) as sides:
        packets = _in_turns(stage, sides, rounds, meter)
        why_no_lane = ours.why_no_lane(stage)
    rows = [row(f"{PODS} pods at once, bound to ready", "s", starts, (OURS, FLANNEL))]
    for what, samples in packets.items():
        ratios = [(OURS, side) for side in samples.blocks if side != OURS]
        rows.append(row(what, "us", samples, *ratios))
    latency = packets[PROCESSES["rr"][0]].ratio(OURS, FLANNEL).p50
    return Report(
        bench="kind",
        rows=rows,
        values={"kind_latency_p50_of_flannel": round(latency, 3)},
        noise=meter.noise(),
        missing={"express lane": why_no_lane} if why_no_lane else {},
    )


def _starts(stage: Stage, console: Console, meter: Meter) -> Samples:
    """Return the seconds from bound to ready of pods on one node."""
    worker = stage.workers[-1]
    _warm(stage, worker)
    others = stage.status(worker).pool.leased
    measured = Samples()
    for number, side in turns((OURS, FLANNEL), START_ROUNDS):
        meter.tick()
        console.print(f"  pods start: round {number} of {START_ROUNDS}, {side}")
        if side == OURS:
            taken = burst(stage, worker)
            until_gone(stage, worker, others=others, free=PODS)
        else:
            with node.using(stage, worker):
                taken = burst(stage, worker)
                until_sandboxes(stage, worker, others)
        if number:  # round 0 warms caches
            measured.add(side, taken["ready"])
    return measured


def _warm(stage: Stage, worker: str) -> None:
    """Let each node hold enough addresses for all pods, also after others' turns."""
    where = ("-n", "kube-system", "configmap", "vcnd")
    configuration = json.loads(stage.kubectl("get", *where, "-o", "json"))["data"]
    text = configuration["vcnd.toml"].replace(POOL, f"{POOL}minimum = {PODS + SPARE}\n")
    stage.kubectl("patch", *where, "-p", json.dumps({"data": {"vcnd.toml": text}}))
    stage.wait(
        "the pool is warm",
        lambda: stage.status(worker).pool.free >= PODS,
        WARM_SECONDS,
    )


@contextmanager
def _sides(stage: Stage) -> Iterator[dict[str, Side]]:
    """Make what is measured side by side."""
    here, there = stage.workers[:2]
    with ExitStack() as stack:
        cost = stack.enter_context(pathcost.running(pathcost.compiled(stage.cache)))

        def side(pair: pairs.Pair) -> Side:
            path = cost.open(pair.client_netns, pair.server_netns, pair.address)
            command = pairs.client_command(stage, pair)
            client = ends.asking(command, stage.cluster.environment)
            return Side(
                kernel=lambda test, samples: cost.measure(test, path, samples),
                processes=stack.enter_context(client),
            )

        mine = side(pairs.make(stage, "ours"))
        with node.using(stage, here, there):
            theirs = pairs.make(stage, "theirs")
        hosts = cost.open(
            pairs.node_root(stage, here) / "ns/net",
            pairs.node_root(stage, there) / "ns/net",
            stage.node_address(there),
        )
        yield {
            OURS: mine,
            OFF: mine,
            FLANNEL: side(theirs),
            HOST: Side(kernel=lambda test, count: cost.measure(test, hosts, count)),
        }


def _in_turns(
    stage: Stage, sides: Mapping[str, Side], rounds: int, meter: Meter
) -> dict[str, Samples]:
    """Return samples by what they measure."""
    measured: dict[str, Samples] = {}
    lane = not ours.why_no_lane(stage)
    with_vcnd = (OURS, OFF) if lane else (OURS,)
    try:
        for number, names in turns((with_vcnd, (FLANNEL, HOST)), rounds):
            if names == with_vcnd:
                ours.put_in(stage, lane=lane)
            else:
                ours.take_out(stage)
            for name in names:
                if name == OFF:
                    ours.switch(stage, "off")
                meter.tick()
                for what, taken in _block(sides[name]):
                    if number:  # round 0 warms caches
                        measured.setdefault(what, Samples()).add(name, taken)
    finally:
        ours.put_in(stage, lane=lane)
    return measured


def _block(side: Side) -> Iterator[tuple[str, list[float]]]:
    """Measure a side once; yield what was measured, and its samples."""
    for test, (what, samples) in KERNEL.items():
        yield what, side.kernel(test, samples)
    if side.processes is not None:
        for test, (what, samples) in PROCESSES.items():
            yield what, side.processes(test, samples)
