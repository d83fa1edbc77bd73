"""The harness' end of the tracer."""

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from integration.checking import CheckError
from integration.crash import plan as plans
from integration.crash.plan import Acted, Attached, Event, Leave, Left, Plan, Trace
from integration.crash.reading import Place

ANSWER_SECONDS = 60.0


class Tracer:
    """Traces one daemon at a time."""

    def __init__(self, process: trio.Process) -> None:
        self._process = process
        self._input = b""
        self._attached = trio.Event()
        self._over = trio.Event()
        self._left: Left | None = None
        self.acted = False
        """True if the plan's step has come."""
        self.killed = False
        """True if the plan's step has come, and the daemon was killed there."""
        self._news = trio.Event()

    def forget(self) -> None:
        """Forget the daemon before."""
        self._attached, self._over, self._left = trio.Event(), trio.Event(), None
        self.acted = self.killed = False

    async def attach(self, pid: int, place: Place, plan: Plan) -> None:
        """Return when a daemon is traced."""
        await self._send(Trace(pid=pid, place=place, plan=plan))
        await self._wait(self._attached, "does not attach")

    async def killed_or(self, other: trio.Event) -> None:
        """Return when the daemon was killed, has ended, or an event is set."""
        async with trio.open_nursery() as race:

            async def wait_for_other() -> None:
                await other.wait()
                race.cancel_scope.cancel()

            race.start_soon(wait_for_other)
            while not self.killed and not self._over.is_set():
                await self._news.wait()
            race.cancel_scope.cancel()

    async def leave(self, quiet_seconds: float) -> Left:
        """Let the daemon go on without a tracer; return what was seen.

        Args:
            quiet_seconds: wait until the daemon has begun no step for so long.
        """
        if not self.killed and not self._over.is_set():
            await self._send(Leave(quiet_seconds=quiet_seconds))
        await self._wait(self._over, "does not leave")
        if self._left is None:
            raise CheckError("the tracer left and did not tell what it has seen")
        return self._left

    async def _wait(self, event: trio.Event, failure: str) -> None:
        with trio.move_on_after(ANSWER_SECONDS):
            await event.wait()
            return
        raise CheckError(f"the tracer {failure}")

    async def _send(self, command: plans.Command) -> None:
        stdin = self._process.stdin
        if stdin is not None:
            await stdin.send_all(plans.encode(command))

    async def listen(self) -> None:
        """Hear what the tracer tells, until it ends."""
        stdout = self._process.stdout
        if stdout is None:
            return
        async for data in stdout:
            *lines, self._input = (self._input + data).split(b"\n")
            for line in lines:
                self._note(plans.event(line))

    def _note(self, event: Event) -> None:
        match event:
            case Attached():
                self._attached.set()
            case Acted(killed=killed):
                self.acted, self.killed = True, killed
            case Left():
                self._left = event
                self._over.set()
        self._news.set()
        self._news = trio.Event()


@asynccontextmanager
async def running_tracer() -> AsyncIterator[Tracer]:
    """Run a tracer while the body runs."""
    process = await trio.lowlevel.open_process(
        [sys.executable, "-m", "integration.crash.tracer"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        async with trio.open_nursery() as nursery:
            made = Tracer(process)
            nursery.start_soon(made.listen)
            yield made
            nursery.cancel_scope.cancel()
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()
