"""A machine's part of network policies: rules in its kernel, and vcnd-policy."""

from collections.abc import Callable
from functools import partial
from typing import Never

import trio

from sim.fleet.kernel import Kernel
from sim.fleet.life import Life
from sim.fleet.violations import DEFECT
from sim.fleet.wire import KubeNetwork, Wire
from sim.kubernetes.server import ApiServer
from sim.policy.kernel import PolicyKernel
from sim.policy.process import Process
from vcnd.model.cause import Cause, Fault
from vcnd.model.policy import Attached
from vcnd.model.sandbox import Lease


class PolicySide:
    """One life of vcnd-policy after another; the daemon's ``Policies`` port."""

    def __init__(
        self,
        kernel: Kernel,
        server: ApiServer,
        *,
        seed: str,
        patience_seconds: float,
        report: Callable[[str, str], None],
    ) -> None:
        """Make it.

        Args:
            kernel: has the pods' links.
            server: the API server.
            seed: the seed of its jitter.
            patience_seconds: the daemon's: a question takes so long at most.
            report: takes violations.
        """
        self.name = ""
        """The Node's."""
        self.kernel = PolicyKernel(self.links)
        self.plugged_at: dict[str, float] = {}
        """Since when a link has what it has."""
        self.is_guarded = True
        """False from when the kernel refused rules, until it has some."""
        self.process: Process | None = None
        """That of this boot."""
        self.interrupted: Callable[[float], None] = lambda _seconds: None
        """Called when a life begins, and when one ends for some seconds."""
        self.changed: Callable[[Lease | None], None] = lambda _gone: None
        """Called when a pod is plugged, or with the lease of one that was."""
        self._pod_links, self._server, self._seed = kernel.links, server, seed
        self._patience, self._report = patience_seconds, report
        self._made: list[Attached] | None = None
        self._life = Life(lambda _error: None)
        self._away_seconds = 1.0

    # Its kernel

    def links(self) -> list[Attached]:
        """Return the pods' links."""
        if self._made is None:
            self._made = [
                Attached(
                    link=name,
                    addresses=link.lease.addresses,
                    namespace=link.lease.pod.namespace,
                    name=link.lease.pod.name,
                    uid=link.lease.pod.uid,
                )
                for name, link in self._pod_links.items()
                if link.lease is not None
            ]
        return self._made

    def plugged(self, lease: Lease) -> None:
        """Hear that a pod is plugged."""
        self.plugged_at[lease.host_ifname] = trio.current_time()
        self._hear(None)

    def cut(self, lease: Lease) -> None:
        """Hear that a pod is not plugged any more."""
        self.plugged_at.pop(lease.host_ifname, None)
        self._hear(lease)

    def _hear(self, gone: Lease | None) -> None:
        self._made = None
        self.kernel.links_changed.set()
        self.changed(gone)

    def boot(self) -> None:
        """Lose all rules."""
        self.kernel.reboot()

    @property
    def closes(self) -> bool:
        """Return True unless the kernel refused the rules that close newcomers."""
        self.is_guarded = self.is_guarded or self.kernel.has_table
        return self.is_guarded

    # Its processes

    async def run(
        self,
        name: str,
        wire: Wire,
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> Never:
        """Run one life after another until the machine is off.

        It has started when rules were tried: daemon and pods come after that.

        Args:
            name: the Node's in this boot.
            wire: the way to the API server.
            task_status: hears of the start.
        """
        self.name = name
        self.process = Process(
            self._server,
            self.kernel,
            node=name,
            seed=self._seed,
            patience_seconds=self._patience,
        )
        has_started = False
        while True:
            self._life = Life(lambda _error: None)
            self.interrupted(0.0)
            try:
                with self._life.scope:
                    through = partial(KubeNetwork, wire, self._life)
                    async with self.process.running(through) as engine:
                        await engine.until_tried()
                        if not has_started:
                            has_started = True
                            task_status.started()
                        await trio.sleep_forever()
            except* Exception as failure:  # noqa: BLE001 - the process' end
                self._report(DEFECT, f"vcnd-policy: {failure!r}")
            self.interrupted(self._away_seconds)
            await trio.sleep(self._away_seconds)

    def kill(self, seconds: float) -> None:
        """End the life that goes on; the next one begins after a while."""
        self._away_seconds = seconds
        self._life.kill()

    async def admit(self, lease: Lease) -> Fault | None:
        """Return None when a pod's policies are in force (``Policies.admit``)."""
        if self.process is None:
            return Fault(Cause.UNREACHABLE, "vcnd-policy is away")
        return await self.process.admit(lease)
