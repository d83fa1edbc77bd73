"""A node's kernel, which outlives daemons and ends at a boot; a daemon's way to it."""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Never, Protocol

import msgspec
import trio

from sim.fleet.life import Life
from vcnd.core.repairs import Repairs
from vcnd.model.cause import Fault
from vcnd.model.drift import Drift
from vcnd.model.errors import BadNetnsError, SandboxBrokenError, TryAgainError
from vcnd.model.express import ExpressState
from vcnd.model.ids import VnicId
from vcnd.model.interface import Destination, PodInterface, PodLink
from vcnd.model.place import Place
from vcnd.model.sandbox import Lease, SandboxKey
from vcnd.model.vnic import VnicSlot


class Observer(Protocol):
    """Who sees what the kernel does."""

    def plugged(self, lease: Lease) -> None:
        """A link carries a pod from now on."""

    def unplugged(self, lease: Lease) -> None:
        """A daemon disconnected a pod."""

    def vanished(self, lease: Lease) -> None:
        """A pod's link went with its network namespace."""

    def unrouted(self, lease: Lease, vnic_id: VnicId) -> None:
        """A pod's VNIC was left out, or got another number."""

    def report(self, rule: str, what: str) -> None:
        """A rule is violated."""


class Link(msgspec.Struct):
    """A pod's link on the node; without a lease it carries none yet."""

    netns: int
    lease: Lease | None = None


class Kernel:
    """Links, network namespaces and VNICs of one node."""

    def __init__(
        self, observer: Observer, random: Random, present: Callable[[], set[str]]
    ) -> None:
        self._observer = observer
        self._random = random
        self.present = present
        """Returns the MACs of the VNICs that are attached."""
        self.links: dict[str, Link] = {}
        self.foreign_links: set[str] = set()
        self.slots: dict[VnicId, VnicSlot] = {}
        self.namespaces: set[int] = set()
        self.vnics_changed = trio.Event()

    def add_foreign_link(self) -> None:
        """Let another program make a link whose name begins like those of pods."""
        self.foreign_links.add("oci0123456789")

    def reap(self, name: str) -> None:
        """Remove a link for a daemon; check I8."""
        if name in self.foreign_links:
            self._observer.report("I8", f"link {name} of somebody else is removed")
        link = self.links.pop(name, None)
        if link is not None and link.lease is not None:
            self._observer.unplugged(link.lease)

    def lose_vnic(self) -> None:
        """Note that a VNIC was detached: its link is gone."""
        self.vnics_changed.set()
        self.vnics_changed = trio.Event()

    def end_namespace(self, netns: int) -> None:
        """Remove a pod's network namespace, with its link."""
        self.namespaces.discard(netns)
        for name, link in list(self.links.items()):
            if link.netns == netns:
                self.drop(name)

    def drop(self, name: str) -> None:
        """Remove a link."""
        link = self.links.pop(name, None)
        if link is not None and link.lease is not None:
            self._observer.vanished(link.lease)

    def boot(self) -> None:
        """Lose everything."""
        for name in list(self.links):
            self.drop(name)
        self.slots.clear()
        self.namespaces.clear()
        self.foreign_links.clear()

    def apply(self, slots: Sequence[VnicSlot]) -> None:
        """Set up VNICs, and take the others down."""
        before, self.slots = self.slots, {s.vnic.id: s for s in slots}
        for vnic_id, slot in before.items():
            now = self.slots.get(vnic_id)
            if now is not None and now.index == slot.index:
                continue
            for link in self.links.values():
                if link.lease is not None:
                    self._observer.unrouted(link.lease, vnic_id)

    def plug_seconds(self) -> float:
        return self._random.choice((0.0, 0.001, 0.005, 0.05))

    def plugged(self, lease: Lease) -> None:
        self._observer.plugged(lease)


