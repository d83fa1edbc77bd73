"""A node with a running pod, a fake cloud and others' objects, for all scenarios."""

import re
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from socket import AddressFamily

import trio

from integration.checking import CheckError
from integration.crash import observed
from integration.crash.compare import differences
from integration.crash.forked import Stem
from integration.crash.observed import Observed, Sandbox
from integration.crash.pool import POLL_SECONDS
from integration.crash.reading import Place
from integration.crash.runtime import Runtime
from integration.crash.targets import Targets
from integration.crash.tracing import Tracer
from integration.crash.victim import Victim
from integration.crash.witness import Witness
from integration.lab import snapshot, traffic
from integration.lab.lab import ONPREM, Lab
from integration.lab.pods import Pod
from vcnd.model.status import NodeStatus
from vcnd.serve.ask import AskError, ask, ask_for
from vcnd.serve.verbs import STATUS

SETTLE_SECONDS = 30.0
"""By then the witnesses agree again."""
END_SECONDS = 1.0
STAMP = re.compile(r"load_[0-9a-f]+")
"""A chain that is named anew with each load of the table (``linux.nft_scripts``)."""
HTTP = {AddressFamily.AF_INET, AddressFamily.AF_INET6}
KEPT_SOCKETS = 4
"""Sockets of netlink that a daemon may have opened since its start."""
GONE = ("DETACHED", "TERMINATED")


class DaemonEndedError(Exception):
    """The daemon has ended, and nobody has killed it.

    Attributes:
        code: its exit status.
        words: the last line of its log.
    """

    def __init__(self, code: int, words: str) -> None:
        super().__init__(f"the daemon ended with {code}: {words}")
        self.code, self.words = code, words


