"""``LinuxHost`` alone, in a process in its node's namespace; commands come by a pipe.

A line of JSON on standard input is one command, a line on standard output its answer.
Log lines go to standard error.
"""

import json
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from random import Random
from typing import Any

import msgspec
import trio

from fakeoci.fabric import netns
from vcnd.linux.host import LinuxHost
from vcnd.linux.lane import lane, programs
from vcnd.linux.layout import Layout
from vcnd.log import log
from vcnd.model.errors import VcndError
from vcnd.model.ids import SubnetId, VnicId
from vcnd.model.sandbox import HostLink, Lease, SandboxKey
from vcnd.model.vnic import Vnic, VnicSlot
from vcnd.serve.policies import PolicySocket


class BareHost:
    """Carries out the commands."""

    def __init__(self, host: LinuxHost, nursery: trio.Nursery) -> None:
        self._host, self._nursery = host, nursery
        self._slots: list[VnicSlot] = []
        self._leases: dict[str, Lease] = {}
        self.commands: Mapping[str, Callable[..., Awaitable[Any]]] = {
            "apply": self._apply,
            "adopt": self._adopt,
            "plug": self._plug,
            "unplug": self._unplug,
            "withdraw": self._withdraw,
            "differences": self._differences,
            "restore": self._restore,
            "restored": self._restored,
            "express": self._express,
            "switch": self._switch,
            "lend": self._lend,
        }

    async def _apply(self, vnics: list[dict[str, Any]]) -> None:
        self._slots = [
            VnicSlot(
                index=number,
                vnic=Vnic(
                    id=VnicId(f"vnic{number}"), subnet_id=SubnetId("subnet"), **vnic
                ),
            )
            for number, vnic in enumerate(vnics, start=1)
        ]
        await self._host.apply(self._slots)

    def _slots_of(self, lease: Lease, vnic: int) -> dict[str, VnicSlot]:
        return dict.fromkeys(lease.addresses, self._slots[vnic - 1])

    async def _lease(self, pod: str, addresses: list[str], **options: Any) -> Lease:
        descriptor = os.open(netns.DIRECTORY / pod, os.O_RDONLY)
        try:
            cookie = await self._host.identify(descriptor)
        finally:
            os.close(descriptor)
        key = SandboxKey("vcnd", pod, "eth0")
        link = HostLink(ifname=self._host.host_ifname(key), netns_cookie=cookie)
        return Lease(key=key, addresses=tuple(addresses), wiring=link, **options)

    async def _plug(
        self, pod: str, addresses: list[str], vnic: int, **options: Any
    ) -> str:
        lease = await self._lease(pod, addresses, **options)
        descriptor = os.open(netns.DIRECTORY / pod, os.O_RDONLY)
        try:
            slots = self._slots_of(lease, vnic)
            await self._host.plug(lease, netns=descriptor, slots=slots)
        finally:
            os.close(descriptor)
        self._leases[pod] = lease
        return lease.host_ifname

    async def _adopt(self, pods: list[dict[str, Any]]) -> None:
        adopted = []
        for pod in pods:
            vnic = VnicId(f"vnic{pod.pop('vnic')}")
            lease = await self._lease(**pod)
            self._leases[pod["pod"]] = lease
            adopted.append((lease, dict.fromkeys(lease.addresses, vnic)))
        self._host.adopt(adopted)

    async def _unplug(self, pod: str) -> None:
        await self._host.unplug(self._leases.pop(pod))

    async def _withdraw(self) -> None:
        await self._host.withdraw()

    async def _differences(self) -> Any:
        return msgspec.to_builtins(await self._host.differences())

    async def _restore(self) -> Any:
        return msgspec.to_builtins(await self._host.restore())

    async def _restored(self) -> Any:
        return msgspec.to_builtins(self._host.repairs.counts())

    async def _express(self) -> dict[str, Any]:
        found: dict[str, Any] = msgspec.to_builtins(await self._host.express())
        return found

    async def _switch(self, *, on: bool) -> None:
        await self._host.switch_express(on=on)

    async def _lend(self, path: str) -> None:
        policies = PolicySocket(path, patience_seconds=1.0, strict=True)
        gate = self._host.express_gate
        chance = Random(1)  # noqa: S311 - jitter, no secret
        self._nursery.start_soon(policies.lend_gate, gate, chance)


async def _serve() -> None:
    host = LinuxHost(Layout())
    async with trio.open_nursery() as nursery:
        bare = BareHost(host, nursery)
        await nursery.start(host.run)
        async for line in trio.wrap_file(sys.stdin):
            command, arguments = json.loads(line)
            try:
                answer = {"value": await bare.commands[command](**arguments)}
            except (VcndError, OSError) as error:
                answer = {"error": repr(error)}
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
        nursery.cancel_scope.cancel()


def main() -> None:
    """Serve until standard input ends."""
    log.set_up(level="info", form="json", for_journal=False)
    lasts = float(sys.argv[1])
    if lasts:
        programs.LASTS_SECONDS = lane.CHECK_SECONDS = lasts
    trio.run(_serve)


if __name__ == "__main__":
    main()
