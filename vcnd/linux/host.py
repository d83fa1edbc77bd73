"""The ``Host`` port: the node's kernel, one change at a time."""

import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Never, TypeVar

import trio

from vcnd.core.repairs import Repairs
from vcnd.linux import nft, withdrawal
from vcnd.linux.destinations import Reach
from vcnd.linux.guard import Watch
from vcnd.linux.judge import Judge, Wanted
from vcnd.linux.kernel_state import Desired, KernelState
from vcnd.linux.lane.lane import Lane
from vcnd.linux.lane.pods import lane_pods, lane_vnics
from vcnd.linux.layout import Layout
from vcnd.linux.pod_elements import pod_elements
from vcnd.linux.pod_links import pod_links, reap_group
from vcnd.linux.pod_names import host_ifname
from vcnd.linux.pods import PodWiring
from vcnd.linux.reaper import reaper
from vcnd.linux.restorer import Restorer
from vcnd.linux.ruleset import render
from vcnd.linux.surroundings import Surroundings
from vcnd.linux.vnic_link import VnicLink, class_numbers
from vcnd.linux.vnic_numbers import vnic_numbers
from vcnd.linux.vnics import VnicWiring
from vcnd.model.cause import Cause, Fault
from vcnd.model.drift import Drift
from vcnd.model.errors import TryAgainError
from vcnd.model.express import ExpressState
from vcnd.model.family import Family
from vcnd.model.ids import ClassName, VnicId
from vcnd.model.interface import PodInterface, PodLink
from vcnd.model.place import Place
from vcnd.model.sandbox import Lease, SandboxKey
from vcnd.model.vnic import VnicSlot
from vcnd.signals import Latch
from vcnd.turn import Turn

T = TypeVar("T")


