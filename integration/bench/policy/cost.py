"""Q4: what policies cost a packet, and a new connection.

Each side is a node of its own with 110 pods; a packet goes from one of them to another.
The processes write their rules and end: what is measured is the kernel's alone.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from fakeoci.fabric import netns
from integration.bench.datapath import pathcost
from integration.bench.datapath.pathcost import Pathcost
from integration.bench.datapath.underlay import Place
from integration.bench.noise import Meter
from integration.bench.policy import kube_router, populate, stage
from integration.bench.policy.daemon import PolicyDaemon
from integration.bench.policy.kube_router import KubeRouter
from integration.bench.policy.synthetic import PODS_A_NODE, Body, Pod
from integration.bench.report import Report, row
from integration.bench.samples import Samples, in_turn, median_ratios
from integration.build.cache import Cache
from integration.lab.apiserver import ApiServer

TESTS = {
    "rr": ("request/response of 1 byte", 250),
    "udp": ("UDP, 64 bytes one way", 400),
    "connect": ("connect, accept, close", 60),
}
"""Test → what it measures, and how many samples a block has."""
SPACE = "cost"
POLICIES = 500
CLIENT, SERVER = 0, 1
"""Which of the pods have the two ends; each is selected by five policies."""
PAIR: Body = {"podSelector": {"matchLabels": {"app": "pair"}}}
PATH_PORTS: Body = {"port": 7800, "endPort": 7899}
NONE, NO_POLICY, FULL = "no engine", "vcnd-policy, 0 policies", "vcnd-policy, 500"
ROUTER_NONE, ROUTER_FULL = "kube-router, 0 policies", "kube-router, 500"
LANE_NONE, LANE_FULL = "no engine, lane on", "vcnd-policy, 500, lane on"
OURS, THEIRS = "vcnd-policy", kube_router.NAME


class Side(msgspec.Struct, frozen=True):
    """A node that is measured."""

    name: str
    place: Place
    engine: str = ""
    policies: bool = False
    """Whether the policies are there when its rules are written."""
    express: bool = False


def sides(*, peer: bool) -> list[Side]:
    """Return all sides.

    Args:
        peer: whether kube-router is there.
    """
    made = [
        Side(NONE, Place(11)),
        Side(NO_POLICY, Place(12), OURS),
        Side(FULL, Place(13), OURS, policies=True),
        Side(LANE_NONE, Place(14), express=True),
        Side(LANE_FULL, Place(15), OURS, policies=True, express=True),
    ]
    if peer:
        made += [
            Side(ROUTER_NONE, Place(16), THEIRS),
            Side(ROUTER_FULL, Place(17), THEIRS, policies=True),
        ]
    return made


def pods(place: Place) -> list[Pod]:
    """Return the pods of a node: the same on each but for names and addresses."""
    return [
        Pod(
            namespace=SPACE,
            name=f"{place.netns}-{number}",
            app="pair",
            node=place.netns,
            address=place.pod(number),
            host=str(place.primary.ip),
        )
        for number in range(PODS_A_NODE)
    ]


def policies() -> Iterator[Body]:
    """Yield the policies: four or five are about each pod, one of them lets it talk."""
    for number in range(POLICIES):
        slot = {"matchLabels": {"slot": str(number % PODS_A_NODE)}}
        yield {
            "metadata": {"name": f"c{number}", "namespace": SPACE},
            "spec": {"podSelector": slot, **_RULES[number // PODS_A_NODE]},
        }


_BLOCK: Body = {"ipBlock": {"cidr": "172.16.0.0/12", "except": ["172.16.7.0/24"]}}
_TIER: Body = {"namespaceSelector": {"matchLabels": {"tier": "t1"}}}
_DNS: Body = {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53}]}
_PATH_PORTS = [{**PATH_PORTS, "protocol": protocol} for protocol in ("TCP", "UDP")]
_RULES: list[Body] = [
    {"ingress": [{"from": [_TIER], "ports": [{"port": 8080}]}]},
    {"ingress": [{"from": [_BLOCK], "ports": [{"port": 9000, "endPort": 9100}]}]},
    {"policyTypes": ["Egress"], "egress": [_DNS, {"to": [_TIER]}]},
    {"ingress": [{"from": [PAIR], "ports": _PATH_PORTS}]},
    {"policyTypes": ["Egress"], "egress": [{"to": [PAIR], "ports": _PATH_PORTS}]},
]
"""The last two allow what the bench sends; they stand behind the others."""


def make_pods(server: ApiServer, chosen: Sequence[Side]) -> None:
    """Make the namespace, the nodes and the pods in the API."""
    spaces = [{"metadata": {"name": SPACE, "labels": {"tier": "t0"}}}]
    nodes = [stage.node_body(side.place) for side in chosen]
    for path, bodies in (("/api/v1/namespaces", spaces), ("/api/v1/nodes", nodes)):
        populate.write(server, [[("POST", path, body)] for body in bodies])
    made = [pod for side in chosen for pod in pods(side.place)]
    populate.write(server, [populate.started(pod) for pod in made])


@contextmanager
def running(
    cache: Cache, directory: Path, router: Path | None, progress: Callable[[str], None]
) -> Iterator[list[Side]]:
    """Run all nodes with their rules in force, and no process that keeps them.

    Args:
        cache: has the programs.
        directory: takes files.
        router: kube-router's program; None: it is left out.
        progress: is told what is made.
    """
    chosen = sides(peer=router is not None)
    with ExitStack() as stack:
        stage.router()
        server = stack.enter_context(stage.api(cache, None, directory))
        make_pods(server, chosen)
        for side in chosen:
            progress(f"Q4: a node: {side.name}")
            names = stage.names(server, side.place)
            stack.enter_context(stage.node(side.place, names, express=side.express))
        kubeconfig = server.write_kubeconfig(server.admin_token, stage.URL)
        for there in (False, True):
            if there:
                populate.make_policies(server, [*policies()])
            for side in chosen:
                if side.engine and side.policies == there:
                    progress(f"Q4: rules: {side.name}")
                    _write_rules(side, kubeconfig, directory, router)
        yield chosen


def _write_rules(
    side: Side, kubeconfig: Path, directory: Path, router: Path | None
) -> None:
    if side.engine == OURS:
        ours = PolicyDaemon(side.place.netns, kubeconfig, directory)
        try:
            ours.start()
        finally:
            ours.kill()
    elif router is not None:
        theirs = KubeRouter(router, side.place.netns, kubeconfig, directory)
        try:
            theirs.start()
            theirs.until_synced()
        finally:
            theirs.kill()


def measure(
    chosen: Sequence[Side],
    cost: Pathcost,
    rounds: int,
    meter: Meter,
    progress: Callable[[str], None],
) -> dict[str, Samples]:
    """Return the samples of each test, in microseconds."""
    opened = {side.name: _open(cost, side.place) for side in chosen}
    measured = {test: Samples() for test in TESTS}
    progress(f"Q4: {rounds} rounds")
    for number in range(rounds + 1):
        meter.tick()
        for test, (_, samples) in TESTS.items():
            for side in in_turn([*opened], number):
                block = cost.measure(test, opened[side], samples)
                if number:  # round 0 warms caches
                    measured[test].add(side, block)
    return measured


def _open(cost: Pathcost, place: Place) -> int:
    client, server = (
        netns.DIRECTORY / place.pod_netns(pod) for pod in (CLIENT, SERVER)
    )
    return cost.open(client, server, place.pod(SERVER))


def report(
    directory: Path, cache: Cache, rounds: int, progress: Callable[[str], None]
) -> Report:
    """Build the nodes, measure them in turns, and remove them."""
    missing: dict[str, str] = {}
    router = kube_router.found(cache, missing)
    program = pathcost.compiled(cache)
    with (
        running(cache, directory, router, progress) as chosen,
        pathcost.running(program) as cost,
    ):
        meter = Meter()
        measured = measure(chosen, cost, rounds, meter, progress)
    return Report(
        bench="policy",
        rows=[
            row(TESTS[test][0], "us", samples, *_pairs(samples))
            for test, samples in measured.items()
        ],
        values=_values(measured),
        noise=meter.noise(),
        missing=missing,
    )


def _pairs(samples: Samples) -> list[tuple[str, str]]:
    pairs = [
        (FULL, NO_POLICY),
        (NO_POLICY, NONE),
        (FULL, NONE),
        (LANE_FULL, LANE_NONE),
        (ROUTER_FULL, ROUTER_NONE),
        (ROUTER_FULL, NONE),
        (FULL, ROUTER_FULL),
    ]
    return [pair for pair in pairs if {*pair} <= samples.blocks.keys()]


def _values(measured: dict[str, Samples]) -> dict[str, float]:
    """Return the values of those aims whose sides were measured."""
    wanted = {
        "q4_rr_500_of_0": ("rr", FULL, NO_POLICY),
        "q4_udp_500_of_0": ("udp", FULL, NO_POLICY),
        "q4_connect_of_none": ("connect", LANE_FULL, LANE_NONE),
        "q4_connect_of_none_lane_off": ("connect", FULL, NONE),
        "q8_rr_of_kube_router": ("rr", FULL, ROUTER_FULL),
        "q8_connect_of_kube_router": ("connect", FULL, ROUTER_FULL),
    }
    return median_ratios(measured, wanted)
