"""A kubelet with its runtime: it makes and ends pods' sandboxes, as containerd does.

ADD and DEL are repeated until they succeed; a sandbox whose ADD failed is ended with a
DEL and replaced by another.  GC is never called.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from random import Random
from typing import Any, Protocol

import trio

from sim.fleet.life import Life, LifeEndedError
from sim.fleet.pods import Pod, Sandbox
from vcnd.model.errors import VcndError
from vcnd.model.sandbox import SandboxKey
from vcnd.node import Node

SHIM_SECONDS = 50.0
"""How long the shim asks one daemon after another."""
SHIM_RETRY_SECONDS = 0.2
"""The shim tries at this interval, so it finds a daemon within so long."""
MOST_ADD_SECONDS = 56.0
"""The runtime's own limit is 60; when the shim hangs up, undoing takes 5 at most."""
MOST_REMOVAL_SECONDS = 60.0
"""After which kubelet has removed a sandbox that was stopped."""
MOST_SECONDS = 16.0
"""The longest pause of kubelet's before it tries again."""


class Machine(Protocol):
    """What the runtime knows of its node."""

    name: str

    @property
    def life(self) -> Life | None:
        """Return the daemon that listens now, if one does."""

    async def until_served(self) -> None:
        """Return when the next daemon begins to listen."""

    def make_namespace(self) -> int:
        """Return a new network namespace."""

    def end_namespace(self, netns: int) -> None:
        """Remove a network namespace."""

    def runs(self, pod: Pod) -> None:
        """Note that a pod runs."""

    def gone(self, pod: Pod) -> None:
        """Note that nothing of a pod is left."""

    def answered(self, sandbox: Sandbox) -> None:
        """Note that an ADD succeeded."""

    def ending(self, sandbox: Sandbox) -> None:
        """Note that a sandbox is about to end."""

    def ended(self, sandbox: Sandbox) -> None:
        """Note that a DEL succeeded."""

    def report(self, rule: str, what: str) -> None:
        """Note a violation."""


class CallFailedError(Exception):
    """A CNI call failed, or nobody answered it in time."""


