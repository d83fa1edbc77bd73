"""What each event of a schedule does."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import trio
from msgspec.structs import replace

from fakeoci.api.service import Fault
from sim.fleet import events as e
from sim.fleet import others, requests
from sim.fleet import policy_events as policy
from sim.fleet.event import OnNode
from sim.fleet.fleet import Fleet
from sim.fleet.kubernetes import KubernetesActions
from sim.fleet.lasting import Lasting
from sim.fleet.machine import JOURNAL, Machine
from sim.fleet.pods import Pod
from sim.fleet.policy_actions import PolicyActions

FIRST_REPLACED = 1_000_000
"""The number after which those of pods begin that replace others."""
FINISHED_SECONDS = 60.0
"""A pod that has ended for good is deleted after this."""


class Actions:
    """Carries events out; each returns when its effect has ended."""

    def __init__(self, fleet: Fleet, lasting: trio.Nursery) -> None:
        """Make them.

        Args:
            fleet: whom they concern.
            lasting: where what they start goes on.
        """
        self._fleet = fleet
        self._lasting = lasting
        self._faults = Lasting()
        self._renamed = self._replaced = 0
        self._kubernetes = KubernetesActions(fleet, self._faults)
        policies = PolicyActions(fleet, self._faults)
        self._acts: dict[type, Callable[[Any], Awaitable[None]]] = {
            e.StartPod: self._start_pod,
            e.EndSandbox: self._end_sandbox,
            e.RepeatCall: self._repeat_call,
            e.HangUp: self._hang_up,
            e.CheckPods: self._check_pods,
            e.Kill: self._kill,
            e.Restart: self._restart,
            e.Reboot: self._reboot,
            e.DamageJournal: self._damage_journal,
            e.Drain: self._drain,
            e.Lose: self._lose,
            e.Join: self._join,
            e.Rename: self._rename,
            e.CutWatches: self._kubernetes.cut_watches,
            e.ApiFault: self._kubernetes.api_fault,
            e.Compact: self._kubernetes.compact,
            e.Meddle: self._kubernetes.meddle,
            e.CallFault: self._call_fault,
            e.Outage: self._outage,
            e.SlowCloud: self._slow_cloud,
            e.Throttle: self._throttle,
            e.LateLists: self._late_lists,
            e.FillSubnet: self._fill_subnet,
            e.DetachVnic: self._detach_vnic,
            e.DeleteAddress: self._delete_address,
            e.MoveAddress: self._move_address,
            e.RemoveTags: self._remove_tags,
            e.Plant: self._plant,
            e.DiskFault: self._disk_fault,
            e.SlowDisk: self._slow_disk,
            e.ClockJump: self._clock_jump,
            e.SecondDaemon: self._second_daemon,
            policy.ChangePolicy: policies.change,
            policy.LabelPod: policies.label_pod,
            policy.LabelNamespace: policies.label_namespace,
            policy.KillPolicy: policies.kill,
            policy.RefuseRules: policies.refuse,
        }

    async def carry_out(self, event: e.Event) -> None:
        """Carry an event out, unless its node does not run."""
        node = getattr(event, "node", -1)
        if node >= 0 and not isinstance(event, e.Join) and not self._fleet.is_on(node):
            return
        self._fleet.note(event)
        await self._acts[type(event)](event)

    def _machine(self, event: OnNode) -> Machine:
        return self._fleet.machines[event.node]

    # The cluster's life

    async def _start_pod(self, event: e.StartPod) -> None:
        machine = self._machine(event)
        kubelet, scheduler = machine.kubelet, self._fleet.scheduler(machine)
        annotations = requests.annotations(self._fleet.service.world, event.asks)
        pod = await scheduler.create(event, kubelet, annotations)
        self._lasting.start_soon(self._end_later, event, pod)

    async def _end_later(self, event: e.StartPod, pod: Pod) -> None:
        machine = self._machine(event)
        ends_at = trio.current_time() + event.seconds
        with trio.move_on_at(ends_at):
            await pod.woken.wait()
            self._replace(event, ends_at - trio.current_time())
            return
        if event.finishes:
            machine.kubelet.finish(pod)
            await trio.sleep(FINISHED_SECONDS)
        await self._fleet.scheduler(machine).delete(pod, machine.kubelet)

    def _replace(self, event: e.StartPod, seconds: float) -> None:
        """Let a controller make another pod for one that was evicted, elsewhere."""
        fleet, cluster = self._fleet, self._machine(event).kubelet.cluster
        nodes = [
            n
            for n in sorted(fleet.wires)
            if n != event.node and fleet.machines[n].kubelet.cluster is cluster
        ]
        if nodes:
            self._replaced += 1
            made = replace(
                event,
                node=nodes[self._replaced % len(nodes)],
                pod=FIRST_REPLACED + self._replaced,
                seconds=seconds,
                tolerates=False,
            )
            self._lasting.start_soon(self._start_pod, made)

    async def _end_sandbox(self, event: e.EndSandbox) -> None:
        machine = self._machine(event)
        pods = [p for p in machine.runtime.pods.values() if p.sandbox is not None]
        if not pods:
            return
        sandbox = pods[event.pick % len(pods)].sandbox
        assert sandbox is not None
        if sandbox.ready:
            machine.ending(sandbox)
            sandbox.ready = False
            machine.end_namespace(sandbox.netns)
            sandbox.die()

    async def _repeat_call(self, event: e.RepeatCall) -> None:
        self._machine(event).runtime.repeats[event.command].append(event.seconds)

    async def _hang_up(self, event: e.HangUp) -> None:
        self._machine(event).runtime.hang_ups.append(event.seconds)

    async def _check_pods(self, event: e.CheckPods) -> None:
        await self._machine(event).runtime.check()

    # Daemons and nodes

    async def _kill(self, event: e.Kill) -> None:
        for life in list(self._machine(event).lives)[:1]:
            life.kill_after(event.steps)

    async def _restart(self, event: e.Restart) -> None:
        await self._machine(event).restart()

    async def _reboot(self, event: e.Reboot) -> None:
        self._machine(event).cut_power(event.seconds)

    async def _rename(self, event: e.Rename) -> None:
        machine = self._machine(event)
        self._renamed += 1
        machine.kubelet.asked_name = f"{machine.name}-{self._renamed}"
        machine.cut_power(event.seconds)

    async def _damage_journal(self, event: e.DamageJournal) -> None:
        machine = self._machine(event)
        for life in list(machine.lives):
            life.kill()
        machine.disk.damage(JOURNAL, event.how, event.pick)
        others.note_unmarked(self._fleet, machine)
        self._fleet.wires[event.node].tokens.forget()

    async def _drain(self, event: e.Drain) -> None:
        kubelet = self._machine(event).kubelet
        await kubelet.cluster.until_up()
        kubelet.drain()
        await trio.sleep(event.seconds)
        await kubelet.cluster.until_up()
        kubelet.uncordon()

    async def _lose(self, event: e.Lose) -> None:
        self._fleet.lose(event.node)
        self._lasting.start_soon(self._machine(event).kubelet.leave)
        others.terminate(self._fleet, self._machine(event))

    async def _join(self, event: e.Join) -> None:
        fleet = self._fleet
        if event.node not in fleet.wires:
            self._lasting.start_soon(fleet.run, event.node, self._lasting)

    # The cloud

    async def _call_fault(self, event: e.CallFault) -> None:
        fault = Fault(
            operation=event.operation,
            kind=event.kind,
            status=event.status,
            code=event.code,
            seconds=event.seconds,
            times=event.times,
        )
        faults = self._fleet.service.faults
        faults.append(fault)
        await trio.sleep(others.LONGEST_FAULT_SECONDS)
        if any(f is fault for f in faults):
            faults[:] = [f for f in faults if f is not fault]

    async def _outage(self, event: e.Outage) -> None:
        fleet = self._fleet
        if event.what == "kubernetes":
            await self._kubernetes.outage(event)
            return
        chosen = [event.node] if event.node >= 0 else list(fleet.wires)
        wires = [fleet.wires[n] for n in chosen]
        for wire in wires:
            wire.cut[event.what] += 1
        await trio.sleep(event.seconds)
        for wire in wires:
            wire.mend(event.what)

    async def _slow_cloud(self, event: e.SlowCloud) -> None:
        timing = self._fleet.service.world.settings.timing
        slow = {"latency_seconds": event.median, "bulk_seconds": 200 * event.median}
        async with trio.open_nursery() as nursery:
            for name, value in slow.items():
                nursery.start_soon(self._faults.set, timing, name, value, event.seconds)

    async def _throttle(self, event: e.Throttle) -> None:
        limits = self._fleet.service.world.settings.limits
        name = "calls_per_second_in_all"
        await self._faults.set(limits, name, event.per_second, event.seconds)

    async def _late_lists(self, event: e.LateLists) -> None:
        timing = self._fleet.service.world.settings.timing
        await self._faults.set(timing, "consistency_seconds", event.late, event.seconds)

    async def _fill_subnet(self, event: e.FillSubnet) -> None:
        space = others.pods_space(self._fleet)
        space.exhaust()
        await self._faults.keep("full subnet", space.relieve, event.seconds)

    async def _detach_vnic(self, event: e.DetachVnic) -> None:
        others.detach(self._fleet, self._machine(event), event.pick)

    async def _delete_address(self, event: e.DeleteAddress) -> None:
        others.delete(self._fleet, self._machine(event), event.pick)

    async def _move_address(self, event: e.MoveAddress) -> None:
        to = self._fleet.machines[event.to]
        others.move(self._fleet, self._machine(event), event.pick, to)

    async def _remove_tags(self, event: e.RemoveTags) -> None:
        others.remove_tags(self._fleet, self._machine(event), event.pick)

    async def _plant(self, event: e.Plant) -> None:
        fleet = self._fleet
        await fleet.foreign.plant(self._machine(event), fleet.service.clock())

    # The machine

    async def _disk_fault(self, event: e.DiskFault) -> None:
        refuses, what = self._machine(event).disk.refuses, event.what
        refuses.add(what)
        kind = (event.node, what)
        await self._faults.keep(kind, partial(refuses.discard, what), event.seconds)

    async def _slow_disk(self, event: e.SlowDisk) -> None:
        disk = self._machine(event).disk
        await self._faults.set(disk, "slowness", event.sync_seconds, event.seconds)

    async def _clock_jump(self, event: e.ClockJump) -> None:
        machine = self._machine(event)
        machine.clock_error += event.by
        await trio.sleep(event.seconds)
        machine.clock_error -= event.by

    async def _second_daemon(self, event: e.SecondDaemon) -> None:
        machine = self._machine(event)
        with trio.move_on_after(event.seconds):
            await machine.run_daemon()
