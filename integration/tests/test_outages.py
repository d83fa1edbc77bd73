"""Something that the daemon needs is away: pods run on, and it recovers by itself.

Of the disk: ``test_disk``; of the API server's own restarts: ``test_kube_watch``.
"""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trio

from fakeoci.fabric import netns
from fakeoci.fabric.vcn import LINK_LOCAL, SERVICES
from integration.crash.witness import witness
from integration.lab import outages, pods
from integration.lab.cni_exec import CniError
from integration.lab.lab import ONPREM, Lab, running_lab, world_text
from integration.lab.node import Node
from integration.lab.outages import Answers, Resolver
from integration.lab.pods import Pod
from integration.tests.conftest import POOL
from vcnd.ociapi.limiter import BURST, MOST_PER_SECOND

QUIET = {**POOL, "audit_seconds": 60.0}
PATIENCE_SECONDS = 4.0
MOST_PODS = 12
"""An outage that keeps no addresses away would serve more."""
RECOVERY_SECONDS = 120.0
"""Then the pool is full again: the longest pause between two tries is 30 s."""
MOST_CALLS = 40
"""From the end of an outage until the pool is full."""
LEAST_PACKETS = 100
WARM = 4
TRY_AGAIN = 11
IDLE_SECONDS = 6.0
"""The daemon closes connections that are idle for 5 s: then names are asked again."""
UNANSWERED = r"a call has had no answer for \d+ s"

Away = Callable[[Lab, Resolver], AbstractAsyncContextManager[None]]


@dataclass(frozen=True)
class Outage:
    """What is away, and what a refused ADD says then."""

    away: Away
    says: str = ""
    """A pattern; empty: no ADD is refused."""
    is_idle: bool = False
    """It begins when the daemon has no connection left."""
    restarts: bool = False
    """The daemon is killed in it, and starts anew."""


def faulty(kind: str, **details: Any) -> Away:
    """Return an outage in which the cloud answers, but not as it should."""
    return lambda lab, _: outages.faulty(lab.cloud, kind, **details)


def silent(address: str) -> Away:
    """Return an outage in which packets to an address are lost."""

    @asynccontextmanager
    async def away(lab: Lab, _: Resolver) -> AsyncIterator[None]:
        with outages.silent(lab.nodes[0].name, address):
            yield

    return away


def resolved(answers: Answers) -> Away:
    """Return an outage of the resolver."""

    @asynccontextmanager
    async def away(_: Lab, resolver: Resolver) -> AsyncIterator[None]:
        resolver.answers = answers
        try:
            yield
        finally:
            resolver.answers = Answers.GOOD

    return away


OUTAGES = {
    "OCI refuses": Outage(faulty("before"), "503 ServiceUnavailable"),
    "OCI is slow": Outage(faulty("slow", seconds=8.0), UNANSWERED),
    "OCI is not reached": Outage(silent(SERVICES), UNANSWERED, is_idle=True),
    "IMDS is not reached": Outage(silent(LINK_LOCAL)),
    "DNS fails": Outage(resolved(Answers.FAILURE), "name resolution", is_idle=True),
    "DNS hangs": Outage(resolved(Answers.NONE), UNANSWERED, is_idle=True),
    "OCI refuses a new daemon": Outage(
        faulty("before"), "503 ServiceUnavailable", restarts=True
    ),
    "IMDS is not reached by a new daemon": Outage(
        silent(LINK_LOCAL), UNANSWERED, restarts=True
    ),
}


@asynccontextmanager
async def node_with(directory: Path, resolver: Resolver) -> AsyncIterator[Lab]:
    """Run one node that reaches OCI by name, and a pod on it."""
    text = world_text(nodes=1, seed=1, slow=False)
    further: dict[str, dict[str, Any]] = {
        "cni": {"patience_seconds": PATIENCE_SECONDS},
        "oci": {"endpoint": f"http://{outages.HOST}"},
    }
    with outages.resolv_conf(directory):
        async with running_lab(
            text, directory, nodes=["node1"], pool=QUIET, further=further
        ) as lab:
            await lab.servers.start(resolver.serve, "node1")
            await lab.nodes[0].start()
            await lab.nodes[0].until_warm(WARM)
            yield lab


async def use_up(node: Node) -> tuple[list[Pod], CniError | None]:
    """Add pods until one is refused; return the others, and the refusal."""
    served = list[Pod]()
    for number in range(MOST_PODS):
        pod = await trio.to_thread.run_sync(pods.prepare, node, f"more{number}")
        try:
            pod.result = await node.network().add(pod.attachment)
        except CniError as error:
            await trio.to_thread.run_sync(netns.remove, pod.netns)
            return served, error
        served.append(pod)
    return served, None


@pytest.mark.parametrize("name", OUTAGES)
async def test_pods_outlast_an_outage(tmp_path: Path, name: str) -> None:
    outage, resolver = OUTAGES[name], Resolver()
    async with node_with(tmp_path, resolver) as lab:
        node = lab.nodes[0]
        runs = await pods.start(node, "runs", lab.servers)
        with witness("runs", runs.address, ONPREM, lab.addresses[ONPREM]) as packets:
            await lab.cloud.settled()
            free = (await node.status()).pool.free
            if outage.is_idle:
                await trio.sleep(IDLE_SECONDS)
            async with outage.away(lab, resolver):
                if outage.restarts:
                    await node.kill()
                    await node.start()
                served, refusal = await use_up(node)
                check_served(len(served) - free, refusal, outage.says)
                # DEL needs nothing of what is away.
                await pods.stop(served.pop())
            before = await last_call(lab)
            await node.until_warm(WARM, RECOVERY_SECONDS)
        check_calls([c["at"] for c in await lab.cloud.requests(before)])
        assert packets.lost == []
        assert packets.exchanged > LEAST_PACKETS
        for pod in served:
            await pods.stop(pod)


def check_served(beyond: int, refusal: CniError | None, says: str) -> None:
    """Check that the whole pool was served, and what was said then."""
    assert beyond >= 0
    if not says:
        assert refusal is None
        return
    assert refusal is not None
    assert refusal.code == TRY_AGAIN
    assert re.search(says, str(refusal))


def check_calls(times: list[float]) -> None:
    """Check that a recovery is no storm."""
    assert len(times) <= MOST_CALLS
    within_a_second = [sum(t <= x < t + 1 for x in times) for t in times]
    assert max(within_a_second, default=0) <= BURST + MOST_PER_SECOND


async def last_call(lab: Lab) -> int:
    """Return the number of the latest call."""
    calls = await lab.cloud.requests()
    return max((call["number"] for call in calls), default=0)
