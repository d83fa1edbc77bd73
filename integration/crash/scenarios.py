"""Scenarios: what the runtime does while the daemon is killed at one of its steps."""

from abc import ABC, abstractmethod
from collections.abc import Callable

import trio

from integration.checking import CheckError
from integration.crash import observed
from integration.crash.stage import BATCH, POLL_SECONDS, Stage
from integration.lab.pods import Pod

POOL_SECONDS = 20.0
"""By then the pool has grown, or shrunk."""


class Scenario(ABC):
    """One scenario; it is run again and again, from the same state."""

    name: str
    starts_daemon = False
    """True if the daemon's start is what is killed."""

    async def enter(self, stage: Stage) -> None:  # noqa: B027 - most need nothing
        """Prepare the stage once, before the first run."""

    @abstractmethod
    async def prepare(self, stage: Stage) -> None:
        """Make the state from which each run starts."""

    @abstractmethod
    async def call(self, stage: Stage) -> None:
        """Do what makes the daemon work; return when its work is seen outside."""

    @abstractmethod
    async def retry(self, stage: Stage) -> None:
        """Do what the runtime does later, if its call did not succeed."""

    @abstractmethod
    async def reset(self, stage: Stage) -> None:
        """Remove what is left of a run."""

    async def compare(self, stage: Stage) -> None:
        """Compare the witnesses once the runtime has what it wants."""
        await stage.agree()
        await stage.pods_work()

    async def compare_with_first(self, stage: Stage) -> None:
        """Compare the state after the reset with that before all runs."""
        await stage.as_before()


class Add(Scenario):
    """A pod starts."""

    name = "add"
    pod: Pod

    async def prepare(self, stage: Stage) -> None:
        """Make the pod's sandbox."""
        self.pod = await stage.sandbox()

    async def call(self, stage: Stage) -> None:
        """Call ADD."""
        await stage.add(self.pod)

    async def retry(self, stage: Stage) -> None:
        """Replace the sandbox, as containerd does; repeat the DEL of the old one."""
        old = self.pod
        await stage.delete(old)
        await stage.discard(old)
        self.pod = await stage.sandbox()
        await stage.add(self.pod)
        await stage.delete(old)

    async def reset(self, stage: Stage) -> None:
        """Delete the pod."""
        await stage.remove(self.pod)


class Delete(Add):
    """A pod ends."""

    name = "del"

    async def prepare(self, stage: Stage) -> None:
        """Start the pod."""
        await super().prepare(stage)
        await stage.add(self.pod)

    async def call(self, stage: Stage) -> None:
        """Call DEL."""
        await stage.delete(self.pod)

    async def retry(self, stage: Stage) -> None:
        """Call DEL again, with the sandbox gone."""
        await stage.discard(self.pod)
        await stage.delete(self.pod)

    async def reset(self, stage: Stage) -> None:
        """Call DEL once more: it succeeds, whatever is gone."""
        await stage.delete(self.pod)
        await stage.discard(self.pod)


class Check(Delete):
    """The runtime asks whether a pod's network is as it was."""

    name = "check"

    async def call(self, stage: Stage) -> None:
        """Call CHECK."""
        await stage.network.check(self.pod.attachment, self.pod.result)

    async def retry(self, stage: Stage) -> None:
        """Call CHECK again."""
        await self.call(stage)

    async def reset(self, stage: Stage) -> None:
        """Delete the pod."""
        await stage.remove(self.pod)


class CollectGarbage(Delete):
    """The runtime has lost a pod, and calls GC."""

    name = "gc"

    async def call(self, stage: Stage) -> None:
        """Call GC; the pod is not among the valid ones."""
        stage.forget(self.pod)
        valid = [pod.attachment for pod in stage.running.values()]
        await stage.network.collect_garbage(valid)

    async def retry(self, stage: Stage) -> None:
        """Call GC again."""
        await self.call(stage)


class Start(Scenario):
    """The daemon starts after a crash in which a pod has vanished."""

    name = "start"
    starts_daemon = True
    stays: Pod
    gone: Pod

    async def prepare(self, stage: Stage) -> None:
        """Start two pods, kill the daemon, remove the namespace of one."""
        self.stays, self.gone = await stage.sandbox(), await stage.sandbox()
        await stage.add(self.stays)
        await stage.add(self.gone)
        await stage.node.kill()
        stage.forget(self.gone)
        await stage.discard(self.gone)

    async def call(self, stage: Stage) -> None:
        """Start the daemon; return when it has compared itself with the cloud."""
        await stage.node.start()

    async def retry(self, stage: Stage) -> None:
        """Start the daemon again, as systemd does."""
        await stage.node.start()

    async def reset(self, stage: Stage) -> None:
        """Delete both pods."""
        await stage.remove(self.stays)
        await stage.remove(self.gone)


class Grow(Add):
    """A pod starts, and the pool grows: another VNIC, and a block of addresses."""

    name = "grow"
    first: Pod

    async def prepare(self, stage: Stage) -> None:
        """Start a pod, so that the next one makes the pool grow."""
        await until_holds(stage, lambda vnics: vnics == [BATCH])
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
        """Return when the pool has another batch: in a block, or in single addresses.

        A daemon that starts anew has forgotten what the first VNIC takes, and may
        learn by it that the subnet has no blocks.
        """
        await until_holds(stage, lambda vnics: sum(vnics) >= 2 * BATCH)

    async def until_shrunk(self, stage: Stage) -> None:
        """Return when one VNIC with a batch is left."""
        await until_holds(stage, lambda vnics: vnics == [BATCH])

    async def reset(self, stage: Stage) -> None:
        """Delete both pods, and wait until the pool is as before."""
        await stage.remove(self.pod)
        await stage.remove(self.first)
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
        await until_holds(stage, lambda vnics: vnics == [BATCH])

    async def call(self, stage: Stage) -> None:
        """Ask for the release."""
        await stage.ask("VCND_RELEASE")

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


async def until_holds(stage: Stage, right: Callable[[list[int]], bool]) -> None:
    """Return when the cloud has the right numbers of addresses on the VNICs."""
    held: list[int] = []
    with trio.move_on_after(POOL_SECONDS):
        while True:
            world = await stage.lab.cloud.world()
            listed = observed.listed(world, stage.node.name)
            held = sorted(map(len, listed.values()))
            if right(held):
                return
            await trio.sleep(POLL_SECONDS)
    raise CheckError(f"the VNICs have {held} addresses after {POOL_SECONDS:.0f} s")


ALL: tuple[type[Scenario], ...] = (
    Add,
    Delete,
    Check,
    CollectGarbage,
    Start,
    Grow,
    Shrink,
    Release,
)
"""In the order in which they run; the last one removes the running pod."""
