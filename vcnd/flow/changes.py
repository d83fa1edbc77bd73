"""Changes to what the cloud gives this node, each carried through to the books.

``flow.warm_pool`` decides when; here is how: the cloud is asked, the journal
written, the ledger and the kernel follow.
"""

import secrets
from collections.abc import Sequence

import structlog

from vcnd.flow.pool import Pool
from vcnd.model.errors import (
    BadRequestError,
    CloudError,
    CloudFullError,
    CloudRefusedError,
)
from vcnd.model.ids import VnicId
from vcnd.model.records import (
    AddressAdded,
    AddressForgotten,
    AttachIntended,
    AttachSettled,
    VnicForgotten,
    VnicNumbered,
)
from vcnd.model.vnic import PrivateIp
from vcnd.ports import Cloud, Host, Journal

log = structlog.get_logger()


class Changes:
    """Carries out one change at a time and place; its caller sees to that."""

    def __init__(
        self, *, pool: Pool, cloud: Cloud, host: Host, journal: Journal
    ) -> None:
        self._pool = pool
        self._cloud = cloud
        self._host = host
        self._journal = journal
        self._unsettled_attach: str | None = None
        self.being_deleted: set[str] = set()
        """Addresses whose deletion is under way: no audit judges them."""

    def resume(self, unsettled_attach: str | None) -> None:
        """Name the AttachVnic whose answer an earlier life of the daemon missed.

        The next attach repeats it with its token, so that OCI answers with the
        VNIC of then instead of making a second one.
        """
        self._unsettled_attach = unsettled_attach

    async def create_addresses(self, vnic_id: VnicId, count: int) -> None:
        """Create addresses on a VNIC; when not all fit, as many as do.

        A refusal halves the question until a single address is refused: that
        finds the end of a limit that nobody tells in a handful of calls.

        Raises:
            CloudFullError: the VNIC or its subnet takes no more.
            CloudError: the cloud cannot be had.
        """
        wanted, ask = count, count
        while wanted > 0:
            try:
                listed = await self._cloud.create_addresses(vnic_id, ask)
            except CloudFullError:
                if ask == 1:
                    raise
                ask //= 2
                continue
            except CloudRefusedError:
                raise
            except CloudError:
                self._pool.doubt()  # perhaps they were made: then they are adopted
                raise
            wanted -= await self.take_in(listed)
            ask = min(ask, wanted)

    async def take_in(self, listed: Sequence[PrivateIp]) -> int:
        """Enter the addresses that the books lack; return how many."""
        ledger = self._pool.ledger
        fresh = [p for p in listed if ledger.private_ip(p.address) is None]
        if fresh:
            await self._journal.append(*(AddressAdded(p) for p in fresh))
            for private_ip in fresh:
                ledger.add(private_ip)
            log.info("addresses_added", addresses=[p.address for p in fresh])
            self._pool.arrived()
        return len(fresh)

    async def attach_vnic(self) -> None:
        """Attach a pod VNIC and set it up in the kernel."""
        token = self._unsettled_attach or secrets.token_hex(15)
        self._unsettled_attach = token
        await self._journal.append(AttachIntended(token))
        try:
            vnic = await self._cloud.attach_vnic(self._pool.network, token)
        except CloudRefusedError:
            # A final refusal: the next attempt is another intent.
            self._unsettled_attach = None
            await self._journal.append(AttachSettled(token))
            raise
        slot = self._pool.number(vnic)
        self._pool.vnics_attached += 1
        await self._journal.append(VnicNumbered(slot), AttachSettled(token))
        self._unsettled_attach = None
        await self.settle()
        log.info("vnic_attached", vnic=vnic.id, index=slot.index, address=vnic.address)

    async def settle(self) -> None:
        """Bring the kernel to the VNICs of the books."""
        await self._host.settle(list(self._pool.slots.values()))

    async def delete_addresses(self, vnic_id: VnicId, addresses: Sequence[str]) -> None:
        """Give free addresses of one VNIC back to the subnet."""
        ledger = self._pool.ledger
        going = [
            ledger.mark_deleting(a) for a in addresses if ledger.state(a) == "free"
        ]
        if not going:
            return
        self.being_deleted.update(p.address for p in going)
        try:
            await self._cloud.delete_addresses(vnic_id, going)
        except CloudError:
            # Perhaps some are gone.  None serves anybody until an audit has asked.
            self._pool.doubt()
            raise
        finally:
            self.being_deleted.difference_update(p.address for p in going)
        await self._journal.append(*(AddressForgotten(p.address) for p in going))
        for private_ip in going:
            if ledger.state(private_ip.address) == "deleting":
                ledger.forget(private_ip.address)
        log.info("addresses_deleted", addresses=[p.address for p in going])

    async def give_all_back(self) -> None:
        """Return every address and VNIC to the cloud, and leave the kernel as found.

        Raises:
            BadRequestError: pods still hold addresses; nothing was changed.
        """
        pool = self._pool
        held = pool.ledger.leases()
        if held:
            raise BadRequestError(
                f"{len(held)} pods hold addresses of this node",
                details="drain the node first: kubectl drain",
            )
        for slot in pool.pod_slots:
            # Secondary addresses are EPHEMERAL: they go with their VNIC, in one call.
            await self._cloud.detach_vnic(slot.vnic.id)
            gone = [p for p in pool.ledger.private_ips() if p.vnic_id == slot.vnic.id]
            await self._journal.append(
                *(AddressForgotten(p.address) for p in gone),
                VnicForgotten(slot.vnic.id),
            )
            for private_ip in gone:
                pool.ledger.forget(private_ip.address)
            del pool.slots[slot.vnic.id]
            pool.vnics_attached -= 1
        pool.released = True
        await self._host.withdraw()
        self._journal.remove()
        log.info("all_given_back")
