"""A node with a running pod, a fake cloud and others' objects, for all scenarios."""

import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from socket import AddressFamily

import trio

from fakeoci.fabric import netns
from integration.checking import CheckError
from integration.crash import observed
from integration.crash.compare import differences
from integration.crash.forked import Stem, running_stem
from integration.crash.observed import FOREIGN_LINK, Observed, Sandbox
from integration.crash.reading import Place
from integration.crash.runtime import COOLING_SECONDS, Runtime
from integration.crash.targets import Targets
from integration.crash.tracing import Tracer, running_tracer
from integration.crash.witness import Witness, witness
from integration.lab import snapshot, traffic
from integration.lab.lab import ONPREM, Lab, running_lab, world_text
from integration.lab.pods import Pod
from vcnd.model.status import NodeStatus
from vcnd.serve.ask import AskError, ask, ask_status

BATCH = 4
POOL = {
    "batch": BATCH,
    "cooling_seconds": COOLING_SECONDS,
    "audit_seconds": 3600.0,
    "shrink_after_seconds": 0.2,
}
NODE = "node1"
SETTLE_SECONDS = 8.0
"""By then the witnesses agree again."""
POLL_SECONDS = 0.03
END_SECONDS = 1.0
FOREIGN = [
    f"link add {FOREIGN_LINK} type veth peer name theirs",
    "addr add 198.18.9.1/24 dev theirs",
    f"link set {FOREIGN_LINK} up",
    "link set theirs up",
    "rule add pref 1010 from 198.18.9.77 lookup 77",
    "route add 198.18.9.128/25 dev theirs table 77",
]
FOREIGN_TABLE = "table inet others {\nset these { type ipv4_addr; }\n}\n"
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
    witness: Witness | None = None
    empty: snapshot.Snapshot = field(default_factory=dict)
    """The state before the daemon started first."""
    baseline: snapshot.Snapshot = field(default_factory=dict)
    """The state to which each run must lead back."""
    neighbour: Pod | None = None
    """The pod that runs all the time."""
    _targets: Targets = field(default_factory=Targets)

    @property
    def place(self) -> Place:
        """Return where the node's files are."""
        return Place(
            journal=str(self.node.state_directory),
            sockets=(str(self.node.socket_path),),
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
        await self.node.kill()
        await self.node.start()
        for pod in list(self.sandboxes.values()):
            if pod is not self.neighbour:
                await self.remove(pod)

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
                    ask_status, path, abandon_on_cancel=True
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
        for path in Path(f"/proc/{self.node.pid}/fd").iterdir():
            target = self._targets.of(self.node.pid, int(path.name))
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
            seen = await traffic.ask(pod.netns, self.lab.addresses[ONPREM])
            if seen != pod.address:
                self.violations.append(
                    f"I9: {pod.name} has {pod.address}, and is seen as {seen}"
                )

    async def take(self) -> snapshot.Snapshot:
        """Return the state that must be the same after each run."""
        taken = await trio.to_thread.run_sync(snapshot.of_namespace, self.node.name)
        rules = f"{self.node.name} nft"
        taken[rules] = [STAMP.sub("load_", line) for line in taken[rules]]
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


def _world() -> str:
    text = world_text(nodes=1, seed=1, few_addresses=1, slow=False)
    quick = {"attach_seconds": 0.02, "detach_seconds": 0.02, "latency_seconds": 0.0}
    for key, value in quick.items():
        text = re.sub(rf"(?m)^{key} = [\d.]+", f"{key} = {value}", text, count=1)
    return text


@asynccontextmanager
async def running_stage(directory: Path) -> AsyncIterator[Stage]:
    """Run a node with a pod whose packets go on all the time."""
    async with (
        running_stem() as stem,
        running_lab(_world(), directory, nodes=[NODE], pool=POOL) as lab,
        running_tracer() as tracer,
    ):
        node = lab.nodes[0]
        node.launch = stem.launch
        netns.ip(NODE, FOREIGN)
        netns.nft(NODE, FOREIGN_TABLE)
        stage = Stage(lab=lab, node=node, stem=stem, tracer=tracer)
        stage.empty = await stage.take()
        await node.start()
        await node.until_warm(BATCH)
        neighbour = stage.neighbour = await stage.sandbox()
        await stage.add(neighbour)
        await lab.cloud.settled()
        with witness(
            neighbour.netns,
            neighbour.address,
            ONPREM,
            lab.addresses[ONPREM],
        ) as made:
            stage.witness = made
            await stage.agree()
            stage.baseline = await stage.take()
            yield stage
