"""A life of a daemon: from its start until it ends or is killed.

A killed daemon does nothing more.  Its tasks are cancelled, and whatever they then call
has no effect: each port of a life asks it first.  So a life can end between any two
effects on disk, kernel and cloud.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import trio

from vcnd.kube.cluster import KubeCluster
from vcnd.model.errors import VcndError
from vcnd.node import Node


class LifeEndedError(Exception):
    """The daemon ended before it answered; the caller may ask the next one."""


class Call:
    """A call that the daemon works on, and its answer."""

    def __init__(self) -> None:
        self.scope = trio.CancelScope()
        self.done = trio.Event()
        self.answer: Any = None
        self.error: Exception | None = None


class Life:
    """One run of a node's daemon."""

    def __init__(self, defect: Callable[[BaseException], None]) -> None:
        self.killed = False
        self.scope = trio.CancelScope()
        self.serves = trio.Event()
        self.ended = trio.Event()
        self.node: Node | None = None
        self.cluster: KubeCluster | None = None
        self._steps_left = -1
        self._defect = defect
        self._nursery: trio.Nursery | None = None
        self._calls: set[Call] = set()
        self._at_end: list[Callable[[], None]] = []

    # Its end

    def kill(self) -> None:
        """Let nothing that it does have an effect from now on."""
        self.killed = True
        self.scope.cancel()
        self.finish()

    def at_end(self, close: Callable[[], None]) -> None:
        """Call a function once it has ended."""
        self._at_end.append(close)

    def kill_after(self, steps: int) -> None:
        """Kill it between two effects."""
        self._steps_left = steps

    def finish(self) -> None:
        """Let the calls that it works on go without an answer."""
        self.ended.set()
        while self._at_end:
            self._at_end.pop()()
        for call in self._calls:
            call.done.set()

    def step(self) -> bool:
        """Note that it is about to have an effect, or had one; False if it is dead."""
        if self._steps_left == 0:
            self._steps_left = -1
            self.kill()
        elif self._steps_left > 0:
            self._steps_left -= 1
        return not self.killed

    async def go_on(self) -> None:
        """Note the same; a dead life does not return."""
        if not self.step():
            await trio.sleep_forever()

    # Its calls

    def serve(self, node: Node, cluster: KubeCluster, nursery: trio.Nursery) -> None:
        """Take calls from now on."""
        self.node, self.cluster, self._nursery = node, cluster, nursery
        self.serves.set()

    async def call(self, ask: Callable[[Node], Awaitable[Any]]) -> Any:
        """Let the daemon answer; it goes on if the caller is cancelled, and is told.

        Raises:
            LifeEndedError: it ended before.
            VcndError: its refusal.
        """
        if self.ended.is_set() or self.node is None or self._nursery is None:
            raise LifeEndedError
        call = Call()
        self._calls.add(call)
        self._nursery.start_soon(self._answer, call, ask, self.node)
        try:
            await call.done.wait()
        except trio.Cancelled:
            call.scope.cancel()  # the caller hung up
            raise
        finally:
            self._calls.discard(call)
        if call.error is not None:
            raise call.error
        if self.killed or call.scope.cancelled_caught or self.ended.is_set():
            raise LifeEndedError
        return call.answer

    async def _answer(
        self, call: Call, ask: Callable[[Node], Awaitable[Any]], node: Node
    ) -> None:
        with call.scope:
            try:
                answer = await ask(node)
                await self.go_on()
                call.answer = answer
            except VcndError as error:
                call.error = error
            except Exception as error:  # noqa: BLE001 - the daemon's boundary
                if not self.killed:
                    self._defect(error)
        call.done.set()
