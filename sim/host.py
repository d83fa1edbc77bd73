"""A kernel in memory."""

from collections.abc import Mapping, Sequence
from typing import Never

import trio
from msgspec.structs import replace

from vcnd.core.repairs import Repair, Repairs
from vcnd.model.cause import Cause, Fault
from vcnd.model.drift import Drift
from vcnd.model.errors import (
    BadNetnsError,
    SandboxBrokenError,
    TryAgainError,
    VcndError,
)
from vcnd.model.express import ExpressState
from vcnd.model.ids import VnicId
from vcnd.model.interface import Destination, PodInterface, PodLink
from vcnd.model.place import Place
from vcnd.model.sandbox import Lease, SandboxKey
from vcnd.model.vnic import VnicSlot


class MemoryHost:
    """Remembers plugged sandboxes.  A namespace and its cookie are the same number."""

    def __init__(self, *, plug_seconds: float = 0.0) -> None:
        self.plug_seconds = plug_seconds
        self.links: dict[str, tuple[Lease, Mapping[str, VnicSlot]]] = {}
        self.slots: list[VnicSlot] = []
        self.applied = 0
        self.withdrawn = False
        self.bare: dict[str, bool] = {}
        """Links that carry no pod, by name; True if the link is ours."""
        self.aliases = True
        """True if links have an alias that names their sandbox."""
        self.refusals = 0
        """How many calls of ``apply`` are still refused."""
        self.moved: dict[str, dict[str, VnicId]] = {}
        self.missing_links: set[VnicId] = set()
        """VNICs without a link on the node."""
        self._links_changed = trio.Event()
        self.node_problems: dict[Place, Fault] = {}
        self.problems_changed = trio.Event()
        self.express_state = ExpressState(on=True)
        self.drifts: list[Drift] = []
        """Parts that somebody has changed."""
        self.repairs = Repairs()
        self.service_networks: tuple[str, ...] = ()

    async def identify(self, netns: int) -> int:
        if netns < 0:
            raise BadNetnsError("CNI_NETNS is no namespace")
        return netns

    def host_ifname(self, key: SandboxKey) -> str:
        return f"oci-{key.network}-{key.container_id}-{key.ifname}"

    async def plug(
        self, lease: Lease, *, netns: int, slots: Mapping[str, VnicSlot]
    ) -> PodInterface:
        assert slots.keys() == {*lease.addresses}
        assert all(slot in self.slots for slot in slots.values())
        for slot in slots.values():
            if slot.vnic.id in self.missing_links:
                raise TryAgainError(f"VNIC {slot.vnic.id} has no link on the node yet")
        await trio.sleep(self.plug_seconds)
        self.links[lease.host_ifname] = (lease, slots)
        return PodInterface(
            host_ifname=lease.host_ifname,
            host_mac="0e:00:00:00:00:01",
            pod_mac="0a:00:00:00:00:01",
            mtu=9000,
            destinations=tuple(
                Destination(f.everywhere) for f in lease.families.values()
            ),
        )

    async def unplug(self, lease: Lease) -> None:
        await trio.lowlevel.checkpoint()
        self.links.pop(lease.host_ifname, None)

    async def check(
        self, lease: Lease, *, netns: int, destinations: Mapping[str, int | None]
    ) -> None:
        if lease.host_ifname not in self.links:
            raise SandboxBrokenError("missing")

    async def pod_links(self) -> Mapping[str, PodLink]:
        await trio.lowlevel.checkpoint()
        others = [PodLink(host_ifname=n, ours=ours) for n, ours in self.bare.items()]
        pods = [
            PodLink(
                host_ifname=lease.host_ifname,
                ours=True,
                addresses=lease.addresses,
                key=lease.key if self.aliases else None,
                pod=lease.pod if self.aliases else None,
                express=self.aliases and lease.express,
            )
            for lease, _ in self.links.values()
        ]
        return {link.host_ifname: link for link in others + pods}

    async def vnic_numbers(self) -> Mapping[str, int]:
        return {s.vnic.mac: s.index for s in self.slots if not s.is_primary}

    async def reap(self, host_ifname: str) -> None:
        await trio.lowlevel.checkpoint()
        assert self.bare.pop(host_ifname)

    def adopt(self, pods: Sequence[tuple[Lease, Mapping[str, VnicId]]]) -> None:
        pass

    def lead_to_services(self, networks: Sequence[str]) -> None:
        self.service_networks = tuple(networks)

    def move(self, lease: Lease, vnics: Mapping[str, VnicId]) -> None:
        self.moved[lease.host_ifname] = dict(vnics)

    def unlinked(self) -> frozenset[VnicId]:
        return frozenset(
            s.vnic.id
            for s in self.slots
            if not s.is_primary and s.vnic.id in self.missing_links
        )

    async def until_links_change(self) -> None:
        await self._links_changed.wait()
        self._links_changed = trio.Event()

    def lose_link(self, vnic_id: VnicId) -> None:
        self.missing_links.add(vnic_id)
        self._links_changed.set()

    def find_link(self, vnic_id: VnicId) -> None:
        self.missing_links.discard(vnic_id)
        self._links_changed.set()

    async def apply(self, slots: Sequence[VnicSlot]) -> None:
        await trio.lowlevel.checkpoint()
        if self.refusals:
            self.refusals -= 1
            raise VcndError("nft refused the rule set")
        self.slots = list(slots)
        self.applied += 1

    async def withdraw(self) -> None:
        await trio.lowlevel.checkpoint()
        self.slots, self.withdrawn = [], True

    async def differences(self) -> Sequence[Drift]:
        await trio.lowlevel.checkpoint()
        return list(self.drifts)

    async def restore(self) -> Sequence[Drift]:
        await trio.lowlevel.checkpoint()
        restored, self.drifts = self.drifts, []
        for drift in restored:
            self.repairs.note(
                Repair(kind=drift.kind, number=1, what=drift.what, at=0.0)
            )
        return restored

    def problems(self) -> Mapping[Place, Fault]:
        return self.node_problems

    def set_problems(self, problems: dict[Place, Fault]) -> None:
        self.node_problems = problems
        self.problems_changed.set()
        self.problems_changed = trio.Event()

    async def until_problems_change(self) -> None:
        await self.problems_changed.wait()

    async def express(self) -> ExpressState:
        return self.express_state

    async def switch_express(self, *, on: bool) -> None:
        why = None if on else Fault(Cause.SWITCHED_OFF, "a command switched it off")
        self.express_state = replace(self.express_state, on=on, why=why)

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> Never:
        task_status.started()
        await trio.sleep_forever()
        raise AssertionError
