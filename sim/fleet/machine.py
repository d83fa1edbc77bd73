"""A node: its kernel, disk and runtime, and one daemon after another."""

from functools import partial
from pathlib import Path
from random import Random

import msgspec
import trio

from fakeoci.api.service import Service
from fakeoci.world.resources import Instance, Vnic
from sim.disk.disk import SimDisk
from sim.fleet import keys
from sim.fleet.cluster import FleetCluster
from sim.fleet.files import LifeFiles, LifeThreads
from sim.fleet.kernel import Kernel, LifeHost
from sim.fleet.kubelet import Kubelet
from sim.fleet.life import Life
from sim.fleet.pace import Pace
from sim.fleet.pods import Pod, Sandbox
from sim.fleet.policy_side import PolicySide
from sim.fleet.runtime import Runtime
from sim.fleet.violations import DEFECT, Report
from sim.fleet.watch import Watch
from sim.fleet.wire import KubeNetwork, LifeClient, Wire
from sim.kubernetes.adapter import cluster_of
from vcnd.config import Config
from vcnd.daemon import oci_cloud
from vcnd.journal.journal import FileJournal
from vcnd.model.errors import VcndError
from vcnd.model.family import Family
from vcnd.model.ids import VnicId
from vcnd.model.sandbox import Lease
from vcnd.node import Node
from vcnd.signals import Pulse

JOURNAL = Path("/var/lib/vcnd/journal")
RESTART_SECONDS = 1.0
"""After which systemd starts a daemon again that ended."""
GRACE_SECONDS = 5.0
"""How long calls may finish when a daemon is stopped."""


