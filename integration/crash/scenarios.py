"""Scenarios: what the runtime calls while the daemon is killed at one of its steps."""

from abc import ABC, abstractmethod

from integration.crash.stage import Stage
from integration.lab.pods import Pod


class Scenario(ABC):
    """One scenario; it is run again and again, from the same state."""

    name: str
    starts_daemon = False
    """True if the daemon's start is what is killed."""

    async def enter(self, stage: Stage) -> None:  # noqa: B027 - most need nothing
        """Prepare the stage once, before the first run."""

    async def leave(self, stage: Stage) -> None:  # noqa: B027 - likewise
        """Lead the stage back, after the last run."""

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

    async def recover(self, stage: Stage) -> None:
        """Lead back to the first state, after a run that failed in the middle."""
        await stage.recover()

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


ALL: tuple[type[Scenario], ...] = (Add, Delete, Check, CollectGarbage, Start)
