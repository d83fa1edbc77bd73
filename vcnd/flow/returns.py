"""What goes back to the cloud: addresses, blocks, VNICs, fixed addresses."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import structlog

from vcnd.flow.changes import Changes, texts
from vcnd.flow.pool import Pool
from vcnd.model.errors import BadRequestError, CloudError
from vcnd.model.ids import VnicId
from vcnd.model.records import AddressForgotten, VnicForgotten
from vcnd.model.vnic import PrivateIp
from vcnd.ports import Cloud, Host, Journal

log = structlog.get_logger()


class Returns:
    """Carries out one return at a time and place; its caller sees to that."""

    def __init__(
        self,
        *,
        pool: Pool,
        cloud: Cloud,
        host: Host,
        journal: Journal,
        changes: Changes,
    ) -> None:
        self._pool = pool
        self._cloud = cloud
        self._host = host
        self._journal = journal
        self._changes = changes
        self.being_deleted: set[str] = set()
        """Addresses whose deletion is under way: no audit judges them."""
        self.being_detached: set[VnicId] = set()
        """VNICs whose detachment is under way: likewise."""

    async def release_fixed(self, private_ip: PrivateIp) -> bool:
        """Take a fixed address that no pod has from its VNIC; it lives on."""
        if self._pool.ledger.state(private_ip.address) != "free":
            return True  # a pod was quicker
        self._pool.ledger.mark_deleting(private_ip)
        with self._deleting([private_ip]):
            await self._cloud.release_fixed(private_ip)
        await self.forget([private_ip])
        log.info(
            "fixed_address_released",
            name=private_ip.fixed,
            address=private_ip.address,
        )
        return True

    async def delete_addresses(
        self, vnic_id: VnicId, private_ips: Sequence[PrivateIp]
    ) -> bool:
        """Give wholly free objects of one VNIC back to the subnet."""
        going = self._take_out(private_ips)
        if not going:
            return True  # a pod was quicker
        with self._deleting(going):
            await self._cloud.delete_addresses(vnic_id, going)
        await self.forget(going)
        log.info("addresses_deleted", addresses=texts(going))
        return True

    async def detach_vnic(self, vnic_id: VnicId) -> bool:
        """Give a VNIC whose addresses are all free back, and them with it."""
        pool = self._pool
        held = pool.ledger.per_vnic().get(vnic_id, [])
        going = self._take_out(held)
        if len(going) < len(held):
            for private_ip in going:
                pool.ledger.keep(private_ip)
            return True  # a pod was quicker
        self.being_detached.add(vnic_id)
        try:
            with self._deleting(going):
                # Its addresses are EPHEMERAL: they go with it, in one call.
                await self._cloud.detach_vnic(vnic_id)
            await self.forget(going)
            await self._vnic_gone(vnic_id)
        finally:
            self.being_detached.discard(vnic_id)
        await self._changes.settle()
        log.info("vnic_detached", vnic=vnic_id, addresses=texts(going))
        return True

    def _take_out(self, private_ips: Sequence[PrivateIp]) -> list[PrivateIp]:
        """Mark those as deleting that are still wholly free."""
        ledger = self._pool.ledger
        spare = {p.address for p in ledger.spare()}
        going = [p for p in private_ips if p.address in spare]
        for private_ip in going:
            ledger.mark_deleting(private_ip)
        return going

    @contextmanager
    def _deleting(self, going: Sequence[PrivateIp]) -> Iterator[None]:
        """Keep audits from judging what the body deletes; doubt it where that fails."""
        self.being_deleted.update(p.address for p in going)
        try:
            yield
        except CloudError:
            # Perhaps some are gone.  None serves anybody until an audit has asked.
            self._pool.doubt()
            raise
        finally:
            self.being_deleted.difference_update(p.address for p in going)

    async def forget(self, gone: Sequence[PrivateIp]) -> list[PrivateIp]:
        """Strike out what the cloud no longer gives us; return what was known.

        It stays in the ledger until that is durable, so that nothing of the same
        address can come in between.
        """
        ledger = self._pool.ledger
        await self._journal.append(*(AddressForgotten(p.address) for p in gone))
        known = [p for p in gone if ledger.private_ip(p.address) == p]
        for private_ip in known:
            ledger.forget(private_ip)
        self._pool.left(p.id for p in known)
        return known

    async def _vnic_gone(self, vnic_id: VnicId) -> None:
        pool = self._pool
        pool.forget_vnic(vnic_id)
        if pool.numbers.retire(vnic_id):
            pool.vnics_attached -= 1
        pool.numbers.free(vnic_id)  # no pod was on it
        await self._journal.append(VnicForgotten(vnic_id))

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
            await self._cloud.detach_vnic(slot.vnic.id)
            await self.forget(pool.ledger.per_vnic().get(slot.vnic.id, []))
            await self._vnic_gone(slot.vnic.id)
        pool.released = True
        await self._host.withdraw()
        self._journal.remove()
        log.info("all_given_back")