class Runtime:
    """Kubelet and runtime of one node."""

    def __init__(self, machine: Machine, random: Random) -> None:
        self._machine = machine
        self._random = random
        self._made = 0
        self.pods: dict[str, Pod] = {}
        self.repeats: dict[str, list[float]] = {"ADD": [], "DEL": []}
        """Pauses after which the next calls of a command are made once more."""
        self.hang_ups: list[float] = []
        """After which the next calls are given up."""
        self.added = 0
        self.failed = 0
        """How many ADDs succeeded, and failed."""
        self._booted = trio.Event()
        self._nursery: trio.Nursery | None = None

    def open(self, nursery: trio.Nursery) -> None:
        """Set the nursery of all its tasks."""
        self._nursery = nursery

    def start(self, pod: Pod) -> None:
        """Let a pod's sandbox be made a little later."""
        if self._nursery is not None:
            self._nursery.start_soon(self._keep, pod)

    def boot(self) -> None:
        """Lose all sandboxes; the kubelet makes others."""
        for pod in self.pods.values():
            if pod.sandbox is not None:
                self._machine.ending(pod.sandbox)
                pod.sandbox.die()
        self._booted.set()
        self._booted = trio.Event()

    # A pod's life

    async def _keep(self, pod: Pod) -> None:
        """Give a pod a sandbox until it is deleted, then end it."""
        self.pods[pod.ref.uid] = pod
        pause = 1.0
        with trio.move_on_after(pod.kubelet_seconds):
            await pod.woken.wait()
        while pod.wanted:
            sandbox = self._make(pod)
            if await self._start(pod, sandbox):
                pause = 1.0
                self._machine.runs(pod)
                await sandbox.over.wait()
            await self._end(sandbox)
            pod.sandbox = None
            if pod.wanted:
                with trio.move_on_after(pause * self._random.uniform(0.5, 1.0)):
                    await pod.woken.wait()
                pause = min(MOST_SECONDS, 2 * pause)
        del self.pods[pod.ref.uid]
        self._machine.gone(pod)

    def _make(self, pod: Pod) -> Sandbox:
        self._made += 1
        name = f"{self._machine.name}-{self._made}"
        key = SandboxKey("vcnd", name, "eth0")
        pod.sandbox = Sandbox(key=key, netns=self._machine.make_namespace())
        return pod.sandbox

    async def _start(self, pod: Pod, sandbox: Sandbox) -> bool:
        async def add(node: Node) -> Any:
            began = trio.current_time()
            try:
                return await node.attacher.add(
                    sandbox.key, pod.ref, sandbox.netns, pod.annotations
                )
            finally:
                took = trio.current_time() - began
                if took > MOST_ADD_SECONDS:
                    self._machine.report("I11", f"ADD {sandbox.key} took {took:.1f} s")

        self._repeat("ADD", add)
        try:
            sandbox.lease, _ = await self._call(add)
        except CallFailedError:
            self.failed += 1
            return False
        self.added += 1
        if not sandbox.died:
            sandbox.ready = True
            self._machine.answered(sandbox)
        return True

    async def _end(self, sandbox: Sandbox) -> None:
        """Call DEL until it succeeds, then remove the namespace."""
        sandbox.ready = False
        self._machine.ending(sandbox)

        delete = partial(self._delete, sandbox)
        self._repeat("DEL", delete)
        pause = 1.0
        while True:
            try:
                await self._call(delete)
                break
            except CallFailedError:
                await trio.sleep(pause)
                pause = min(MOST_SECONDS, 2 * pause)
        self._machine.ended(sandbox)
        self._machine.end_namespace(sandbox.netns)
        if self._random.random() < 0.5 and self._nursery is not None:
            # kubelet removes a stopped sandbox later, and containerd calls DEL again.
            seconds = self._random.uniform(1, MOST_REMOVAL_SECONDS)
            self._nursery.start_soon(self._again, delete, seconds)

    async def _delete(self, sandbox: Sandbox, node: Node) -> Any:
        try:
            return await node.attacher.delete(sandbox.key)
        except VcndError as error:
            self._machine.report("I5", f"DEL {sandbox.key}: {error!r}")
            raise

    async def check(self) -> None:
        """Call CHECK for the sandboxes that run."""
        for pod in list(self.pods.values()):
            sandbox = pod.sandbox
            if sandbox is None or sandbox.lease is None or not sandbox.ready:
                continue
            addresses, netns = sandbox.lease.addresses, sandbox.netns
            key = sandbox.key

            async def check(
                node: Node,
                key: SandboxKey = key,
                netns: int = netns,
                addresses: tuple[str, ...] = addresses,
            ) -> None:
                await node.attacher.check(key, netns, addresses)

            try:
                await self._call(check)
            except CallFailedError:
                return

    # Calls

    def _repeat(self, command: str, ask: Callable[[Node], Awaitable[Any]]) -> None:
        pauses = self.repeats[command]
        if pauses and self._nursery is not None:
            self._nursery.start_soon(self._again, ask, pauses.pop(0))

    async def _again(
        self, ask: Callable[[Node], Awaitable[Any]], seconds: float
    ) -> None:
        await trio.sleep(seconds)
        try:
            await self._call(ask)
        except CallFailedError:
            return

    async def _call(self, ask: Callable[[Node], Awaitable[Any]]) -> Any:
        """Ask one daemon after another, as the shim does.

        Raises:
            CallFailedError: the daemon refuses, or no daemon answers in time.
        """
        seconds = SHIM_SECONDS
        if self.hang_ups:
            seconds = self.hang_ups.pop(0)
        with trio.move_on_after(seconds):
            while True:
                life = self._machine.life
                if life is not None and not life.ended.is_set():
                    try:
                        return await life.call(ask)
                    except LifeEndedError:
                        pass
                    except VcndError as error:
                        raise CallFailedError(str(error)) from error
                    continue
                await self._machine.until_served()
                await trio.sleep(self._random.uniform(0.0, SHIM_RETRY_SECONDS))
        raise CallFailedError("no answer")
