"""Carries out CNI's verbs: passes each call to its flow."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import trio

from vcnd.log import log
from vcnd.model.errors import BadNetnsError
from vcnd.model.family import Family
from vcnd.model.interface import PodInterface
from vcnd.model.sandbox import Lease, PodRef, SandboxKey
from vcnd.serve import cni_result
from vcnd.serve.cni_call import Call


class Sandboxes(Protocol):
    """The verbs that concern one sandbox."""

    async def add(
        self,
        key: SandboxKey,
        pod: PodRef,
        netns: int,
        annotations: Mapping[str, str] | None = None,
    ) -> tuple[Lease, PodInterface]:
        """Lease a sandbox an address and wire it."""

    async def delete(self, key: SandboxKey) -> Lease | None:
        """End its lease; return the lease that it had."""

    async def check(
        self,
        key: SandboxKey,
        netns: int,
        addresses: Collection[str],
        default_routes: Collection[Family] = (),
    ) -> None:
        """Raise if something that ADD made is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CniVerbs:
    """The functions that carry out CNI's verbs."""

    sandboxes: Sandboxes
    """ADD, DEL and CHECK."""
    collect_garbage: Callable[[str, frozenset[tuple[str, str]]], Awaitable[None]]
    """GC: end the leases of a network that the runtime no longer knows."""
    ready: Callable[[], None]
    """STATUS: raise if ADD cannot succeed."""

    async def carry_out(self, call: Call, descriptors: list[int]) -> bytes:
        """Carry a call out, and log it; return what the plugin prints.

        Args:
            call: a valid call.
            descriptors: those of the request; ADD and CHECK need the network namespace.

        Raises:
            VcndError: it is refused, or failed.
        """
        began = trio.current_time()
        outcome: dict[str, Any] = {}
        match call.command:
            case "ADD":
                lease, interface = await self.sandboxes.add(
                    call.key, call.pod, _one_namespace(descriptors), call.annotations
                )
                stdout = cni_result.render_result(call, lease, interface)
                outcome = {"address": lease.address, "ifname": interface.host_ifname}
            case "DEL":
                ended = await self.sandboxes.delete(call.key)
                stdout = b""
                outcome = {"address": ended.address if ended else None}
            case "CHECK":
                await self.sandboxes.check(
                    call.key,
                    _one_namespace(descriptors),
                    call.previous_addresses,
                    call.previous_default_routes,
                )
                stdout = b""
            case "GC":
                await self.collect_garbage(call.key.network, call.valid_attachments)
                stdout = b""
            case "STATUS":
                self.ready()
                return b""  # every few seconds for ever: not logged
            case _:
                return cni_result.render_versions(call.cni_version)
        took = trio.current_time() - began
        log.info(
            "call",
            command=call.command,
            sandbox=str(call.key),
            pod=str(call.pod),
            ms=round(took * 1000, 2),
            **outcome,
        )
        return stdout


def _one_namespace(descriptors: list[int]) -> int:
    if len(descriptors) != 1:
        raise BadNetnsError(
            "CNI_NETNS cannot be opened",
            details=f"{len(descriptors)} descriptors came with the call, 1 expected",
        )
    return descriptors[0]
