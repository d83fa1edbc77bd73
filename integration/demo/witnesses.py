"""Checks of a cloud whose lists are incomplete, and of a badly timed stop."""

from contextlib import suppress
from typing import Any

import trio

from integration.checking import CheckError, require
from integration.cloudview import addresses_of, named
from integration.demo.stage import Stage, connect
from integration.lab import traffic
from integration.lab.node import Node
from vcnd.model.status import NodeStatus

HIDDEN_SECONDS = 300.0
PODS = 3
MOST_SECONDS = 100.0
"""A VNIC of the last minute may be in no list; then audits come each 24 to 36 s."""


async def vnic_missing_from_list(stage: Stage) -> str:
    """IMDS and the list of attachments lack a VNIC; its pods talk on."""
    node, pod, other = stage.nodes[0], stage.pod(0), stage.pod(1)
    world = await stage.lab.cloud.world()
    attachments = _attachments(world, node)
    conversation = await connect(pod, other.address)
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
        require(heard == pod.address, f"the connection says {heard!r}")
        now = _numbers(await node.status())
        require(now == before, f"VNICs by number: {before} became {now}")
        await trio.sleep(0.5)
    await stage.lab.cloud.hide(*ids, seconds=0)
    conversation.close()
    require(doubted, "no audit has seen a list that lacks the VNIC")
    fresh = await stage.start_pod(node)
    await stage.lab.cloud.settled()
    seen = await traffic.ask(fresh.netns, other.address)
    require(seen == fresh.address, f"a new pod is seen as {seen!r}")
    await stage.stop_pod(fresh)
    return (
        f"{len(doubted)} VNICs missing from both lists: kept with their numbers, the"
        f" connection went on; then {fresh.address} for a new pod"
    )


def _doubted(node: Node) -> list[dict[str, Any]]:
    return [e for e in node.log_events() if e["event"] == "vnic_doubted"]


async def stop_during_release(stage: Stage) -> str:
    """Stop the daemon between OCI's deletion and its record; then start pods."""
    node, cloud = stage.nodes[0], stage.lab.cloud
    await cloud.freeze_attachments(frozen=True)
    async with trio.open_nursery() as releasing:
        releasing.start_soon(_release, node)
        await _until(stage, node, "DETACHING")
        await node.stop()
        releasing.cancel_scope.cancel()
    held = _addresses(await cloud.world(), node)
    await cloud.freeze_attachments(frozen=False)
    await _until(stage, node, "DETACHED")
    await stage.start_daemon(node)
    pods = [await stage.start_pod(node) for _ in range(PODS)]
    given = _addresses(await cloud.world(), node)
    for pod in pods:
        require(pod.address in given, f"{pod.address} of {pod.name} is gone")
        await stage.stop_pod(pod)
    return (
        f"{len(held)} addresses went with their VNIC behind a daemon that was stopped;"
        f" the {PODS} pods after it have {', '.join(p.address for p in pods)}"
    )


async def _release(node: Node) -> None:
    # The daemon is stopped under it.
    with suppress(RuntimeError):
        await node.ctl("release")


async def _until(stage: Stage, node: Node, state: str) -> None:
    seen: set[str] = set()
    with trio.move_on_after(MOST_SECONDS):
        while True:
            world = await stage.lab.cloud.world()
            seen = {a["lifecycleState"] for a in _attachments(world, node)}
            if state in seen or (state == "DETACHED" and not seen):
                return
            await trio.sleep(0.2)
    raise CheckError(f"the VNICs of {node.name} are {seen or 'gone'}, not {state}")


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


def _addresses(world: dict[str, list[dict[str, Any]]], node: Node) -> set[str]:
    """Return the secondary addresses of a node's pod VNICs."""
    vnics = {a.get("vnicId") for a in _attachments(world, node)}
    return {
        address
        for p in world["PrivateIp"]
        if p["vnicId"] in vnics and not p["isPrimary"]
        for address in addresses_of(p)
    }


def _numbers(status: NodeStatus) -> dict[str, int]:
    """Return the number of each VNIC."""
    return {v.id: v.index for v in status.vnics}
