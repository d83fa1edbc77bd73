"""The API server is away: pods come and go, and the daemon follows it again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from integration.crash.witness import witness
from integration.lab import pods, traffic
from integration.lab.apiserver import SECURE_PORT, ApiServer
from integration.lab.lab import ONPREM, Lab, running_lab, world_text
from integration.lab.relay import Passage, Relay
from integration.tests.conftest import POOL
from integration.tests.kube import make_pod

PODS = 12
"""More than the pool has when it begins."""
MOST_CONNECTIONS = 40
"""From the begin of an outage until the daemon has followed the server again."""
RECOVERY_SECONDS = 120.0


@asynccontextmanager
async def node_of(
    server: ApiServer, directory: Path, relay: Relay
) -> AsyncIterator[Lab]:
    """Run a daemon as the node ``one`` of a cluster."""
    token = server.node_token(server.admin("GET", "/api/v1/nodes/one").json())
    further = {
        "kubernetes": {
            "kubeconfig": str(server.write_kubeconfig(token)),
            "node_name": "one",
        }
    }
    text = world_text(nodes=1, seed=1, slow=False)
    async with running_lab(
        text, directory, nodes=["node1"], pool=POOL, further=further
    ) as lab:
        await lab.servers.start(relay.serve, "node1")
        await lab.nodes[0].start()
        await lab.nodes[0].until_warm(4)
        yield lab


async def until_demand(lab: Lab, demand: int) -> None:
    with trio.fail_after(RECOVERY_SECONDS):
        while (await lab.nodes[0].status()).pool.demand < demand:
            await trio.sleep(0.2)


@pytest.mark.parametrize("passage", [Passage.SILENT, Passage.CUT])
async def test_pods_outlast_an_outage_of_kubernetes(
    server: ApiServer, tmp_path: Path, passage: Passage
) -> None:
    relay = Relay(SECURE_PORT)
    async with node_of(server, tmp_path, relay) as lab:
        node, outside = lab.nodes[0], lab.addresses[ONPREM]
        runs = await pods.start(node, "runs", lab.servers)
        with witness("runs", runs.address, ONPREM, outside) as packets:
            before = relay.connections
            relay.become(passage)
            for number in range(PODS):
                pod = await pods.start(node, f"pod{number}", lab.servers)
                assert await traffic.ask(pod.netns, outside) == pod.address
                if number % 2:
                    await pods.stop(pod)
            demand = (await node.status()).pool.demand
            await trio.to_thread.run_sync(make_pod, server, "bound")
            await trio.sleep(1)
            assert (await node.status()).pool.demand == demand
            relay.become(Passage.OPEN)
            await until_demand(lab, demand + 1)
        assert relay.connections - before <= MOST_CONNECTIONS
        assert packets.lost == []
        assert packets.exchanged > 0
