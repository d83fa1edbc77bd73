"""Scenarios of network policies: vcnd-policy, or the daemon beside it, is killed."""

from collections.abc import Awaitable, Callable

import trio

from integration.checking import CheckError
from integration.crash import observed
from integration.crash.isolation import Isolation
from integration.crash.policy_process import PolicyProcess
from integration.crash.pool import POLL_SECONDS
from integration.crash.scenarios import Add, Scenario
from integration.crash.stage import SETTLE_SECONDS, Stage
from integration.lab import traffic
from integration.lab.lab import ONPREM
from integration.lab.pods import Pod
from integration.lab.snapshot import Snapshot
from vcnd.linux.layout import POLICY_TABLES

ASK_SECONDS = 0.1


class PolicyAdd(Add):
    """A pod starts that a policy isolates; vcnd-policy is killed."""

    name = "policy-add"
    kills_policy = True
    has_policy = True
    """Whether the policy is there before the call."""
    process: PolicyProcess
    isolation: Isolation | None = None
    before: Snapshot
    """The state without policies."""

    async def enter(self, stage: Stage) -> None:
        """Start vcnd-policy, and the daemon anew, with policies."""
        self.process = PolicyProcess(stage.node, stage.stem)
        self.process.configure("strict")
        stage.ignored_tables = POLICY_TABLES
        await stage.node.stop()
        self.write(stage, policy=self.has_policy)
        await self.process.start()
        await stage.node.start()
        await self.process.until_in_force()
        if self.kills_policy:
            stage.victim = self.process
        self.before, stage.baseline = stage.baseline, await stage.take()

    async def leave(self, stage: Stage) -> None:
        """Switch policies off, and compare with the state before."""
        self.end_isolation(stage)
        stage.victim = stage.node
        await self.process.switch_off()
        await stage.node.stop()
        await stage.node.start()
        stage.ignored_tables, stage.baseline = (), self.before
        await stage.as_before()

    def write(self, stage: Stage, *, policy: bool, isolated: Pod | None = None) -> None:
        """Write what Kubernetes would say: all pods, and perhaps a policy."""
        self.process.write([*stage.sandboxes.values()], isolated, policy=policy)

    async def prepare(self, stage: Stage) -> None:
        """Make the pod's sandbox; send packets of it and to it from now on."""
        await super().prepare(stage)
        await self.isolate(stage)

    async def isolate(self, stage: Stage) -> None:
        """Let Kubernetes know the pod, and let packets of it and to it come."""
        self.end_isolation(stage)  # of a run that failed
        self.write(stage, policy=True, isolated=self.pod)
        world = await stage.lab.cloud.world()
        taken = {a for pod in stage.running.values() for a in pod.addresses}
        listed = observed.listed(world, stage.node.name).values()
        free = {a for addresses in listed for a in addresses} - taken
        own = self.pod.addresses if self.pod.result else []
        self.isolation = Isolation(
            self.pod.netns, [*free, *own], ONPREM, stage.lab.addresses[ONPREM]
        )
        stage.isolated = self.pod

    def end_isolation(self, stage: Stage) -> None:
        """End the packets; note those that have passed."""
        isolation, self.isolation = self.isolation, None
        stage.isolated = None
        if isolation is None:
            return
        passed = isolation.stop()
        if passed:
            stage.violations.append(f"I13: {len(passed)} packets passed: {passed[0]}")

    async def retry(self, stage: Stage) -> None:
        """Replace the sandbox, as containerd does."""
        self.end_isolation(stage)
        old = self.pod
        await stage.delete(old)
        await stage.discard(old)
        await self.prepare(stage)
        await stage.add(self.pod)

    async def compare(self, stage: Stage) -> None:
        """Compare all witnesses, with the isolated pod closed and the other open."""
        await self.process.until_in_force()
        await until(lambda: self.is_right(stage))
        await super().compare(stage)

    async def is_right(self, stage: Stage) -> bool:
        """Return True if the pod cannot reach a host outside."""
        return not await reaches(stage, self.pod)

    async def reset(self, stage: Stage) -> None:
        """Delete the pod."""
        self.end_isolation(stage)
        await super().reset(stage)
        self.write(stage, policy=self.has_policy)


