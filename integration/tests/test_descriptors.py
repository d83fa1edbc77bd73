"""The daemon reaches its limit of open files: calls wait, or say so."""

import re
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count, islice
from pathlib import Path

import trio

from integration.bench.process import processor_seconds
from integration.crash.witness import witness
from integration.lab import pods, traffic
from integration.lab.cni_exec import CniError
from integration.lab.lab import ONPREM, Lab
from integration.lab.node import Node

MOST_NEEDED = 10
"""So many more descriptors than a quiet daemon has are enough for an ADD."""
PATIENCE_SECONDS = 5.0
WATCHED_SECONDS = 3.0
SOON_SECONDS = 5.0
"""Less than what is left then of the 10 s for which the daemon awaits a request."""
TRY_AGAIN = 11


def limit(pid: int, more: int) -> int:
    """Return the limit below which so many numbers of descriptors are free."""
    used = {int(path.name) for path in Path(f"/proc/{pid}/fd").iterdir()}
    free = (number for number in count() if number not in used)
    return next(islice(free, more, None))


@contextmanager
def few_descriptors(node: Node, more: int) -> Iterator[None]:
    """Let a daemon open so many more files than it has open now."""
    before = resource.prlimit(node.pid, resource.RLIMIT_NOFILE)
    most = limit(node.pid, more)
    resource.prlimit(node.pid, resource.RLIMIT_NOFILE, (most, before[1]))
    try:
        yield
    finally:
        resource.prlimit(node.pid, resource.RLIMIT_NOFILE, before)


async def test_add_without_descriptors_waits_or_says_so(lab: Lab) -> None:
    node = lab.nodes[0]
    refusals = list[CniError]()
    for more in range(MOST_NEEDED):
        pod = await trio.to_thread.run_sync(pods.prepare, node, f"pod{more}")
        with few_descriptors(node, more), trio.move_on_after(PATIENCE_SECONDS):
            try:
                await node.network().add(pod.attachment)
            except CniError as error:
                refusals.append(error)
        # With room again the same pod is served, and can be deleted.
        pod.result = await node.network().add(pod.attachment)
        assert await traffic.ask(pod.netns, lab.addresses[ONPREM]) == pod.address
        await node.network().delete(pod.attachment, pod.result)
    assert refusals
    for refusal in refusals:
        assert refusal.code == TRY_AGAIN
        assert re.search("open no more files|Too many open files", str(refusal))
    events = [e["event"] for e in node.log_events()]
    assert not {"call_failed", "express_off", "task_failed"} & {*events}


async def test_connections_that_hold_all_descriptors(lab: Lab) -> None:
    node = lab.nodes[0]
    runs = await pods.start(node, "runs", lab.servers)
    with (
        witness("runs", runs.address, ONPREM, lab.addresses[ONPREM]) as packets,
        few_descriptors(node, MOST_NEEDED),
    ):
        with ExitStack() as held:
            for _ in range(4 * MOST_NEEDED):
                sock = held.enter_context(socket.socket(socket.AF_UNIX))
                sock.connect(str(node.socket_path))
                sock.sendall(b"vcnd 1 ")  # and no more
            before = processor_seconds(node.pid)
            await trio.sleep(WATCHED_SECONDS)
            spent = processor_seconds(node.pid) - before
        began = trio.current_time()
        pod = await start_soon(node, lab)
        assert trio.current_time() - began < SOON_SECONDS
    # A daemon that tries again without a pause uses all of it.
    assert spent < WATCHED_SECONDS / 4
    assert packets.lost == []
    assert packets.exchanged > 0
    events = [e["event"] for e in node.log_events()]
    assert 1 <= events.count("accept_failed") <= MOST_NEEDED
    await pods.stop(pod)


async def start_soon(node: Node, lab: Lab) -> pods.Pod:
    """Start a pod; call again like a runtime while connections are being closed."""
    while True:
        try:
            return await pods.start(node, "pod1", lab.servers)
        except CniError as error:
            if error.code != TRY_AGAIN:
                raise
            await trio.sleep(0.2)
