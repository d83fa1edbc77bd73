"""Checks of what the cloud says once and does not mean."""

from typing import Any

import trio

from integration.demo.stage import CheckError, Stage, expect
from integration.lab import traffic
from integration.lab.lab import named
from integration.lab.node import Node

HIDDEN_SECONDS = 300.0
MOST_SECONDS = 40.0


async def vnic_missing_from_list(stage: Stage) -> str:
    """IMDS and the list of attachments lack a VNIC; its pods talk on."""
    node, pod, other = stage.nodes[0], stage.pod(0), stage.pod(1)
    world = await stage.lab.cloud.world()
    attachments = _attachments(world, node)
    conversation = await traffic.connect(pod.netns, other.address, traffic.SERVICE_PORT)
    if conversation is None:
        raise CheckError(f"{pod.name} cannot connect to {other.name}")
    before = _numbers(await node.status())
    ids = [a[name] for a in attachments for name in ("id", "vnicId")]
    await stage.lab.cloud.hide(*ids, seconds=HIDDEN_SECONDS)
    # The audit at start asks at once; the others come seldom.
    await node.stop()
    await stage.start_daemon(node)
    doubted: list[dict[str, Any]] = []
    with trio.move_on_after(MOST_SECONDS):
        while not doubted:
            await trio.sleep(0.2)
            doubted = _doubted(node)
    for _ in range(3):
        heard = await conversation.ask()
        expect(heard == pod.address, f"the connection says {heard!r}")
        now = _numbers(await node.status())
        expect(now == before, f"VNICs by number: {before} became {now}")
        await trio.sleep(0.5)
    await stage.lab.cloud.hide(*ids, seconds=0)
    conversation.close()
    expect(bool(doubted), "no audit has seen a list that lacks the VNIC")
    fresh = await stage.start_pod(node)
    seen = await traffic.ask(fresh.netns, other.address)
    expect(seen == fresh.address, f"a new pod is seen as {seen!r}")
    await stage.stop_pod(fresh)
    return (
        f"{len(doubted)} VNICs missing from both lists: kept with their numbers, the"
        f" connection went on; then {fresh.address} for a new pod"
    )


def _doubted(node: Node) -> list[dict[str, Any]]:
    return [e for e in node.log_events() if e["event"] == "vnic_doubted"]


def _attachments(
    world: dict[str, list[dict[str, Any]]], node: Node
) -> list[dict[str, Any]]:
    """Return the attachments of a node's pod VNICs."""
    instance = named(world, "Instance", node.name)["id"]
    primary = {v["id"] for v in world["Vnic"] if v["isPrimary"]}
    return [
        a
        for a in world["VnicAttachment"]
        if a["instanceId"] == instance and a.get("vnicId") not in primary
    ]


def _numbers(status: dict[str, Any]) -> dict[str, int]:
    """Return the number of each VNIC."""
    return {v["id"]: v["index"] for v in status["vnics"]}