class LifeHost:
    """The kernel as one life of the daemon uses it (``vcnd.ports.Host``)."""

    def __init__(self, kernel: Kernel, life: Life) -> None:
        self._kernel = kernel
        self._life = life
        self._express = ExpressState(on=True)
        self.repairs = Repairs()

    async def identify(self, netns: int) -> int:
        if netns not in self._kernel.namespaces:
            raise BadNetnsError("CNI_NETNS is no namespace")
        return netns

    def host_ifname(self, key: SandboxKey) -> str:
        return f"oci-{key.network}-{key.container_id}-{key.ifname}"

    async def plug(
        self, lease: Lease, *, netns: int, slots: Mapping[str, VnicSlot]
    ) -> PodInterface:
        kernel, name = self._kernel, lease.host_ifname
        await self._life.go_on()
        present = kernel.present()
        for slot in slots.values():
            if slot.vnic.id not in kernel.slots or slot.vnic.mac not in present:
                raise TryAgainError(f"VNIC {slot.vnic.id} has no link on the node yet")
        there = kernel.links.get(name)
        if there is None or there.netns != netns:
            self._make_link(name, netns)
        await trio.sleep(kernel.plug_seconds())
        await self._life.go_on()
        link = kernel.links.get(name)
        if link is None or netns not in kernel.namespaces:
            kernel.drop(name)
            raise BadNetnsError("CNI_NETNS has gone")
        if link.lease is None or link.lease.addresses != lease.addresses:
            link.lease = lease
            kernel.plugged(lease)
        await self._life.go_on()
        return PodInterface(
            host_ifname=name,
            host_mac="0e:00:00:00:00:01",
            pod_mac="0a:00:00:00:00:01",
            mtu=9000,
            destinations=tuple(
                Destination(f.everywhere) for f in lease.families.values()
            ),
        )

    def _make_link(self, name: str, netns: int) -> None:
        if netns not in self._kernel.namespaces:
            raise BadNetnsError("CNI_NETNS is no namespace")
        self._kernel.drop(name)
        self._kernel.links[name] = Link(netns)

    async def unplug(self, lease: Lease) -> None:
        await trio.lowlevel.checkpoint()
        await self._life.go_on()
        self._kernel.reap(lease.host_ifname)
        await self._life.go_on()

    async def check(
        self, lease: Lease, *, netns: int, destinations: Mapping[str, int | None]
    ) -> None:
        del netns, destinations
        link = self._kernel.links.get(lease.host_ifname)
        if link is None or link.lease is None:
            raise SandboxBrokenError("missing")

    async def pod_links(self) -> Mapping[str, PodLink]:
        await trio.lowlevel.checkpoint()
        await self._life.go_on()
        shown = {n: _shown(n, link) for n, link in self._kernel.links.items()}
        foreign = self._kernel.foreign_links
        return shown | {n: PodLink(host_ifname=n, ours=False) for n in foreign}

    async def vnic_numbers(self) -> Mapping[str, int]:
        slots = self._kernel.slots.values()
        return {s.vnic.mac: s.index for s in slots if not s.is_primary}

    async def reap(self, host_ifname: str) -> None:
        await trio.lowlevel.checkpoint()
        await self._life.go_on()
        self._kernel.reap(host_ifname)

    def adopt(self, pods: Sequence[tuple[Lease, Mapping[str, VnicId]]]) -> None:
        pass

    def lead_to_services(self, networks: Sequence[str]) -> None:
        """The MTU of packets is no part of this model."""

    def move(self, lease: Lease, vnics: Mapping[str, VnicId]) -> None:
        pass

    def unlinked(self) -> frozenset[VnicId]:
        kernel, present = self._kernel, self._kernel.present()
        return frozenset(
            s.vnic.id
            for s in kernel.slots.values()
            if not s.is_primary and s.vnic.mac not in present
        )

    async def until_links_change(self) -> None:
        await self._kernel.vnics_changed.wait()

    async def apply(self, slots: Sequence[VnicSlot]) -> None:
        await trio.lowlevel.checkpoint()
        await self._life.go_on()
        self._kernel.apply(slots)
        await self._life.go_on()

    async def withdraw(self) -> None:
        await trio.lowlevel.checkpoint()
        await self._life.go_on()
        self._kernel.slots = {}

    async def differences(self) -> Sequence[Drift]:
        return ()

    async def restore(self) -> Sequence[Drift]:
        return ()

    def problems(self) -> Mapping[Place, Fault]:
        return {}

    async def until_problems_change(self) -> None:
        await trio.sleep_forever()

    async def express(self) -> ExpressState:
        return self._express

    async def switch_express(self, *, on: bool) -> None:
        self._express = ExpressState(on=on)

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> Never:
        task_status.started()
        await trio.sleep_forever()
        raise AssertionError


def _shown(name: str, link: Link) -> PodLink:
    lease = link.lease
    if lease is None:
        return PodLink(host_ifname=name, ours=True)
    return PodLink(
        host_ifname=name,
        ours=True,
        addresses=lease.addresses,
        key=lease.key,
        pod=lease.pod,
        express=lease.express,
    )
