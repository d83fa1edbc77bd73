"""A real Prometheus scrapes real daemons: metrics, rules, alerts, the dashboard."""

import json
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence, Set
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from rich.console import Console

from fakeoci.fabric import netns
from integration.bench.process import memory
from integration.build.cache import Cache
from integration.build.command import BuildError
from integration.build.prometheus import Programs, programs
from integration.demo.policies import FRIEND, ONLY_FRIENDS, WEB
from integration.lab import pods, prometheus, traffic
from integration.lab.apiserver import ApiServer
from integration.lab.lab import Lab, running_lab, world_text
from integration.lab.node import Node
from integration.lab.pods import Pod
from integration.lab.policies import Policies, enforced
from integration.lab.prometheus import Prometheus
from integration.tests.conftest import POOL
from integration.tests.kube import cluster_of, make_pod
from vcnd.metrics.exposition import Exposition
from vcnd.model.metrics import Kind, MetricFamily
from vcnd.node_metrics import METRICS
from vcnd.policy.metrics import METRICS as POLICY_METRICS
from vcnd.serve import metrics as door

FOLDER = Path(__file__).parents[2] / "deploy" / "monitoring"
PORT, POLICY_PORT, CLUSTER_PORT = 9464, 9465, 9466
WINDOW = "20s"
TURN_SECONDS = 1.0
SECONDS = 60.0
PODS = 3
"""On the first node."""
MIB = 1 << 20
MAYBE_EMPTY = {
    *("vcnd_broken_pods", "vcnd_problems", "vcnd_problems_reported_total"),
    *("vcnd_oci_retries_total", "vcnd_kubernetes_follow_failures_total"),
}
"""They have a value once something goes wrong."""
OPEN = f"insert rule inet firewalld filter_INPUT tcp dport {PORT} accept"
"""What a person adds to the image's firewall (docs/quickstart-oci.md)."""
NODES = ["node1", "node2"]


@pytest.fixture(scope="module")
def found() -> Programs:
    try:
        return programs(Cache(Console(stderr=True)))
    except BuildError as error:
        pytest.skip(str(error))


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    """Two nodes that serve metrics, with a policy and pods that come and go."""
    text = world_text(nodes=2, seed=1, slow=False)
    further = {"node": {"metrics": f"0.0.0.0:{PORT}"}}
    async with running_lab(
        text, tmp_path, nodes=NODES, pool=POOL, further=further
    ) as made:
        for node in made.nodes:
            netns.nft(node.name, OPEN)
            await node.start()
            await node.until_warm(4)
        yield made


@asynccontextmanager
async def cluster_metrics(server: ApiServer) -> AsyncIterator[None]:
    """Serve what the daemon's adapter tells of a real API server, in node1."""

    def listen() -> socket.socket:
        sock = socket.socket()
        sock.bind(("127.0.0.1", CLUSTER_PORT))
        sock.listen()
        return sock

    async with cluster_of(server) as cluster, trio.open_nursery() as serving:

        async def read() -> Sequence[MetricFamily]:
            return list(cluster.families())

        sock = trio.socket.from_stdlib_socket(netns.inside(NODES[0], listen))
        listener = trio.SocketListener(sock)
        serving.start_soon(door.accept, listener, Exposition(read).scrape)
        await cluster.tell_early({})
        make_pod(server, "seen")  # a watch tells of it
        yield
        serving.cancel_scope.cancel()


@asynccontextmanager
async def busy(lab: Lab) -> AsyncIterator[None]:
    """Start and stop pods, and send what policies allow and what they deny."""
    web = await pods.start(lab.nodes[0], "web", lab.servers)
    friend = await pods.start(lab.nodes[0], "friend", lab.servers)
    other = await pods.start(lab.nodes[0], "other", lab.servers)
    directory = lab.directory / "policies"
    policies = Policies(directory)
    labels = {"web": WEB, "friend": FRIEND}
    policies.write_pods([web, friend, other], labels)
    policies.write("policy", [ONLY_FRIENDS])
    address = f"127.0.0.1:{POLICY_PORT}"
    async with (
        enforced(directory, lab.nodes[:1], address),
        trio.open_nursery() as tasks,
    ):
        tasks.start_soon(_come_and_go, lab)
        tasks.start_soon(_talk, web, friend, other)
        yield
        tasks.cancel_scope.cancel()
    for pod in (web, friend, other):
        await pods.stop(pod)


async def _come_and_go(lab: Lab) -> None:
    for number in range(10_000):
        with trio.CancelScope(shield=True):
            pod = await pods.start(lab.nodes[1], f"guest{number}", lab.servers)
            await pods.stop(pod)
        await trio.sleep(TURN_SECONDS)


async def _talk(web: Pod, friend: Pod, other: Pod) -> None:
    port = traffic.SERVICE_PORT
    while True:
        await traffic.ask(friend.netns, web.address, port)
        await traffic.ask(other.netns, web.address, port, seconds=0.2)
        await trio.sleep(TURN_SECONDS)


