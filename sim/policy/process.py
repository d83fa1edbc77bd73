"""vcnd-policy on a simulated node: its own source and engine over the doubles."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import trio

from sim.kubernetes.connection import Through, client, directly
from sim.kubernetes.server import ApiServer
from sim.policy.kernel import PolicyKernel
from vcnd.kube.policy.source import PolicySource
from vcnd.model.admission import Admission
from vcnd.model.cause import Cause, Fault
from vcnd.model.sandbox import Lease
from vcnd.policy.engine import Engine


class Process:
    """vcnd-policy of a node; it can be away.  It is the daemon's ``Policies`` port."""

    def __init__(
        self,
        server: ApiServer,
        kernel: PolicyKernel,
        *,
        node: str,
        seed: int | str = 1,
        strict: bool = True,
        patience_seconds: float = 0.3,
    ) -> None:
        """Make it; ``running`` is one life.

        Args:
            server: the API server.
            kernel: the node's kernel.
            node: the node's name.
            seed: the seed of its jitter.
            strict: whether pods are closed until they are known.
            patience_seconds: a question takes so long at most.
        """
        self._server, self._kernel, self._node = server, kernel, node
        self._random, self._strict = Random(seed), strict
        self._patience = patience_seconds
        self.engine: Engine | None = None
        """That of the life that goes on; None: the process is away."""
        self.source: PolicySource | None = None

    @asynccontextmanager
    async def running(self, through: Through = directly) -> AsyncIterator[Engine]:
        """Run the process until the block ends; what is in force stays.

        Args:
            through: wraps the way to the server.
        """
        source = PolicySource(
            client(self._server, "vcnd-policy", self._node, through),
            random=self._random,
            node=self._node,
            wall_clock=self._server.wall_clock,
        )
        engine = Engine(source, self._kernel, strict=self._strict)
        async with trio.open_nursery() as rooms:
            await rooms.start(source.run)
            rooms.start_soon(engine.run)
            self.source, self.engine = source, engine
            try:
                yield engine
            finally:
                self.source = self.engine = None
                rooms.cancel_scope.cancel()

    async def admit(self, lease: Lease) -> Fault | None:
        """Return None when a pod's policies are in force (``Policies.admit``)."""
        question = Admission(
            link=lease.host_ifname,
            addresses=lease.addresses,
            namespace=lease.pod.namespace,
            name=lease.pod.name,
            uid=lease.pod.uid,
        )
        return await self.ask(question)

    async def ask(self, question: Admission) -> Fault | None:
        """Return None when it is in force, as over the socket."""
        engine = self.engine
        if engine is None:
            return Fault(Cause.UNREACHABLE, "vcnd-policy is away")
        with trio.move_on_after(self._patience):
            await engine.admit(question)
            return None
        return Fault(Cause.TIMED_OUT, "vcnd-policy is late")