class LinuxHost:
    """Owns vcnd's part of the node's kernel: VNIC set-up, nft table, pods."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._slots: list[VnicSlot] = []
        self._vnic_links: list[VnicLink] = []
        self._classes: dict[ClassName, int] = {}
        """Numbers of the pods' classes, where NSGs are enforced between them."""
        self._pods: dict[str, tuple[Lease, Mapping[str, VnicId]]] = {}
        """By the host's end: a lease and its addresses' VNICs (numbers may change)."""
        self._unlinked: frozenset[VnicId] = frozenset()
        self._links_changed = Latch()
        self._wiring = PodWiring(layout, lambda: reap_group(layout))
        self._vnics = VnicWiring(layout)
        self._reach = reach = Reach(layout)
        self.lead_to_services = reach.lead_to_services
        self._judge = Judge(layout)
        self._watch = Watch(layout, self._judge, self._wiring.nft_port)
        self._state, self.repairs = KernelState(layout, self._wiring), Repairs()
        self._restorer = Restorer(
            self._watch,
            active=lambda: bool(self._slots),
            wanted=self._wanted,
            hear_nft=self._hear_nft,
            compare=self.differences,
            settle=self._settle_again,
            repairs=self.repairs,
        )
        self.restore = self._restorer.restore
        """Restores what differs, and returns it (``Host.restore``)."""
        self._surroundings = Surroundings(
            layout,
            vnics=lambda: self._vnic_links,
            pod_links=lambda: self._pods,
            uses_ipv6=lambda: any(s.vnic.ipv6_cidr for s in self._slots),
            restore=self._restorer.check,
            repairs=self.repairs,
        )
        self._turn = Turn()
        self._settling_thread = trio.CapacityLimiter(1)
        self._reaper = reaper(layout)
        self._lane = Lane(
            layout,
            pods=lambda: lane_pods(self._pods, self._slots, self._vnic_links, reach),
            vnics=lambda: lane_vnics(self._slots, self._vnic_links),
            settle=self._restorer.settle,
        )
        self.express_gate = self._lane.gate
        """Returns the descriptor of the express lane's gate, once there is one."""

    @asynccontextmanager
    async def _taking_turn(self, what: str) -> AsyncIterator[None]:
        """Hold the lock; turn the kernel's refusals into errors in words."""
        async with self._turn:
            with nft.in_words(what):
                yield

    async def _at_once(self, call: Callable[[], T]) -> T:
        """Run a step of some hundred microseconds in this thread, under the lock.

        A worker thread would cost more than the step: two wake-ups, and contention
        for the interpreter's lock at each of its dozen system calls.
        """
        self._reaper.note_call()
        async with self._taking_turn("the pod's wiring"):
            return call()

    async def _in_thread(self, call: Callable[[], T]) -> T:
        """Run a step of many milliseconds in a worker thread, under the lock.

        Not abandoned when cancelled: the step ends, and its outcome is known.
        """
        async with self._taking_turn("the VNICs' set-up"):
            return await trio.to_thread.run_sync(call, limiter=self._settling_thread)

    # Pods

    async def identify(self, netns_fd: int) -> int:
        """Return a namespace's cookie (``Host.identify``)."""
        with nft.in_words("the pod's namespace"):
            return self._wiring.identify(netns_fd)

    def host_ifname(self, key: SandboxKey) -> str:
        """Return the host's end for a sandbox."""
        return host_ifname(self._layout, key)

    @property
    def _sources(self) -> dict[Family, str]:
        """Return the node's own addresses, the sources of its packets to pods."""
        for slot in self._slots:
            if slot.is_primary:
                vnic = slot.vnic
                return {Family.IPV4: vnic.address, Family.IPV6: vnic.ipv6}
        return {}

    async def plug(
        self, lease: Lease, *, netns: int, slots: Mapping[str, VnicSlot]
    ) -> PodInterface:
        """Wire a pod (``Host.plug``)."""
        there = {v.index for v in self._vnic_links}
        for slot in slots.values():
            if slot.index not in there:
                raise TryAgainError(
                    f"VNIC {slot.vnic.id} has no link on the node yet",
                    details=f"no link with MAC {slot.vnic.mac}",
                    cause=Cause.LINK_MISSING,
                )

        def wire() -> PodInterface:
            interface = self._wiring.plug(
                lease,
                netns=netns,
                slots=slots,
                mtu=self._reach.pod_mtu,
                destinations=self._reach.of_pod(lease, slots),
                sources=self._sources,
                classes=self._classes,
                express=lease.express and self._lane.proves,
            )
            # Under the same lock: a restoration sees each pod whole, or not at all.
            name = lease.host_ifname
            self._pods[name] = lease, {a: s.vnic.id for a, s in slots.items()}
            self._state.note_plug(name, interface.mtu)
            return interface

        interface = await self._at_once(wire)
        self._lane.stir()
        return interface

    async def unplug(self, lease: Lease) -> None:
        """Cut a pod off (``Host.unplug``)."""

        def cut() -> None:
            self._pods.pop(lease.host_ifname, None)
            self._lane.exclude(lease.host_ifname)
            self._wiring.unplug(lease, by_class=bool(self._classes))

        await self._at_once(cut)
        self._reaper.cut(lease.addresses)

    async def check(
        self, lease: Lease, *, netns: int, destinations: Mapping[str, int | None]
    ) -> None:
        """Look for what plug made (``Host.check``)."""
        check = partial(self._wiring.check, lease, netns=netns)
        await self._in_thread(partial(check, destinations=destinations))

    async def pod_links(self) -> Mapping[str, PodLink]:
        """Return the links with names like pods' (``Host.pod_links``)."""
        return await self._in_thread(lambda: pod_links(self._layout))

    async def vnic_numbers(self) -> Mapping[str, int]:
        """Return the numbers that VNICs have (``Host.vnic_numbers``)."""
        return await self._in_thread(lambda: vnic_numbers(self._layout))

    async def reap(self, host_ifname: str) -> None:
        """Delete a link that belongs to no lease."""
        await self._at_once(lambda: self._wiring.cut(host_ifname))
        self._reaper.cut()

    # VNICs and rules

    def adopt(self, pods: Sequence[tuple[Lease, Mapping[str, VnicId]]]) -> None:
        """Learn which pods are plugged (``Host.adopt``)."""
        self._pods |= {lease.host_ifname: (lease, vnics) for lease, vnics in pods}

    def move(self, lease: Lease, vnics: Mapping[str, VnicId]) -> None:
        """Learn on which VNICs a plugged pod's addresses are (``Host.move``)."""
        if lease.host_ifname in self._pods:
            self._pods[lease.host_ifname] = (lease, vnics)

    async def apply(self, slots: Sequence[VnicSlot]) -> None:
        """Set the node up for these VNICs and the plugged pods."""
        self._slots = list(slots)
        self._surroundings.resume()
        self._lane.resume()
        await self._restorer.apply()

    def unlinked(self) -> frozenset[VnicId]:
        """Return the pod VNICs without a link (``Host.unlinked``)."""
        return self._unlinked

    async def until_links_change(self) -> None:
        """Return when ``unlinked`` has changed (``Host.until_links_change``)."""
        await self._links_changed.wait()

    def _compare_links(self) -> None:
        """Note which pod VNICs lost their link since the last check."""
        linked = {v.index for v in self._vnic_links}
        unlinked = frozenset(
            s.vnic.id for s in self._slots if not s.is_primary and s.index not in linked
        )
        if unlinked != self._unlinked:
            self._unlinked = unlinked
            self._links_changed.set()

    def _settle(self, drifts: Sequence[Drift] = ()) -> None:
        done = self._vnics.set_up(self._slots)
        self._vnic_links, self._reach.mtu = list(done.links), done.mtu
        self._classes = class_numbers(self._layout, self._vnic_links)
        self._surroundings.fit_primary()
        self._load_ruleset(done.strangers)
        self._state.restore_pods(self._desired, drifts)
        done.check_tables()

    def _load_ruleset(self, strangers: Sequence[str]) -> None:
        marker = f"load_{secrets.token_hex(4)}"
        self._judge.expect(marker)
        links = self._vnic_links
        text = render(
            self._layout,
            links,
            pod_elements(self._pods, self._slots, links),
            marker=marker,
            strangers=strangers,
            express=self._lane.proves,
        )
        nft.put(self._layout.nft_table, text)
        self._state.note_load()
        self._lane.renew()

    async def withdraw(self) -> None:
        """Remove what ``apply`` made (``Host.withdraw``)."""
        async with self._turn:  # a set-up may be going on
            # No link is ours from now on, or its filter would be made loose again.
            self._slots, self._vnic_links, self._classes = [], [], {}
        remove_table = partial(nft.remove, self._layout.nft_table)
        await withdrawal.all_of(
            {
                "the express lane": self._lane.withdraw,
                "accepts in others' chains": self._surroundings.remove_accepts,
                "rp_filter": self._surroundings.put_settings_back,
                "routes and rules": partial(self._in_thread, self._vnics.take_down),
                "the nft table": partial(self._in_thread, remove_table),
            }
        )

    def problems(self) -> dict[Place, Fault]:
        """Return what is wrong with the node itself (``Host.problems``)."""
        return self._surroundings.problems.now()

    async def until_problems_change(self) -> None:
        """Return when that has changed."""
        await self._surroundings.problems.until_changed()

    async def differences(self) -> Sequence[Drift]:
        """Return what differs in the kernel (``Host.differences``)."""
        # Without VNICs it is withdrawn, or not set up yet.
        compare = partial(self._state.compare, self._desired)
        return await self._in_thread(compare) if self._slots else ()

    @property
    def _desired(self) -> Desired:
        return Desired(
            slots=self._slots,
            links=self._vnic_links,
            mtu=self._reach.mtu,
            rules=self._vnics.rules,
            pods=self._pods,
            sources=self._sources,
        )

    # The express lane

    async def express(self) -> ExpressState:
        """Return the express lane's state (``Host.express``)."""
        return await self._lane.state()

    async def switch_express(self, *, on: bool) -> None:
        """Switch the express lane (``Host.switch_express``)."""
        await self._lane.switch(on=on)

    # Background work

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> Never:
        """Reap cut links, and restore what others take from us."""
        try:
            async with trio.open_nursery() as watchers:
                watchers.start_soon(self._reaper.run)
                watchers.start_soon(self._restorer.run)
                watchers.start_soon(self._surroundings.run)
                watchers.start_soon(self._lane.run)
                task_status.started()
        finally:
            self._wiring.close()
            self._watch.close()
        raise AssertionError("watchers never end")

    def _wanted(self) -> Wanted:
        pods = {name: lease.addresses for name, (lease, _) in self._pods.items()}
        return Wanted.of(self._layout, self._slots, pods, self._vnics.rules)

    def _hear_nft(self, data: bytes | None) -> None:
        self._lane.hear_nft(data)
        self._surroundings.hear_nft(data)

    async def _settle_again(self, drifts: Sequence[Drift] = ()) -> None:
        await self._in_thread(partial(self._settle, drifts))
        self._lane.stir()
        self._compare_links()