class PolicyAddBeside(PolicyAdd):
    """A pod starts that a policy isolates; the daemon is killed."""

    name = "policy-daemon"
    kills_policy = False


class PolicyStart(PolicyAdd):
    """vcnd-policy starts after a crash, with an isolated pod."""

    name = "policy-start"
    starts_daemon = True

    async def prepare(self, stage: Stage) -> None:
        """Start the pod, and kill vcnd-policy."""
        await super().prepare(stage)
        await stage.add(self.pod)
        await self.process.kill()

    async def call(self, stage: Stage) -> None:
        """Start vcnd-policy; return when its rules are in force."""
        await self.process.start()
        await stage.unless_it_ends(self.process.until_in_force)

    async def retry(self, stage: Stage) -> None:
        """Start it again, as systemd does."""
        if not self.process.runs:
            await self.process.start()
        await self.process.until_in_force()


class PolicyAppears(PolicyAdd):
    """A policy appears that isolates a running pod."""

    name = "policy-appears"
    has_policy = False

    async def prepare(self, stage: Stage) -> None:
        """Start the pod; it is open."""
        await Add.prepare(self, stage)
        self.write(stage, policy=False, isolated=self.pod)
        await stage.add(self.pod)
        self.write(stage, policy=False, isolated=self.pod)
        await until(lambda: reaches(stage, self.pod))

    async def call(self, stage: Stage) -> None:
        """Write the policy; return when the pod is closed."""
        self.write(stage, policy=True, isolated=self.pod)
        await until(lambda: self.is_right(stage))

    async def retry(self, stage: Stage) -> None:
        """Wait until the pod is closed."""
        await self.call(stage)

    async def compare(self, stage: Stage) -> None:
        """Compare all witnesses; from now on no packet passes."""
        await self.process.until_in_force()
        await until(lambda: self.is_right(stage))
        await self.isolate(stage)
        await super().compare(stage)


class PolicyWithdrawn(PolicyAppears):
    """The policy that isolates a running pod is withdrawn."""

    name = "policy-withdrawn"

    async def prepare(self, stage: Stage) -> None:
        """Start the pod, and isolate it."""
        await super().prepare(stage)
        self.write(stage, policy=True, isolated=self.pod)
        await until(lambda: is_closed(stage, self.pod))

    async def call(self, stage: Stage) -> None:
        """Remove the policy; return when the pod is open."""
        self.write(stage, policy=False, isolated=self.pod)
        await until(lambda: self.is_right(stage))

    async def is_right(self, stage: Stage) -> bool:
        """Return True if the pod reaches a host outside."""
        return await reaches(stage, self.pod)

    async def compare(self, stage: Stage) -> None:
        """Compare all witnesses, with the pod open."""
        await self.process.until_in_force()
        await until(lambda: self.is_right(stage))
        await Scenario.compare(self, stage)


async def reaches(stage: Stage, pod: Pod) -> bool:
    """Return True if a new connection from a pod to a host outside is answered."""
    host = stage.lab.addresses[ONPREM]
    return await traffic.ask(pod.netns, host, seconds=ASK_SECONDS) is not None


async def is_closed(stage: Stage, pod: Pod) -> bool:
    """Return True if no new connection from a pod to a host outside is answered."""
    return not await reaches(stage, pod)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Return when something holds.

    Raises:
        CheckError: it takes too long.
    """
    with trio.move_on_after(SETTLE_SECONDS):
        while True:
            if await holds():
                return
            await trio.sleep(POLL_SECONDS)
    raise CheckError("the policy is not in force, or its withdrawal is not")


ALL: tuple[type[Scenario], ...] = (
    PolicyAdd,
    PolicyAddBeside,
    PolicyStart,
    PolicyAppears,
    PolicyWithdrawn,
)
