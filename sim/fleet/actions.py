"""What each event of a schedule does."""

from collections.abc import Awaitable, Callable
from typing import Any

import trio

from fakeoci.api.service import Fault
from sim.fleet import events as e
from sim.fleet import others
from sim.fleet.fleet import Fleet
from sim.fleet.machine import JOURNAL, Machine
from sim.fleet.pods import Pod
from vcnd.model.sandbox import PodRef


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
            e.DiskFault: self._disk_fault,
            e.SlowDisk: self._slow_disk,
            e.ClockJump: self._clock_jump,
            e.SecondDaemon: self._second_daemon,
        }

    async def carry_out(self, event: e.Event) -> None:
        """Carry an event out, unless its node does not run."""
        node = getattr(event, "node", -1)
        if node >= 0 and not isinstance(event, e.Join) and not self._fleet.is_on(node):
            return
        self._fleet.note(event)
        await self._acts[type(event)](event)

    def _machine(self, event: e.OnNode) -> Machine:
        return self._fleet.machines[event.node]

    # The cluster's life

    async def _start_pod(self, event: e.StartPod) -> None:
        name = f"pod{event.pod}"
        pod = Pod(ref=PodRef(namespace="default", name=name, uid=name))
        machine = self._machine(event)
        if not machine.drained:
            machine.runtime.start(pod, event.kubelet_seconds)
            self._lasting.start_soon(self._delete_later, pod, event.seconds)

    async def _delete_later(self, pod: Pod, seconds: float) -> None:
        await trio.sleep(seconds)
        pod.delete()

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
            sandbox.died.set()

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

    async def _damage_journal(self, event: e.DamageJournal) -> None:
        machine = self._machine(event)
        for life in list(machine.lives):
            life.kill()
        machine.disk.damage(JOURNAL, event.how, event.pick)
        self._fleet.wires[event.node].tokens.forget()

    async def _drain(self, event: e.Drain) -> None:
        machine = self._machine(event)
        machine.drained = True
        for pod in list(machine.runtime.pods.values()):
            pod.delete()
        await trio.sleep(event.seconds)
        machine.drained = False

    async def _lose(self, event: e.Lose) -> None:
        self._fleet.lose(event.node)
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
        chosen = [event.node] if event.node >= 0 else list(fleet.wires)
        wires = [fleet.wires[n] for n in chosen]
        clusters = [fleet.machines[n].cluster for n in chosen]
        if event.what == "kubernetes":
            for cluster in clusters:
                cluster.away = True
            await trio.sleep(event.seconds)
            for cluster in clusters:
                cluster.away = False
            return
        for wire in wires:
            wire.cut[event.what] += 1
        await trio.sleep(event.seconds)
        for wire in wires:
            wire.cut[event.what] -= 1

    async def _for_a_while(
        self, thing: Any, name: str, value: object, usual: object, seconds: float
    ) -> None:
        setattr(thing, name, value)
        await trio.sleep(seconds)
        setattr(thing, name, usual)

    async def _slow_cloud(self, event: e.SlowCloud) -> None:
        settings = self._fleet.service.world.settings
        usual = self._fleet.schedule.traits.latency_seconds
        await self._for_a_while(
            settings.timing, "latency_seconds", event.median, usual, event.seconds
        )

    async def _throttle(self, event: e.Throttle) -> None:
        limits = self._fleet.service.world.settings.limits
        await self._for_a_while(
            limits, "calls_per_second_in_all", event.per_second, 0.0, event.seconds
        )

    async def _late_lists(self, event: e.LateLists) -> None:
        timing = self._fleet.service.world.settings.timing
        usual = self._fleet.schedule.traits.consistency_seconds
        await self._for_a_while(
            timing, "consistency_seconds", event.late, usual, event.seconds
        )

    async def _fill_subnet(self, event: e.FillSubnet) -> None:
        space = others.pods_space(self._fleet)
        space.exhaust()
        await trio.sleep(event.seconds)
        space.relieve()

    async def _detach_vnic(self, event: e.DetachVnic) -> None:
        others.detach(self._fleet, self._machine(event), event.pick)

    async def _delete_address(self, event: e.DeleteAddress) -> None:
        others.delete(self._fleet, self._machine(event), event.pick)

    async def _move_address(self, event: e.MoveAddress) -> None:
        to = self._fleet.machines[event.to]
        others.move(self._fleet, self._machine(event), event.pick, to)

    async def _remove_tags(self, event: e.RemoveTags) -> None:
        others.remove_tags(self._fleet, self._machine(event), event.pick)

    # The machine

    async def _disk_fault(self, event: e.DiskFault) -> None:
        disk = self._machine(event).disk
        disk.refuses.add(event.what)
        await trio.sleep(event.seconds)
        disk.refuses.discard(event.what)

    async def _slow_disk(self, event: e.SlowDisk) -> None:
        disk = self._machine(event).disk
        usual = disk.slowness
        await self._for_a_while(
            disk, "slowness", event.sync_seconds, usual, event.seconds
        )

    async def _clock_jump(self, event: e.ClockJump) -> None:
        machine = self._machine(event)
        machine.clock_error += event.by
        await trio.sleep(event.seconds)
        machine.clock_error -= event.by

    async def _second_daemon(self, event: e.SecondDaemon) -> None:
        machine = self._machine(event)
        with trio.move_on_after(event.seconds):
            await machine.run_daemon()
