"""The part of Q3 and Q7: how soon a change is in force on three nodes.

vcnd-policy and kube-router take turns on the same nodes: one starts, is measured, and
goes with its rules before the other starts.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

import msgspec

from integration.bench.datapath.underlay import Place
from integration.bench.noise import Meter
from integration.bench.policy import (
    enforcement,
    kube_router,
    populate,
    stage,
    synthetic,
    withdrawal,
)
from integration.bench.policy.daemon import PolicyDaemon, socket_of
from integration.bench.policy.enforcement import Timed, Writer
from integration.bench.policy.kube_router import KubeRouter
from integration.bench.policy.probes import Probes, target
from integration.bench.report import Report, row
from integration.bench.samples import Samples, in_turn, percentile
from integration.build.cache import Cache
from integration.lab.apiserver import ApiServer

PODS = 10_000
PLACES = tuple(Place(number) for number in (1, 2, 3))
WITH_LANE, WITHOUT_LANE = PLACES[:2], PLACES[2:]
"""Where established connections may take the express lane, and where not."""
FLOWS = 4
"""One live flow is watched for so many policies that are timed."""
LANE_OFF = ", lane off"
OURS, THEIRS = "vcnd-policy", kube_router.NAME
LONGEST_SECONDS = {OURS: 30.0, THEIRS: 240.0}
BLOCKS = 2
WRITTEN = "policy written → enforced on all nodes"
WITHDRAWN = "policy withdrawn → open on all nodes"


class Engine(Protocol):
    """What keeps policies in force on one node."""

    def start(self) -> object:
        """Start it."""

    def kill(self) -> None:
        """End it; its rules stay."""

    def remove_rules(self) -> None:
        """Remove its rules."""


class Counts(msgspec.Struct, frozen=True):
    """How often a side writes and withdraws the policy in one block."""

    ours: int
    theirs: int


class Found(msgspec.Struct):
    """What was measured, in seconds and packets."""

    written: Samples = msgspec.field(default_factory=Samples)
    withdrawn: Samples = msgspec.field(default_factory=Samples)
    after: dict[str, list[float]] = msgspec.field(default_factory=dict)
    """Side → packets of live flows that arrived after the change, each time."""
    starts: Samples = msgspec.field(default_factory=Samples)


def measure(
    directory: Path, cache: Cache, counts: Counts, progress: Callable[[str], None]
) -> Report:
    """Return the rows of Q3, Q7 and their part of Q8."""
    missing: dict[str, str] = {}
    program = kube_router.found(cache, missing)
    data = stage.cluster_data(cache, PODS, PLACES, progress)
    meter, found = Meter(), Found()
    with ExitStack() as stack:
        stage.router()
        server = stack.enter_context(stage.api(cache, data, directory))
        progress(f"{synthetic.POLICIES} policies are made by the API")
        populate.make_policies(server, [*synthetic.policies()])
        for place in PLACES:
            progress(f"a node with {synthetic.PODS_A_NODE} pods: {place.netns}")
            names = stage.names(server, place)
            node = stage.node(
                place,
                names,
                express=place in WITH_LANE,
                policy_socket=socket_of(directory, place.netns),
            )
            stack.enter_context(node)
        kubeconfig = server.write_kubeconfig(server.admin_token, stage.URL)
        engines: dict[str, list[Engine]] = {
            OURS: [PolicyDaemon(p.netns, kubeconfig, directory) for p in PLACES]
        }
        if program is not None:
            engines[THEIRS] = [
                KubeRouter(program, p.netns, kubeconfig, directory) for p in PLACES
            ]
        for block in range(1, BLOCKS + 1):
            for side in in_turn([*engines], block):
                count = counts.ours if side == OURS else counts.theirs
                progress(f"block {block} of {BLOCKS}: {side}, {count} times")
                meter.tick()
                try:
                    _measure(server, side, engines[side], count, found)
                except TimeoutError as error:
                    if side == OURS:
                        raise
                    missing[f"{side}, block {block}, in whole"] = str(error)
                    _withdraw_all(server)
    return _report(found, meter, missing)


def _withdraw_all(server: ApiServer) -> None:
    """Delete the policies that a block has left behind."""
    server.admin("DELETE", enforcement.PATH)


def _measure(
    server: ApiServer, side: str, engines: Sequence[Engine], count: int, found: Found
) -> None:
    """Measure a block.

    Raises:
        TimeoutError: a change is not in force in time.
    """
    seconds, timed = LONGEST_SECONDS[side], Timed()
    with _in_force(engines), enforcement.writer(server) as writer:
        try:
            with Probes([target(place, 0) for place in PLACES]) as probes:
                # The first time tells that it is there; it does not count.
                found.starts.add(side, [max(_first(probes, writer, seconds))])
                enforcement.rounds(writer, probes, count, seconds, timed)
        finally:
            for into, took in (
                (found.written, timed.written),
                (found.withdrawn, timed.withdrawn),
            ):
                if took:
                    into.add(side, took)
        for name, places in ((side, WITH_LANE), (f"{side}{LANE_OFF}", WITHOUT_LANE)):
            flows = -(-count // FLOWS)
            packets = withdrawal.packets_after(writer, places, flows, seconds)
            found.after.setdefault(name, []).extend(packets)


def _first(probes: Probes, writer: Writer, seconds: float) -> list[float]:
    took = probes.until_closed(lambda: writer.write(enforcement.DENY), seconds)
    probes.until_open(writer.withdraw, seconds)
    return took


@contextmanager
def _in_force(engines: Sequence[Engine]) -> Iterator[None]:
    """Run engines, and remove their rules at the end."""
    with ExitStack() as stack:
        for engine in engines:
            stack.callback(engine.remove_rules)
            stack.callback(engine.kill)
            engine.start()
        yield


def _pairs(samples: Samples) -> list[tuple[str, str]]:
    """Return the sides to compare: both have as many blocks."""
    ours, theirs = (samples.blocks.get(side, []) for side in (OURS, THEIRS))
    return [(OURS, THEIRS)] if len(ours) == len(theirs) else []


def _report(found: Found, meter: Meter, missing: dict[str, str]) -> Report:
    values = {
        "q3_enforced_p99_ms": _p99(found.written, OURS),
        "q7_packets_after": max(found.after[OURS]),
        "q7_packets_after_lane_off": max(found.after[OURS + LANE_OFF]),
    }
    if THEIRS in found.written.blocks:
        ours, theirs = (percentile(found.written.all(s), 99) for s in (OURS, THEIRS))
        values["q8_enforced_p99_of_kube_router"] = round(ours / theirs, 4)
    after = Samples({side: [packets] for side, packets in found.after.items()})
    return Report(
        bench="policy",
        rows=[
            row(WRITTEN, "ms", found.written, *_pairs(found.written), scale=1e3),
            row(WITHDRAWN, "ms", found.withdrawn, *_pairs(found.withdrawn), scale=1e3),
            row("a live flow's packets after its policy is withdrawn", "", after),
        ],
        values=values,
        noise=meter.noise(),
        missing=missing,
    )


def _p99(samples: Samples, side: str) -> float:
    return round(percentile(samples.all(side), 99) * 1e3, 1)
