"""Scenarios of the pool: it grows, shrinks, is drained, given back and filled again."""

from integration.crash.pool import BATCH, until_holds
from integration.crash.scenarios import Add, Scenario
from integration.crash.stage import Stage
from integration.lab.pods import Pod
from vcnd.serve.verbs import DRAIN, DRAIN_UNDO, RELEASE


class Grow(Add):
    """A pod starts, and the pool grows: another VNIC, and a block of addresses."""

    name = "grow"
    first: Pod

    async def prepare(self, stage: Stage) -> None:
        """Start a pod, so that the next one makes the pool grow."""
        await until_full(stage)
        self.first = await stage.sandbox()
        await stage.add(self.first)
        await super().prepare(stage)

    async def call(self, stage: Stage) -> None:
        """Call ADD, and wait until the cloud has the new addresses."""
        await super().call(stage)
        await self.until_grown(stage)

    async def retry(self, stage: Stage) -> None:
        """Start the pod unless it runs, and wait for the addresses."""
        if self.pod.attachment.container_id not in stage.running:
            await super().retry(stage)
        await self.until_grown(stage)

    async def until_grown(self, stage: Stage) -> None:
        """Return when the pool has addresses for a batch of further pods."""
        needed = len(stage.running) + BATCH
        await until_holds(stage.lab, lambda vnics: sum(vnics) >= needed)

    async def until_shrunk(self, stage: Stage) -> None:
        """Return when one VNIC with a batch is left."""
        await until_full(stage)

    async def reset(self, stage: Stage) -> None:
        """Delete both pods, and wait until the pool is as before."""
        await stage.remove(self.pod)
        await stage.remove(self.first)
        await self.until_shrunk(stage)

    async def recover(self, stage: Stage) -> None:
        """Detach the VNICs of single addresses: they are no surplus, and would stay."""
        await stage.recover()
        await stage.detach_spare()
        await self.until_shrunk(stage)


class Shrink(Grow):
    """A pod ends, and the pool releases a block and a VNIC."""

    name = "shrink"

    async def prepare(self, stage: Stage) -> None:
        """Start two pods, so that the pool grows."""
        await super().prepare(stage)
        await Grow.call(self, stage)
        await stage.agree()

    async def call(self, stage: Stage) -> None:
        """Call DEL, and wait until the cloud has the addresses back."""
        await stage.delete(self.pod)
        await self.until_shrunk(stage)

    async def retry(self, stage: Stage) -> None:
        """Call DEL again, and wait until the cloud has the addresses back."""
        await self.call(stage)


class Release(Scenario):
    """An administrator gives everything back (``vcndctl release``)."""

    name = "release"

    async def enter(self, stage: Stage) -> None:
        """Delete the running pod: a node with pods is not released."""
        await stage.remove_neighbour()

    async def prepare(self, stage: Stage) -> None:
        """Wait until the pool is full."""
        await until_full(stage)

    async def call(self, stage: Stage) -> None:
        """Ask for the release."""
        await stage.ask(RELEASE.name)

    async def retry(self, stage: Stage) -> None:
        """Ask again."""
        await self.call(stage)

    async def compare(self, stage: Stage) -> None:
        """Stop the daemon, and look that nothing is left."""
        await stage.node.stop()
        await stage.as_before()

    async def reset(self, stage: Stage) -> None:
        """Start the daemon again."""
        await stage.node.start()

    async def compare_with_first(self, stage: Stage) -> None:
        """Do nothing: the daemon is filling its pool."""


class Drain(Scenario):
    """An administrator drains the node (``vcndctl drain``)."""

    name = "drain"

    async def prepare(self, stage: Stage) -> None:
        """Wait until the pool is full."""
        await until_full(stage)

    async def call(self, stage: Stage) -> None:
        """Ask for the drain."""
        await stage.ask(DRAIN.name)

    async def retry(self, stage: Stage) -> None:
        """Ask again."""
        await self.call(stage)

    async def compare(self, stage: Stage) -> None:
        """Start the daemon again: it goes on with the drain."""
        await stage.node.stop()
        await stage.node.start()
        if not (await stage.status()).draining:
            stage.violations.append("the drain ended with the daemon")
        await super().compare(stage)

    async def reset(self, stage: Stage) -> None:
        """Let the node serve again."""
        await stage.ask(DRAIN_UNDO.name)
        await until_full(stage)


class Refill(Release):
    """The daemon starts on a node without pods and VNICs, and fills its pool."""

    name = "refill"
    starts_daemon = True

    async def prepare(self, stage: Stage) -> None:
        """Release all, and stop the daemon."""
        await super().prepare(stage)
        await stage.ask(RELEASE.name)
        await stage.node.stop()

    async def call(self, stage: Stage) -> None:
        """Start the daemon; return when its pool is full."""
        await stage.node.start()
        await stage.unless_it_ends(lambda: until_full(stage))

    async def retry(self, stage: Stage) -> None:
        """Start the daemon again unless it runs, and wait for its pool."""
        if not stage.node.runs:
            await stage.node.start()
        await until_full(stage)

    async def compare(self, stage: Stage) -> None:
        """Compare the witnesses."""
        await stage.agree()

    async def reset(self, stage: Stage) -> None:
        """Do nothing: the next run releases all."""


async def until_full(stage: Stage) -> None:
    """Return when the pool has one VNIC with a batch."""
    await until_holds(stage.lab, lambda vnics: vnics == [BATCH])


ALL: tuple[type[Scenario], ...] = (Grow, Shrink, Drain)
EMPTIED: tuple[type[Scenario], ...] = (Release, Refill)
"""They remove the running pod, so they run last."""
