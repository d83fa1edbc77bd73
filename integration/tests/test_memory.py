"""The daemon gets no more memory: it ends, and the next one finds all pods."""

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import trio

from integration.crash.witness import witness
from integration.lab import pods, traffic
from integration.lab.lab import ONPREM, Lab
from integration.lab.node import Node

CALLS = 40
PART, PARTS = b" " * 15_000, 60
"""Of a call's configuration, of 1 MB: the daemon keeps it until it is whole."""
SOON_SECONDS = 30.0


@contextmanager
def no_more_memory(node: Node) -> Iterator[None]:
    """Let a daemon have the address space that it has now."""
    pid, hard = node.pid, resource.prlimit(node.pid, resource.RLIMIT_AS)[1]
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE")
    resource.prlimit(pid, resource.RLIMIT_AS, (limit, hard))
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_AS, (hard, hard))


async def send(node: Node) -> None:
    """Send a large call that is never whole, until the daemon has ended."""
    with suppress(OSError, trio.BrokenResourceError):
        async with await trio.open_unix_socket(str(node.socket_path)) as stream:
            await stream.send_all(b"vcnd 1 100 1000000\n" + PART * PARTS)
            await trio.sleep_forever()


async def ended_by(calls: int, node: Node) -> int:
    """Return the daemon's exit status after so many calls at once."""
    async with trio.open_nursery() as senders:
        for _ in range(calls):
            senders.start_soon(send, node)
        with trio.fail_after(SOON_SECONDS):
            code = await node.ended()
        senders.cancel_scope.cancel()
    return code


async def test_daemon_without_memory_ends_and_pods_run_on(quiet: Lab) -> None:
    """No audit asks for memory meanwhile."""
    lab, node = quiet, quiet.nodes[0]
    runs = await pods.start(node, "runs", lab.servers)
    with witness("runs", runs.address, ONPREM, lab.addresses[ONPREM]) as packets:
        before = (await node.status()).leases
        with no_more_memory(node):
            # Small calls need no more than what others gave back.
            small = await pods.start(node, "small", lab.servers)
            await pods.stop(small)
            code = await ended_by(CALLS, node)
        await node.start()  # as systemd does
        assert (await node.status()).leases == before
        fresh = await pods.start(node, "fresh", lab.servers)
        assert await traffic.ask("fresh", lab.addresses[ONPREM]) == fresh.address
    assert packets.lost == []
    assert packets.exchanged > 0
    # SIGALRM: not even the error could be told (vcnd/ending.py).
    log = node.log_path.read_text()
    assert (code == 1 and "MemoryError" in log) or code == -signal.SIGALRM
    for pod in (runs, fresh):
        await pods.stop(pod)
