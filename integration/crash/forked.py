"""The harness' end of the stem: daemons that are forked, not executed."""

import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import trio

from integration.crash import starting
from integration.crash.starting import Forked, Order
from integration.lab.service import LIKE_THE_UNIT, Daemon, Start, environment_of

MESSAGE_BYTES = 1 << 16
ENVIRONMENTS = {
    "vcnd": LIKE_THE_UNIT,
    "vcnd-policy": environment_of("vcnd-policy.service"),
}
"""Program → what its unit gives it."""


async def at_once(_pid: int) -> None:
    """Do nothing: the daemon may begin."""


class ForkedDaemon:
    """A daemon's process; its parent is the stem."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.code = 0
        self.over = trio.Event()

    async def wait(self) -> int:
        """Return its exit status when it has ended."""
        await self.over.wait()
        return self.code

    def kill(self) -> None:
        """End it by SIGKILL."""
        self._signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end, by SIGTERM."""
        self._signal(signal.SIGTERM)

    def _signal(self, number: int) -> None:
        if not self.over.is_set():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


class Stem:
    """Starts daemons."""

    def __init__(self, sock: trio.socket.SocketType) -> None:
        self._socket = sock
        self._daemons: dict[int, ForkedDaemon] = {}
        self._news, self._forked = trio.open_memory_channel[int](8)
        self.before_begin: Callable[[int], Awaitable[None]] = at_once
        """Called with the process id of a daemon that has not begun yet."""

    async def launch(self, start: Start, program: str = "vcnd") -> Daemon:
        """Start a daemon (``Service.launch``), or another program of ours."""
        gate, opens = os.pipe()
        netns = os.open(start.netns, os.O_RDONLY)
        order = Order(
            program=program,
            arguments=("--config", str(start.config)),
            environment={**ENVIRONMENTS[program], "NOTIFY_SOCKET": str(start.notify)},
        )
        passed = [netns, start.listener.fileno(), start.log.fileno(), gate]
        try:
            with socket.socket(fileno=os.dup(self._socket.fileno())) as plain:
                socket.send_fds(plain, [starting.encode(order)], passed)
            pid = await self._forked.receive()
            daemon = self._daemons[pid]
            await self.before_begin(pid)
        finally:
            for fd in (netns, gate, opens):
                os.close(fd)
        return daemon

    async def listen(self) -> None:
        """Hear which daemons have come and gone."""
        while data := await self._socket.recv(MESSAGE_BYTES):
            news = starting.decode_news(data)
            if isinstance(news, Forked):
                self._daemons[news.pid] = ForkedDaemon(news.pid)
                await self._news.send(news.pid)
            else:
                daemon = self._daemons.pop(news.pid)
                daemon.code = news.code
                daemon.over.set()


@asynccontextmanager
async def running_stem() -> AsyncIterator[Stem]:
    """Run a stem while the body runs."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        process = await trio.lowlevel.open_process(
            [sys.executable, "-m", "integration.crash.stem"], stdin=theirs
        )
        ours.settimeout(0)
        try:
            async with trio.open_nursery() as nursery:
                made = Stem(trio.socket.from_stdlib_socket(ours))
                nursery.start_soon(made.listen)
                yield made
                nursery.cancel_scope.cancel()
        finally:
            process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()