def dashboard_queries() -> list[tuple[str, str]]:
    """Return panels' titles and expressions, with Grafana's variables filled in."""
    panels = json.loads((FOLDER / "dashboard.json").read_text())["panels"]
    return [
        (
            panel["title"],
            target["expr"]
            .replace("$__rate_interval", WINDOW)
            .replace("$job", ".+")
            .replace("$instance", ".+"),
        )
        for panel in panels
        for target in panel.get("targets", [])
    ]


async def missing_metrics(asked: Prometheus) -> set[str]:
    """Return the metrics of the code that Prometheus has not seen."""
    series = await asked.query('count by (__name__) ({__name__=~"vcnd_.+"})')
    seen = {found["metric"]["__name__"] for found in series}
    wanted = {
        f"{metric.name}_count" if metric.kind is Kind.HISTOGRAM else metric.shown_name
        for metric in (*METRICS, *POLICY_METRICS)
    }
    return wanted - seen


async def test_everything_is_scraped_and_every_query_has_data(
    lab: Lab, found: Programs, server: ApiServer
) -> None:
    targets = {
        ("vcnd", "node1"): f"127.0.0.1:{PORT}",
        ("vcnd", "node2"): f"{lab.addresses['node2']}:{PORT}",
        ("vcnd-policy", "node1"): f"127.0.0.1:{POLICY_PORT}",
        ("vcnd-cluster", "node1"): f"127.0.0.1:{CLUSTER_PORT}",
    }
    running = partial(
        prometheus.running,
        found,
        lab.directory,
        NODES[0],
        targets,
        FOLDER / "rules.yaml",
    )
    async with cluster_metrics(server), running() as asked:
        async with busy(lab):
            await asked.until_data(f"count(up == 1) == {len(targets)}")
            await asked.until_data("vcnd:cni_call_seconds:p99_5m > 0")
            await asked.until_data("vcnd_kubernetes_heard_timestamp_seconds")
            await _until(partial(missing_metrics, asked), set(), MAYBE_EMPTY)
            await _compare_with_vcndctl(lab.nodes[0])
            await _check_rules(asked)
            await _plant_a_problem(lab, asked)
            await _until(partial(_without_data, asked), {"Kinds that are not followed"})
        await _end_a_daemon(lab, asked)


async def _compare_with_vcndctl(node: Node) -> None:
    """Check that vcndctl prints the daemon's metrics, and not those of its own."""
    text = await node.ctl("metrics")
    (resident,) = re.findall(
        r"^process_resident_memory_bytes (\S+)$", text, re.MULTILINE
    )
    of_daemon = memory(node.pid).resident
    assert abs(float(resident) / MIB - of_daemon) < 1
    (leased,) = re.findall(
        r'^vcnd_pool_addresses{class="_own",family="IPv4",state="leased"} (\S+)$',
        text,
        re.MULTILINE,
    )
    assert int(float(leased)) == len((await node.status()).leases) == PODS


async def _until(
    ask: Callable[[], Awaitable[set[str]]],
    wanted: set[str],
    maybe: Set[str] = frozenset(),
) -> None:
    """Return when an answer is as wanted; some of it may be there or not.

    A scrape of a busy machine may come late, and then there is none of its second.
    """
    found: set[str] = set()
    with trio.move_on_after(SECONDS):
        while (found := await ask()) - maybe != wanted:
            await trio.sleep(TURN_SECONDS)
        return
    raise AssertionError(f"not {wanted}, but {found}")


async def _check_rules(asked: Prometheus) -> None:
    """Each rule was evaluated, and no alert of a healthy node is on its way."""

    async def alerts() -> set[str]:
        return {
            rule["name"]
            for rule in await asked.rules()
            if rule.get("state", "inactive") != "inactive"
        }

    await _until(alerts, set())
    rules: list[dict[str, Any]] = await asked.rules()
    assert {rule["health"] for rule in rules} == {"ok"}
    for rule in rules:
        if rule["type"] == "recording":
            assert await asked.query(rule["name"]), rule["name"]


async def _plant_a_problem(lab: Lab, asked: Prometheus) -> None:
    """Break the cloud for a while; Prometheus sees place and cause."""
    await lab.cloud.fault(
        operation="ListVnicAttachments", kind="before", times=500, status=403
    )
    await asked.until_data('vcnd_problems{kind="audit",cause="not_authorized"} > 0')
    await asked.until_data("ALERTS{alertname='VcndProblem',alertstate='pending'}")


async def _without_data(asked: Prometheus) -> set[str]:
    return {
        title for title, query in dashboard_queries() if not await asked.query(query)
    }


async def _end_a_daemon(lab: Lab, asked: Prometheus) -> None:
    await lab.nodes[1].stop()
    await asked.until_data(
        "ALERTS{alertname='VcndDown',instance='node2',alertstate='pending'}"
    )
