"""Carries out CNI's verbs: passes each call to its flow."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Protocol

import msgspec

from vcnd.model.errors import BadNetnsError
from vcnd.model.interface import PodInterface
from vcnd.model.phases import UNTIMED, Phases
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
        *,
        phases: Phases = UNTIMED,
    ) -> tuple[Lease, PodInterface]:
        """Lease a sandbox an address and wire it."""

    async def delete(
        self, key: SandboxKey, *, phases: Phases = UNTIMED
    ) -> Lease | None:
        """End its lease; return the lease that it had."""

    async def check(
        self,
        key: SandboxKey,
        netns: int,
        addresses: Collection[str],
        destinations: Mapping[str, int | None] | None = None,
    ) -> None:
        """Raise if something that ADD made is missing."""


class Done(msgspec.Struct, frozen=True):
    """A call that was carried out."""

    stdout: bytes
    """What the plugin prints."""
    outcome: Mapping[str, Any] = msgspec.field(default_factory=dict)
    """What its log line says of it."""
    is_logged: bool = True


class CniVerbs(msgspec.Struct, frozen=True, kw_only=True):
    """The functions that carry out CNI's verbs."""

    sandboxes: Sandboxes
    """ADD, DEL and CHECK."""
    collect_garbage: Callable[[str, frozenset[tuple[str, str]]], Awaitable[None]]
    """GC: end the leases of a network that the runtime no longer knows."""
    ready: Callable[[], None]
    """STATUS: raise if ADD cannot succeed."""

    async def carry_out(
        self, call: Call, descriptors: list[int], phases: Phases
    ) -> Done:
        """Carry a call out.

        Args:
            call: a valid call.
            descriptors: those of the request; ADD and CHECK need the network namespace.
            phases: of the call.

        Raises:
            VcndError: it is refused, or failed.
        """
        match call.command:
            case "ADD":
                lease, interface = await self.sandboxes.add(
                    call.key,
                    call.pod,
                    _one_namespace(descriptors),
                    call.annotations,
                    phases=phases,
                )
                return Done(
                    cni_result.render_result(call, lease, interface),
                    {"address": lease.address, "ifname": interface.host_ifname},
                )
            case "DEL":
                ended = await self.sandboxes.delete(call.key, phases=phases)
                return Done(b"", {"address": ended.address if ended else None})
            case "CHECK":
                await self.sandboxes.check(
                    call.key,
                    _one_namespace(descriptors),
                    call.previous_addresses,
                    call.previous_destinations,
                )
                return Done(b"")
            case "GC":
                await self.collect_garbage(call.key.network, call.valid_attachments)
                return Done(b"")
            case "STATUS":
                self.ready()
                return Done(b"", is_logged=False)  # every few seconds for ever
            case _:
                versions = cni_result.render_versions(call.cni_version)
                return Done(versions, is_logged=False)


def _one_namespace(descriptors: list[int]) -> int:
    if len(descriptors) != 1:
        raise BadNetnsError(
            "CNI_NETNS cannot be opened",
            details=f"{len(descriptors)} descriptors came with the call, 1 expected",
        )
    return descriptors[0]
