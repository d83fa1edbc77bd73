"""The express lane of the real daemon, with pods that the real shim attaches."""

import pytest
import trio

from integration.lab import pods, traffic
from integration.lab.lab import Lab
from integration.lab.node import Node
from integration.tests.conftest import SOON_SECONDS
from vcnd.model.cause import Cause


async def until_pods(node: Node, number: int) -> None:
    """Return when so many pods use the lane; skip where there is no lane."""
    with trio.fail_after(SOON_SECONDS):
        while True:
            found = (await node.status()).express
            if found.cause not in {None, Cause.RELEASED}:
                pytest.skip(f"no express lane here: {found.reason}")
            if found.pods == number:
                return
            await trio.sleep(0.05)


ORDINARY = (
    {"vcnd.io/express": "false"},
    {"kubernetes.io/ingress-bandwidth": "10M"},
    {"kubernetes.io/egress-bandwidth": "10M"},
)
"""Annotations of pods that may not use it."""


async def test_annotated_pods_stay_ordinary(lab: Lab) -> None:
    node = lab.nodes[0]
    await pods.start(node, "pod0", lab.servers)
    for number, annotations in enumerate(ORDINARY, start=1):
        await pods.start(node, f"pod{number}", lab.servers, annotations)
    await until_pods(node, 1)
    # The daemon's next life has it from the journal.
    await node.kill()
    await node.start()
    await until_pods(node, 1)
    assert (await node.status()).pool.leased == 1 + len(ORDINARY)


async def test_a_conversation_outlives_a_killed_daemon(lab: Lab) -> None:
    node = lab.nodes[0]
    a = await pods.start(node, "pod1", lab.servers)
    b = await pods.start(lab.nodes[1], "pod2", lab.servers)
    for one in lab.nodes:
        await until_pods(one, 1)
    talk = await traffic.connect("pod1", b.address, traffic.SERVICE_PORT)
    assert talk is not None
    for _ in range(20):
        assert await talk.ask() == a.address
    await node.kill()
    for _ in range(20):
        assert await talk.ask() == a.address
    await node.start()
    await until_pods(node, 1)
    before = (await node.status()).express.express_packets
    for _ in range(20):
        assert await talk.ask() == a.address
    assert (await node.status()).express.express_packets > before + 20
    talk.close()
