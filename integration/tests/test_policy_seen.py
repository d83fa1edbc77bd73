"""What a person sees of a denied packet: the process' log, and its metrics."""

import signal
from collections.abc import Iterator

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from integration.lab.apiserver import ApiServer
from integration.tests.policy_process import Process
from integration.tests.policy_stage import SECONDS, Stage, policy_stage, until

DENY_ALL = {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress"]}
DENIED = ("denied_packets_total", "ingress", "default", "isolated")
ADDRESS = "127.0.0.1:9465"
"""No port that the kernel chooses for a connection."""
ACCEPTED = ("accepted_connections_total", "ingress", "default")


@pytest.fixture
def stage(server: ApiServer) -> Iterator[Stage]:
    with policy_stage(server) as made:
        yield made


def scraped() -> dict[tuple[str, ...], float]:
    """Return the values of metrics, by name and labels."""
    text = httpx2.get(f"http://{ADDRESS}/metrics", timeout=SECONDS).text
    return {
        (sample.name.removeprefix("vcnd_policy_"), *sample.labels.values()): (
            sample.value
        )
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def chains(process: Process) -> int:
    found = process.status()
    return found.rules.chains if found else 0


async def test_a_denied_packet_is_in_the_log_and_in_the_metrics(
    stage: Stage, process: Process
) -> None:
    stage.pod("web", app="web")
    stage.pod("a")
    stage.policy("deny-all", **DENY_ALL)
    process.start(more=f'metrics = "{ADDRESS}"')
    await until(process.has_put)
    assert not stage.reaches("a", "web")
    await until(lambda: bool(process.told("policy_denied")))
    (line,) = process.told("policy_denied")
    for part in (
        "direction=Ingress",
        "pod=default/web",
        "peer=default/a",
        "protocol=TCP port=8080 why=isolated",
        'policies="NetworkPolicy default/deny-all"',
    ):
        assert part in line
    found = scraped()
    assert found[DENIED] == 1
    assert found["in_force",] == 1
    assert found["pods",] == 2


async def test_counts_outlive_the_process(stage: Stage, process: Process) -> None:
    stage.pod("web", app="web")
    stage.pod("a")
    stage.policy("deny-all", **DENY_ALL)
    stage.policy("port", podSelector={}, ingress=[{"ports": [{"port": 8080}]}])
    process.start()
    await until(process.has_put)
    assert stage.reaches("a", "web")
    process.end(signal.SIGKILL)
    assert stage.reaches("a", "web")  # the kernel counts on
    process.start(more=f'metrics = "{ADDRESS}"')
    await until(process.has_put)
    assert stage.reaches("a", "web")
    assert scraped()[ACCEPTED] == 3
    # What a chain counted is not lost with it, though nobody has read it.
    assert stage.reaches("a", "web")
    path = "/api/v1/namespaces/default/pods/web"
    stage.patch(path, {"metadata": {"labels": {"app": None}}})
    await until(lambda: chains(process) == 1)
    assert scraped()[ACCEPTED] == 4