class Machine:
    """One node of a fleet."""

    def __init__(
        self,
        number: int,
        config: Config,
        *,
        service: Service,
        cluster: FleetCluster,
        instance: Instance,
        watch: Watch,
        report: Report,
        seed: int,
    ) -> None:
        self.number = number
        self.name = instance.display_name
        self.instance_id = instance.id
        world = service.world
        self.address: str = world.primary_ip(world.vnics_of(instance.id)[0].id)
        self.config = config
        self._service = service
        self._watch = watch
        self._report = report
        self._random = Random(f"{seed}/{number}")
        self.disk = SimDisk(Random(f"{seed}/{number}/disk"))
        self.kernel = Kernel(self, Random(f"{seed}/{number}/kernel"), self._present)
        self.policy = self._policy_side(cluster, seed)
        self.runtime = Runtime(self, Random(f"{seed}/{number}/kubelet"))
        self.kubelet = Kubelet(
            cluster, self.name, address=self.address, start=self.runtime.start
        )
        self.clock_error = 0.0
        self._principal = keys.principal(service, number, self._wall_clock)
        self._served = Pulse()
        self.lives: list[Life] = []
        """The daemons that run, in the order of their start."""
        self.started = 0
        """How many daemons were started."""
        self.is_on = False
        self._power = trio.CancelScope()
        self._boots = 0
        self._netns = 0
        self._off_seconds = self._booted_at = 0.0

    def _policy_side(self, cluster: FleetCluster, seed: int) -> PolicySide | None:
        policy = self.config.policy
        if policy.enforcement == "off":
            return None
        return PolicySide(
            self.kernel,
            cluster.server,
            seed=f"{seed}/{self.number}/policy",
            patience_seconds=policy.patience_seconds,
            report=self.report,
        )

    # What it is

    @property
    def life(self) -> Life | None:
        """Return the daemon that listens now: of two, the later one."""
        return next((x for x in reversed(self.lives) if x.serves.is_set()), None)

    async def until_served(self) -> None:
        """Return when the next daemon begins to listen."""
        await self._served.wait()

    def _wall_clock(self) -> float:
        return self._service.clock() + self.clock_error

    def _present(self) -> set[str]:
        vnics: list[Vnic] = self._service.world.vnics_of(self.instance_id)
        return {v.mac_address for v in vnics if v.lifecycle_state == "AVAILABLE"}

    def _seconds_since_boot(self) -> float:
        return trio.current_time() - self._booted_at

    def report(self, rule: str, what: str) -> None:
        self._report(rule, self.name, what)

    # Its power

    async def run(self, wire: Wire, threads: trio.Nursery) -> None:
        """Be on, and off for a while after each loss of power, until cancelled.

        Args:
            wire: the way to the cloud.
            threads: where the daemons' threads run: a cancelled task waits for them.
        """
        self._wire, self._threads = wire, threads
        while True:
            self._power, self._booted_at = trio.CancelScope(), trio.current_time()
            self._boots += 1
            self.is_on = True
            self.kubelet.boot(f"boot{self._boots}")
            with self._power:
                await self._keep_processes()
            self.is_on = False
            self.kubelet.cut_off()
            self.kernel.boot()
            if self.policy is not None:
                self.policy.boot()
            self.runtime.boot()
            self.disk.lose_power()
            await trio.sleep(self._off_seconds)

    def cut_power(self, seconds: float) -> None:
        """Be off for a while from now on."""
        # At once: another event of this moment must not find it on.
        self.is_on, self._off_seconds = False, seconds
        for life in list(self.lives):
            life.kill()
        self._power.cancel()

    # Its daemons

    async def _keep_processes(self) -> None:
        """Run the daemon; where there are policies, it starts after vcnd-policy."""
        if self.policy is None:
            await self._keep_daemon()
            return
        async with trio.open_nursery() as processes:
            name = self.kubelet.asked_name
            await processes.start(self.policy.run, name, self._wire)
            await self._keep_daemon()

    async def _keep_daemon(self) -> None:
        while True:
            await self.run_daemon()
            await trio.sleep(RESTART_SECONDS)

    async def run_daemon(self) -> None:
        """Run a daemon until it ends or is killed."""
        life = Life(self._note_defect)
        self.lives.append(life)
        self.started += 1
        try:
            with life.scope:
                await self._live(life)
        except* VcndError as refusal:
            if not life.killed:
                self._note_refusal(refusal)
        except* Exception as failure:  # noqa: BLE001 - the process' end
            if not life.killed:
                self._note_defect(failure)
        finally:
            self.lives.remove(life)
            life.finish()

    async def _live(self, life: Life) -> None:
        random = Random(self._random.random())
        files = LifeFiles(self.disk, life)
        life.at_end(files.end)
        client = LifeClient(self._wire, life, Pace(self.report))
        async with trio.open_nursery() as rooms:
            journal = FileJournal(
                JOURNAL,
                boot_id=f"boot{self._boots}",
                netns_cookie=1,
                clock=self._seconds_since_boot,
                files=files,
                start=LifeThreads(self.disk, life, self._threads).start,
            )
            cluster = cluster_of(
                self.kubelet.cluster.server,
                self.config,
                node=self.kubelet.asked_name,
                random=random,
                wall_clock=self._wall_clock,
                through=partial(KubeNetwork, self._wire, life),
            )
            node = Node(
                self.config,
                cloud=oci_cloud(
                    self.config, client, random, self._wall_clock, self._principal
                ),
                host=LifeHost(self.kernel, life),
                journal=journal,
                random=random,
                cluster=cluster,
                policies=self.policy,
            )
            await node.start(rooms)
            life.serve(node, cluster, rooms)
            self._served.send()

    async def restart(self) -> None:
        """Stop the daemon as systemd does: calls may finish, then it ends."""
        life = self.life
        if life is None:
            return
        life.serves = trio.Event()  # new calls wait for the next one
        await trio.sleep(GRACE_SECONDS)
        life.scope.cancel()
        life.finish()

    def _note_defect(self, error: BaseException) -> None:
        self._report(DEFECT, self.name, repr(error))

    def _note_refusal(self, error: BaseException) -> None:
        """Note that a daemon did not start; systemd starts it again."""

    # What its kernel says

    def plugged(self, lease: Lease) -> None:
        self._watch.plugged(self.name, self.instance_id, lease)
        if self.policy is not None:
            self.policy.plugged(lease)

    def unplugged(self, lease: Lease) -> None:
        self._watch.unplugged(self.name, lease)
        if self.policy is not None:
            self.policy.cut(lease)

    def vanished(self, lease: Lease) -> None:
        self._watch.vanished(self.name, lease)
        if self.policy is not None:
            self.policy.cut(lease)

    def unrouted(self, lease: Lease, vnic_id: VnicId) -> None:
        vnic = self._service.world.objects.get(vnic_id)
        has_tags = isinstance(vnic, Vnic) and bool(vnic.freeform_tags)
        if has_tags or self.disk.holds(JOURNAL, vnic_id.encode()):
            self._watch.unrouted(self.name, lease, vnic_id)
        # Otherwise nothing has shown a daemon that the VNIC is vcnd's.

    # What its runtime does

    def make_namespace(self) -> int:
        self._netns += 1
        self.kernel.namespaces.add(self._netns)
        return self._netns

    def end_namespace(self, netns: int) -> None:
        self.kernel.end_namespace(netns)

    def runs(self, pod: Pod) -> None:
        assert pod.sandbox is not None
        assert pod.sandbox.lease is not None
        addresses = pod.sandbox.lease.addresses
        self._threads.start_soon(self.kubelet.tell_started, pod, addresses)

    def gone(self, pod: Pod) -> None:
        self.kubelet.gone(pod)

    def answered(self, sandbox: Sandbox) -> None:
        assert sandbox.lease is not None
        self._watch.runs(self.name, self.instance_id, sandbox.lease)
        name = f'"{sandbox.key.container_id}"'
        if not self.disk.holds(JOURNAL, name.encode()):
            self.report("I4", f"ADD {sandbox.key} is answered and is not durable")

    def ending(self, sandbox: Sandbox) -> None:
        self._watch.ends(self.name, sandbox.key)

    def ended(self, sandbox: Sandbox) -> None:
        link = self.kernel.links.get(f"oci-vcnd-{sandbox.key.container_id}-eth0")
        if link is not None and link.lease is not None:
            self.report("I5", f"DEL {sandbox.key} succeeded and its pod is plugged")


def config_of(
    subnet_id: str,
    nsg_ids: list[str],
    cluster: str,
    base: Config,
    *,
    blocks: bool,
    families: tuple[Family, ...],
) -> Config:
    """Return a node's configuration."""
    oci = msgspec.structs.replace(
        base.oci,
        subnet_id=subnet_id,
        nsg_ids=nsg_ids,
        cluster=cluster,
        blocks=blocks,
        ip_families=families,
    )
    return msgspec.structs.replace(base, oci=oci)
