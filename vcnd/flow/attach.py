"""CNI ADD, DEL and CHECK: a sandbox gets, loses and keeps its address.

The order of durable steps (docs/architecture.md#walk-1-a-pod-starts):

    ADD  choose → lease written → plug → lease durable, policies in force → answer
    DEL  unplug → release written → answer; the kernel's link is reaped behind

Written, a record outlives the daemon; durable, it outlives the node.  The disk works
while the pod is plugged.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from math import inf

import trio
from msgspec.structs import replace

from vcnd.flow.admission import Admitter
from vcnd.flow.broken import broken
from vcnd.flow.grants import Grants
from vcnd.flow.leases import Leases
from vcnd.flow.locks import SandboxLocks
from vcnd.flow.pool import Pool
from vcnd.flow.reasons import why_broken
from vcnd.flow.waiting import wait_for_address
from vcnd.model.cause import Cause
from vcnd.model.errors import BadRequestError, SandboxBrokenError, TryAgainError
from vcnd.model.interface import PodInterface
from vcnd.model.phases import UNTIMED, Phase, Phases
from vcnd.model.records import Leased
from vcnd.model.sandbox import UNKNOWN_COOKIE, HostLink, Lease, PodRef, SandboxKey
from vcnd.ports import Host, Journal

UNDO_SECONDS = 5.0
CONFIRMED_SECONDS = 300.0
"""An address is leased without an audit if the cloud was audited within this time."""


class Attacher:
    """Leases addresses to sandboxes, and wires them."""

    def __init__(
        self,
        *,
        pool: Pool,
        host: Host,
        journal: Journal,
        leases: Leases,
        locks: SandboxLocks,
        grants: Grants,
        admitter: Admitter,
        patience_seconds: float,
    ) -> None:
        self._pool = pool
        self._host = host
        self._journal = journal
        self._leases = leases
        self._locks = locks
        self._claims = grants
        self._admitter = admitter
        self._patience_seconds = patience_seconds
        self._confirmation_asked_at = -inf

    async def add(
        self,
        key: SandboxKey,
        pod: PodRef,
        netns: int,
        annotations: Mapping[str, str] | None = None,
        *,
        phases: Phases = UNTIMED,
    ) -> tuple[Lease, PodInterface]:
        """Lease a sandbox an address and wire it; a repeated call gets the same answer.

        Args:
            key: the sandbox.
            pod: its pod.
            netns: descriptor of its network namespace.
            annotations: the pod's, if the runtime passes them.
            phases: of the call.

        Raises:
            RequestRefusedError: the pod's request is not allowed.
            PoolEmptyError: no address became free within the patience.
            TryAgainError: a later ADD or DEL of the sandbox came meanwhile.
            BadNetnsError: the descriptor is no pod's network namespace.
            BadRequestError: an interface of that name exists and is not ours.
        """
        async with (
            self._locks.hold_for_add(key) as place,
            self._held(key) as held,
        ):
            cookie = await self._host.identify(netns)
            if held is not None:
                place.keep()
                link = held.wiring or self._link(key, UNKNOWN_COOKIE)
                found_in_kernel = link.netns_cookie == UNKNOWN_COOKIE
                named = replace(held, key=key, pod=pod) if found_in_kernel else held
                now = replace(named, wiring=replace(link, netns_cookie=cookie))
                interface = await self._add_again(held, now, netns, cookie)
                phases.end(Phase.NETLINK)
                await self._admitter.admit(now, phases)
                return now, interface
            grant = await self._claims.of(pod, annotations)
            found = await wait_for_address(
                self._pool, key, pod, grant, self._patience_seconds
            )
            place.keep()
            lease = Lease(
                key=key,
                addresses=found,
                wiring=self._link(key, cookie),
                pod=pod,
                express=grant.express,
            )
            phases.end(Phase.CLAIM)
            async with self._new_lease(lease, phases) as durable:
                interface = await self._plug(lease, netns)
                phases.end(Phase.NETLINK)
                await self._admitter.admit_while(durable, lease, phases)
            return lease, interface

    @asynccontextmanager
    async def _held(self, key: SandboxKey) -> AsyncIterator[Lease | None]:
        """Find a sandbox's lease, by its key or by the name of its link.

        A lease that was found in the kernel may be known by its link alone; then the
        lock of that key is held too.
        """
        ledger = self._pool.ledger
        by_link = SandboxKey.of_link(self._host.host_ifname(key))
        if ledger.lease_of(by_link) is None:
            yield ledger.lease_of(key)
            return
        async with self._locks.hold(by_link):
            yield ledger.lease_of(key) or ledger.lease_of(by_link)

    def _link(self, key: SandboxKey, cookie: int) -> HostLink:
        return HostLink(ifname=self._host.host_ifname(key), netns_cookie=cookie)

    async def _add_again(
        self, held: Lease, lease: Lease, netns: int, cookie: int
    ) -> PodInterface:
        if held != lease:
            if held.wiring is not None and not held.wiring.may_lead_to(cookie):
                # The runtime made the sandbox again under its old name, without a DEL.
                await self._host.unplug(held)
            # Durable first: the ledger never has more than the disk.
            await self._journal.append(Leased(lease))
            self._pool.ledger.amend(held, lease)
        else:
            # An earlier life may have written it to a disk that refused to keep it.
            await self._journal.sync()
        return await self._plug(lease, netns)

    async def _plug(self, lease: Lease, netns: int) -> PodInterface:
        slots = self._pool.slots_of(lease)
        for address in lease.addresses:
            if address in slots:
                continue
            if self._pool.ledger.private_ip(address) is not None:
                raise TryAgainError(f"the VNIC of {address} is not set up yet")
            raise BadRequestError(
                f"{address} is no longer an address of this node",
                details="the cloud took it from its VNIC; delete the pod for another",
                cause=Cause.ADDRESS_GONE,
            )
        return await self._host.plug(lease, netns=netns, slots=slots)

    def _confirm_soon(self) -> None:
        """Request one audit if the last one is old.

        OCI does not report it when somebody deletes our addresses.
        """
        pool, now = self._pool, trio.current_time()
        newest = max(pool.conditions.confirmed_at, self._confirmation_asked_at)
        if pool.conditions.observed and now - newest > CONFIRMED_SECONDS:
            self._confirmation_asked_at = now
            pool.signals.request_audit()

    @asynccontextmanager
    async def _new_lease(
        self, lease: Lease, phases: Phases
    ) -> AsyncIterator[Callable[[], Awaitable[None]]]:
        """Lease addresses; undo pod and lease unless the body succeeds.

        The lease is written before the body.  The body gets what waits until it is
        durable.
        """
        try:
            self._confirm_soon()
            durable = await self._leases.begin(lease)
            phases.end(Phase.JOURNAL)
            yield durable
        except BaseException:
            # Not if the disk refused: then there is nothing to undo.
            if self._pool.ledger.lease_of(lease.key) == lease:
                with trio.move_on_after(UNDO_SECONDS, shield=True):
                    await self._leases.end(lease)
            raise

    async def delete(
        self, key: SandboxKey, *, phases: Phases = UNTIMED
    ) -> Lease | None:
        """End a sandbox's lease; parts that are gone already are no error."""
        async with self._locks.hold_for_del(key), self._held(key) as lease:
            phases.end(Phase.CLAIM)
            if lease is None:
                return None
            await self._leases.end(lease, phases)
            return lease

    async def check(
        self,
        key: SandboxKey,
        netns: int,
        addresses: Collection[str],
        destinations: Mapping[str, int | None] | None = None,
    ) -> None:
        """Raise ``SandboxBrokenError`` if a sandbox lacks something that ADD gave it.

        Args:
            key: the sandbox.
            netns: descriptor of its network namespace.
            addresses: the addresses that the runtime's prevResult names.
            destinations: networks to which it has routes by our gateway, and their
                MTUs; None: it is not known.
        """
        async with self._locks.hold(key), self._held(key) as lease:
            if lease is None:
                raise SandboxBrokenError(
                    "the sandbox holds no address", details=f"no lease for {key}"
                )
            if not {*lease.addresses} <= {*addresses}:
                raise SandboxBrokenError(
                    "prevResult does not name the sandbox's addresses",
                    details=f"leased {lease.addresses}, prevResult {addresses}",
                )
            cookie = await self._host.identify(netns)
            if lease.wiring is not None and not lease.wiring.may_lead_to(cookie):
                raise SandboxBrokenError(
                    "the sandbox has another network namespace than at ADD"
                )
            found = broken(self._pool, lease)
            if found is not None:
                raise SandboxBrokenError(
                    "the pod's network cannot work",
                    details=why_broken(found),
                    cause=found.cause,
                )
            if lease.wiring is None:
                return
            named = replace(lease, key=key)
            await self._host.check(named, netns=netns, destinations=destinations or {})
