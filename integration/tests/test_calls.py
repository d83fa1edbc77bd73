"""Calls that wait, by the real shim: the runtime hangs up, or sends DEL."""

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from fakeoci.fabric import netns
from integration.build.machines import Machine
from integration.lab import pods
from integration.lab.cni_exec import CniError
from integration.lab.lab import Lab, running_lab, world_text
from integration.lab.node import Node
from integration.lab.plugins import by, launcher
from integration.lab.pods import Pod
from integration.tests.conftest import POOL, SOON_SECONDS


@pytest.fixture
async def cold(tmp_path: Path) -> AsyncIterator[Lab]:
    """One node that serves and gets no VNIC: every ADD waits."""
    text = world_text(nodes=1, seed=1, slow=False)
    async with running_lab(text, tmp_path, nodes=["node1"], pool=POOL) as made:
        await made.cloud.fault(
            operation="AttachVnic", kind="before", status=500, times=1000
        )
        await made.nodes[0].start()
        yield made


async def until_waiting(node: Node, number: int) -> None:
    with trio.fail_after(SOON_SECONDS):
        while (await node.status()).pool.waiting != number:
            await trio.sleep(0.05)


async def shim(node: Node, pod: Pod, program: Path) -> trio.Process:
    """Start an ADD as a runtime does; its output is a pipe."""
    network = node.network()
    configuration = b'{"cniVersion":"1.0.0","name":"vcnd","type":"vcnd-cni"}'
    process = await trio.lowlevel.open_process(
        [
            *("/usr/bin/nsenter", f"--net={netns.DIRECTORY / node.name}"),
            str(program),
        ],
        stdin=-1,
        stdout=-1,
        env={
            **network.environment,
            "CNI_COMMAND": "ADD",
            "CNI_CONTAINERID": pod.attachment.container_id,
            "CNI_NETNS": str(netns.DIRECTORY / pod.netns),
            "CNI_IFNAME": "eth0",
        },
    )
    assert process.stdin is not None
    async with process.stdin:
        await process.stdin.send_all(configuration)
    return process


@pytest.mark.parametrize("how", ["killed", "output closed"])
async def test_add_ends_with_its_runtime(
    cold: Lab, tmp_path: Path, machine: Machine, how: str
) -> None:
    node = cold.nodes[0]
    pod = pods.prepare(node, "pod1")
    process = await shim(node, pod, launcher(tmp_path, machine))
    await until_waiting(node, 1)
    if how == "killed":
        os.kill(process.pid, signal.SIGKILL)
    else:
        assert process.stdout is not None
        await process.stdout.aclose()
    with trio.fail_after(SOON_SECONDS):
        await process.wait()
    await until_waiting(node, 0)
    status = await node.status()
    assert status.leases == ()
    assert any(e["event"] == "caller_hung_up" for e in node.log_events())
    await node.network().delete(pod.attachment, None)
    assert (await node.status()).pool.waiting == 0


async def test_del_ends_its_waiting_add(
    cold: Lab, tmp_path: Path, machine: Machine
) -> None:
    node = cold.nodes[0]
    network = by(node.network(), launcher(tmp_path, machine))
    pod = pods.prepare(node, "pod1")

    async def add() -> None:
        with pytest.raises(CniError, match="overtaken by DEL") as caught:
            await network.add(pod.attachment)
        assert caught.value.code == 11

    async with trio.open_nursery() as calls:
        calls.start_soon(add)
        await until_waiting(node, 1)
        with trio.fail_after(SOON_SECONDS):
            await network.delete(pod.attachment, None)
    assert (await node.status()).leases == ()