@dataclass(kw_only=True)
class Stage(Runtime):
    """A node that is killed again and again, and the runtime that calls it."""

    lab: Lab
    stem: Stem
    tracer: Tracer
    victim: Victim
    witness: Witness | None = None
    empty: snapshot.Snapshot = field(default_factory=dict)
    """The state before the daemon started first."""
    baseline: snapshot.Snapshot = field(default_factory=dict)
    """The state to which each run must lead back."""
    neighbour: Pod | None = None
    """The pod that runs all the time."""
    isolated: Pod | None = None
    """The pod that reaches nobody, by a policy."""
    ignored_tables: tuple[str, ...] = ()
    """Tables of nft that are others in each run."""
    _targets: Targets = field(default_factory=Targets)

    @property
    def place(self) -> Place:
        """Return where the node's files are."""
        return Place(
            journal=str(self.node.state_directory),
            sockets=(
                str(self.node.socket_path),
                str(self.node.directory / "policy.sock"),
            ),
        )

    async def remove_neighbour(self) -> None:
        """Remove all pods, and compare with the state before vcnd from now on."""
        if self.witness is not None:
            self.witness.stop()
            self.packets_lost()
            self.witness = None
        self.neighbour = None
        for pod in list(self.running.values()):
            await self.remove(pod)
        self.baseline = self.empty

    async def recover(self) -> None:
        """Lead back to the first state, after a run that failed in the middle."""
        for process in {self.node, self.victim}:
            await process.kill()
            await process.start()
        for pod in list(self.sandboxes.values()):
            if pod is not self.neighbour:
                await self.remove(pod)

    async def detach_spare(self) -> None:
        """Detach all pod VNICs but the running pod's, as an administrator may."""
        world = await self.lab.cloud.world()
        held = observed.listed(world, self.node.name)
        own = {*self.neighbour.addresses} if self.neighbour is not None else set()
        spare = {vnic for vnic, addresses in held.items() if not own & addresses}
        await self.node.kill()
        for each in world["VnicAttachment"]:
            is_there = each["lifecycleState"] == "ATTACHED"
            if is_there and each.get("vnicId") in spare:
                await self.lab.cloud.call("DELETE", f"/vnicAttachments/{each['id']}")
        await self.lab.cloud.settled()
        await self.node.start()

    async def unless_it_ends(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do something for which the process that may be killed must run.

        Raises:
            RuntimeError: it has ended.
        """
        code: int | None = None
        async with trio.open_nursery() as race:

            async def wait_for_end() -> None:
                nonlocal code
                code = await self.victim.ended()
                race.cancel_scope.cancel()

            race.start_soon(wait_for_end)
            await work()
            race.cancel_scope.cancel()
        if code is not None:
            raise RuntimeError(f"it ended with {code}")

    # The daemon

    async def status(self) -> NodeStatus:
        """Return the daemon's state.

        Raises:
            DaemonEndedError: it has ended.
            CheckError: it does not tell.
        """
        found: NodeStatus | None = None
        async with trio.open_nursery() as race:
            race.start_soon(self._raise_at_end)
            path = str(self.node.socket_path)
            try:
                found = await trio.to_thread.run_sync(
                    ask_for, path, STATUS, abandon_on_cancel=True
                )
            except AskError as error:
                await trio.sleep(END_SECONDS)  # it may be ending
                raise CheckError(
                    f"the daemon does not tell its state: {error}"
                ) from error
            race.cancel_scope.cancel()
        if found is None:
            raise CheckError("the daemon does not tell its state")
        return found

    async def _raise_at_end(self) -> None:
        code = await self.node.ended()
        words = self.node.log_path.read_text().splitlines()[-1:]
        raise DaemonEndedError(code, words[0] if words else "")

    async def ask(self, command: str) -> None:
        """Ask the daemon something, as vcndctl does.

        Raises:
            AskError: it refused, or ended before it answered.
        """
        await trio.to_thread.run_sync(
            ask, str(self.node.socket_path), command, abandon_on_cancel=True
        )

    def descriptors(self) -> Counter[str]:
        """Return the daemon's descriptors by what they are, those of HTTP left out."""
        found: Counter[str] = Counter()
        for path in Path(f"/proc/{self.victim.pid}/fd").iterdir():
            target = self._targets.of(self.victim.pid, int(path.name))
            if target.family not in HTTP:
                found[target.name if not target.family else f"{target.family}"] += 1
        return found

    async def descriptors_as(self, before: Counter[str]) -> None:
        """Note the descriptors that the daemon has more than before, and keeps."""
        # It opens each of them at the first use, and keeps it.
        allowed = before + Counter({f"{AddressFamily.AF_NETLINK}": KEPT_SOCKETS})
        more = self.descriptors() - allowed
        with trio.move_on_after(SETTLE_SECONDS):
            while more:
                await trio.sleep(POLL_SECONDS)
                more = self.descriptors() - allowed
        self.violations += [f"leak: {n} descriptors {x}" for x, n in more.items()]

    # The comparison

    async def observe(self) -> Observed:
        """Look at all four witnesses."""
        status = await self.status()
        world = await self.lab.cloud.world()

        def rest() -> Observed:
            return Observed(
                status=status,
                journal=observed.journal(self.node.state_directory / "journal"),
                kernel=observed.kernel(self.node.name),
                listed=observed.listed(world, self.node.name),
                sandboxes=tuple(
                    Sandbox(
                        container_id=container_id,
                        addresses=tuple(pod.addresses),
                        has=observed.addresses_in(pod.netns),
                    )
                    for container_id, pod in self.running.items()
                ),
            )

        return await trio.to_thread.run_sync(rest)

    async def agree(self) -> None:
        """Note what the witnesses differ in, unless they agree soon."""
        found = ["the daemon was never audited"]
        with trio.move_on_after(SETTLE_SECONDS):
            while found:
                seen = await self.observe()
                found = differences(seen)
                if not seen.status.cloud_observed:
                    found.append("the cloud was not compared")
                if found:
                    await trio.sleep(POLL_SECONDS)
        self.violations += found

    async def pods_work(self) -> None:
        """Note which pods cannot reach a host outside, or fail CHECK."""
        for pod in self.running.values():
            try:
                await self.network.check(pod.attachment, pod.result)
            except Exception as error:  # noqa: BLE001 - each failure is a finding
                self.violations.append(f"I9: CHECK of {pod.name}: {error}")
            if pod is self.isolated:
                continue
            seen = await traffic.ask(pod.netns, self.lab.addresses[ONPREM])
            if seen != pod.address:
                self.violations.append(
                    f"I9: {pod.name} has {pod.address}, and is seen as {seen}"
                )

    async def take(self) -> snapshot.Snapshot:
        """Return the state that must be the same after each run."""
        taken = await trio.to_thread.run_sync(snapshot.of_namespace, self.node.name)
        rules = f"{self.node.name} nft"
        taken[rules] = [
            STAMP.sub("load_", line)
            for line in snapshot.without(taken[rules], self.ignored_tables)
        ]
        world = await self.lab.cloud.world()
        ours = observed.vnics_of(world, self.node.name)
        taken["others' objects in the cloud"] = sorted(
            f"{kind} {n['id']}"
            for kind in ("Vnic", "PrivateIp", "VnicAttachment")
            for n in world[kind]
            if {n["id"], n.get("vnicId")}.isdisjoint(ours)
            and n.get("lifecycleState") not in GONE
        )
        taken["VNICs of ours"] = [str(len(ours))]
        taken |= snapshot.of_machine([self.node.directory], [])
        return taken

    async def as_before(self) -> None:
        """Note what is not as it was at first, unless it soon is."""
        found = ["no look"]
        with trio.move_on_after(SETTLE_SECONDS):
            while found:
                found = snapshot.difference(self.baseline, await self.take())
                if found:
                    await trio.sleep(POLL_SECONDS)
        if found:
            self.violations += [f"leak: {line}" for line in found]
            self.baseline = await self.take()  # told once

    def packets_lost(self) -> None:
        """Note the packets that the running pod has lost."""
        if self.witness is not None:
            self.violations += [f"I9: {lost}" for lost in self.witness.lost]
            self.witness.lost.clear()
