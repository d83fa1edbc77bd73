"""A flood of ADDs on a node with few addresses, by its real socket."""

import array
import os
import secrets
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from fakeoci.fabric import netns
from integration.lab.lab import Lab, running_lab, world_text
from integration.lab.node import Node
from integration.tests.conftest import POOL

CALLS, ADDRESSES = 1000, 10
PATIENCE = 1.0
MARGIN = 9.0
"""For a thousand answers on a busy machine; a runtime waits much longer."""
CALL_BYTES = 16 << 10
"""Of the daemon's memory, for one call that waits."""
CONFIGURATION = b'{"cniVersion":"1.0.0","name":"vcnd","type":"vcnd-cni"}'


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[Lab]:
    """One node with ten addresses, whose calls wait for a second."""
    text = world_text(nodes=1, seed=1, slow=False)
    pool = {**POOL, "minimum": ADDRESSES, "maximum": ADDRESSES}
    async with running_lab(text, tmp_path, nodes=["node1"], pool=pool) as made:
        node = made.nodes[0]
        with node.config_path.open("a") as config:
            config.write(f"[cni]\npatience_seconds = {PATIENCE}\n")
        await node.start()
        await node.until_warm(ADDRESSES)
        yield made


def add_request(number: int) -> bytes:
    """Return the bytes that the shim sends for an ADD."""
    environment = b"\0".join(
        f"{name}={value}".encode()
        for name, value in {
            "CNI_COMMAND": "ADD",
            "CNI_CONTAINERID": f"{number:05}{secrets.token_hex(16)}",
            "CNI_NETNS": str(netns.DIRECTORY / "pod1"),
            "CNI_IFNAME": f"net{number}",
        }.items()
    )
    header = f"vcnd 1 {len(environment)} {len(CONFIGURATION)}\n".encode()
    return header + environment + CONFIGURATION


async def call(node: Node, number: int, netns_fd: int) -> tuple[float, bytes]:
    """Return how long an ADD took, in seconds, and its answer."""
    began = trio.current_time()
    with trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        await connection.connect(str(node.socket_path))
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [netns_fd]))
        await connection.sendmsg([add_request(number)], [rights])
        answer = b""
        while part := await connection.recv(1 << 16):
            answer += part
    return trio.current_time() - began, answer


async def flood(node: Node) -> list[tuple[float, bytes]]:
    """Send all calls at once; return their times and answers."""
    answers: list[tuple[float, bytes]] = []
    descriptor = os.open(netns.DIRECTORY / "pod1", os.O_RDONLY)
    try:
        async with trio.open_nursery() as calls:

            async def one(number: int) -> None:
                answers.append(await call(node, number, descriptor))

            for number in range(CALLS):
                calls.start_soon(one, number)
    finally:
        os.close(descriptor)
    return answers


def memory(node: Node, field: str) -> int:
    """Return a field of the daemon's memory, in bytes."""
    text = Path(f"/proc/{node.pid}/status").read_text()
    line = next(x for x in text.splitlines() if x.startswith(f"{field}:"))
    return int(line.split()[1]) << 10


def open_files(node: Node) -> int:
    return len(os.listdir(f"/proc/{node.pid}/fd"))


async def test_a_flood_of_adds_is_answered_within_bounds(small: Lab) -> None:
    node = small.nodes[0]
    netns.add("pod1")
    before = memory(node, "VmRSS")
    peaks = []
    for expected in (ADDRESSES, 0):
        answers = await flood(node)
        given = [text for _, text in answers if text.startswith(b"0")]
        assert len(answers) == CALLS
        assert len(given) == expected
        assert all(b'"code":11' in text for _, text in answers if text not in given)
        assert max(seconds for seconds, _ in answers) < PATIENCE + MARGIN
        peaks.append(memory(node, "VmHWM"))
    assert peaks[0] - before < CALLS * CALL_BYTES
    assert peaks[1] - peaks[0] < CALLS * CALL_BYTES / 10
    assert (await node.status()).pool.waiting == 0
    assert open_files(node) < 100
