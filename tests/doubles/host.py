"""A kernel in memory."""

from collections.abc import Mapping, Sequence
from typing import Never

import trio

from vcnd.model.errors import BadNetnsError, SandboxBrokenError, VcndError
from vcnd.model.interface import PodInterface
from vcnd.model.sandbox import Lease, SandboxKey
from vcnd.model.vnic import VnicSlot


class MemoryHost:
    """Remembers what is plugged.  A namespace is a number; its cookie is the same."""

    def __init__(self, *, plug_seconds: float = 0.0) -> None:
        self.plug_seconds = plug_seconds
        self.links: dict[str, tuple[Lease, Mapping[str, VnicSlot]]] = {}
        self.slots: list[VnicSlot] = []
        self.settled = 0
        self.withdrawn = False
        self.refusals = 0
        """So many times settle is refused."""

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
        await trio.sleep(self.plug_seconds)
        self.links[lease.host_ifname] = (lease, slots)
        return PodInterface(
            host_ifname=lease.host_ifname,
            host_mac="0e:00:00:00:00:01",
            pod_mac="0a:00:00:00:00:01",
            mtu=9000,
        )

    async def unplug(self, lease: Lease) -> None:
        await trio.lowlevel.checkpoint()
        self.links.pop(lease.host_ifname, None)

    async def check(self, lease: Lease, *, netns: int) -> None:
        if lease.host_ifname not in self.links:
            raise SandboxBrokenError("missing")

    async def pod_links(self) -> set[str]:
        await trio.lowlevel.checkpoint()
        return set(self.links)

    async def reap(self, host_ifname: str) -> None:
        await trio.lowlevel.checkpoint()
        self.links.pop(host_ifname, None)

    def adopt(self, pods: Sequence[tuple[Lease, Mapping[str, VnicSlot]]]) -> None:
        pass

    async def settle(self, slots: Sequence[VnicSlot]) -> None:
        await trio.lowlevel.checkpoint()
        if self.refusals:
            self.refusals -= 1
            raise VcndError("nft refused the rule set")
        self.slots = list(slots)
        self.settled += 1

    async def withdraw(self) -> None:
        await trio.lowlevel.checkpoint()
        self.slots, self.withdrawn = [], True

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> Never:
        task_status.started()
        await trio.sleep_forever()
        raise AssertionError
