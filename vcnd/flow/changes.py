"""Changes of the cloud, each carried through to journal, ledger and kernel.

``flow.warm_pool`` decides when; this file has the steps of each change.
"""

import secrets
from collections.abc import Awaitable, Sequence
from collections.abc import Set as AbstractSet

import trio
from msgspec.structs import replace

from vcnd.core.placement import CreateAddresses
from vcnd.core.states import State
from vcnd.flow.kernel_audit import KernelAudit
from vcnd.flow.links import Links
from vcnd.flow.pool import Pool
from vcnd.log import log
from vcnd.model.cause import Cause
from vcnd.model.errors import (
    CloudError,
    CloudFullError,
    CloudGoneError,
    CloudRefusedError,
    VcndError,
)
from vcnd.model.family import Family
from vcnd.model.ids import PrivateIpId, VnicId
from vcnd.model.place import addresses_place
from vcnd.model.podnetwork import PodClass
from vcnd.model.records import (
    AddressAdded,
    AttachIntended,
    AttachSettled,
    VnicNumbered,
)
from vcnd.model.urgency import Urgency
from vcnd.model.vnic import PrivateIp, Vnic
from vcnd.ports import Cloud, Host, Journal


class Changes:
    """Carries out changes; the caller lets one at a time run at each place."""

    def __init__(
        self,
        *,
        pool: Pool,
        cloud: Cloud,
        host: Host,
        journal: Journal,
        kernel: KernelAudit,
        links: Links,
    ) -> None:
        self._pool = pool
        self._kernel = kernel
        self._links = links
        self._cloud = cloud
        self._host = host
        self._journal = journal
        self._unsettled_attach: str | None = None
        self._adding: set[PrivateIpId] = set()
        """Objects whose records are being written."""

    def resume(self, unsettled_attach: str | None) -> None:
        """Note an AttachVnic whose answer an earlier life of the daemon missed.

        The next attach repeats it with its token, so OCI answers with that VNIC and
        does not make a second one.
        """
        self._unsettled_attach = unsettled_attach

    @property
    def attach_unsettled(self) -> bool:
        """Return True if OCI may have a VNIC of which no answer has told."""
        return self._unsettled_attach is not None

    async def create_addresses(self, step: CreateAddresses, urgency: Urgency) -> bool:
        """Create a step's addresses, or as many as fit.

        Returns True if any were created.

        A refused block ends the step: the next reconcile requests smaller ones.  A
        refusal of singles halves the number until a single address is refused: this
        finds an unknown limit in a few calls.

        Raises:
            CloudFullError: the VNIC or its subnet takes no more.
            CloudError: the cloud cannot be had.
        """
        cloud = self._cloud.at(urgency)
        for number, size in enumerate(step.blocks):
            if not await self._create_block(cloud, step.vnic_id, size, step.family):
                return number > 0
        wanted = ask = step.singles
        while wanted > 0:
            before = self._pool.ledger.ids()
            try:
                listed = await self._create(
                    cloud.create_addresses(step.vnic_id, ask, step.family)
                )
            except CloudFullError:
                if ask == 1:
                    raise
                ask //= 2
                continue
            await self.record_addresses(listed)
            # An audit may have added some of them meanwhile.
            came = sum(p.size for p in listed if p.id not in before)
            if came == 0:  # another request would make more that nobody sees
                self._pool.signals.request_audit()
                raise CloudError(
                    f"VNIC {step.vnic_id}: {ask} new addresses not listed",
                    cause=Cause.NOT_LISTED,
                )
            wanted -= came
            ask = min(ask, wanted)
        return True

    async def _create_block(
        self, cloud: Cloud, vnic_id: VnicId, size: int, family: Family
    ) -> bool:
        limits, now = self._pool.limits[family], trio.current_time()
        try:
            listed = await self._create(cloud.create_block(vnic_id, size, family))
        except CloudFullError as error:
            limits.block_refused(size, now)
            log.info("block_refused", vnic=vnic_id, size=size, reason=str(error))
            return False
        except CloudGoneError:
            raise
        except CloudRefusedError as error:
            limits.no_blocks(now)
            log.warning("blocks_unsupported", reason=str(error))
            return False
        await self._record_made(listed)
        return True

    async def _create(self, asked: Awaitable[list[PrivateIp]]) -> list[PrivateIp]:
        try:
            return await asked
        except CloudRefusedError:
            raise
        except CloudError:
            self._pool.signals.request_audit()  # it adopts what was created
            raise

    async def record_addresses(self, listed: Sequence[PrivateIp]) -> None:
        """Add objects that the ledger lacks; they serve once recorded durably."""
        ledger = self._pool.ledger
        fresh = [p for p in listed if self._is_new(p)]
        if not fresh:
            return
        lost, ids = ledger.lost(), {p.id for p in fresh}
        # Added before the wait for the disk: an audit may bring the same ones.
        for private_ip in fresh:
            if ledger.private_ip(private_ip.address) is None:
                ledger.add(private_ip, adding=True)
        self._pool.created.note(ids)
        self._adding |= ids
        try:
            await self._journal.append(*(AddressAdded(p) for p in fresh))
        except VcndError:
            self._pool.signals.request_audit()  # it tries to record them again
            raise
        finally:
            self._adding -= ids
        for private_ip in fresh:
            if ledger.why_withheld(private_ip) is State.ADDING:
                ledger.keep(private_ip)
        log.info("addresses_added", addresses=texts(fresh))
        self._note_accepted(fresh)
        self._pool.signals.arrived()
        await self.reconnect(lost - ledger.lost())

    async def _record_made(self, made: Sequence[PrivateIp]) -> None:
        """Record what a change has made.

        Raises:
            CloudError: the ledger has other objects at all of these addresses, which
                must be gone; without a pause the change would be made again at once.
        """
        await self.record_addresses(made)
        known = self._pool.ledger.ids()
        if not any(p.id in known for p in made):
            self._pool.signals.request_audit()
            raise CloudError(
                f"{', '.join(texts(made))}: others are known at these addresses, and"
                " an audit finds out which of them exist",
                cause=Cause.NOT_LISTED,
            )

    def _is_new(self, private_ip: PrivateIp) -> bool:
        """Return True if the ledger lacks it, or its record could not be written.

        An object that overlaps one of the ledger is left to the audit: somebody
        deleted a block and created addresses in its range.
        """
        ledger = self._pool.ledger
        if ledger.private_ip(private_ip.address) == private_ip:
            adding = ledger.why_withheld(private_ip) is State.ADDING
            return adding and private_ip.id not in self._adding
        return all(ledger.private_ip(a) is None for a in private_ip.addresses)

    async def reconnect(self, addresses: AbstractSet[str]) -> None:
        """Reconnect pods whose addresses came back, perhaps on another VNIC."""
        pool = self._pool
        for lease in pool.ledger.leases() if addresses else ():
            if addresses.isdisjoint(lease.addresses):
                continue
            log.info("address_came_back", address=lease.address, pod=str(lease.pod))
            if lease.wiring is not None:
                self._host.move(lease, pool.vnics_of(lease))
        if addresses:
            await self.apply()

    def _note_accepted(self, fresh: Sequence[PrivateIp]) -> None:
        slots = self._pool.vnics.slots
        if any(
            p.vnic_id in slots and not slots[p.vnic_id].vnic.covers(p.address)
            for p in fresh
        ):
            self._pool.signals.request_audit()  # the subnet has more than one CIDR
        for vnic_id, family in {(p.vnic_id, p.family) for p in fresh}:
            slot, limits = slots.get(vnic_id), self._pool.limits[family]
            if slot is not None:
                subnet, now = slot.vnic.subnet_id, trio.current_time()
                if family is Family.IPV6 and not slot.vnic.ipv6_router:
                    self._pool.signals.request_audit()  # IMDS names a router now
                for other in limits.vnic_accepted(vnic_id, subnet, now):
                    # Its limit is known now: that is no problem any more.
                    self._pool.problems.clear(addresses_place(other, family))

    async def attach_vnic(self, pod_class: PodClass, urgency: Urgency) -> bool:
        """Attach a pod VNIC in the first subnet of a class that is not full.

        Returns True if one was attached; False if the next subnet should be tried.

        Raises:
            CloudFullError: no subnet of the class takes one, or the shape does not.
            CloudError: the cloud cannot be had.
        """
        # A VNIC's own address is IPv4: that is what the subnet lacks.
        limits, subnets = self._pool.limits[Family.IPV4], pod_class.subnet_ids
        subnet = limits.preferred(subnets, trio.current_time())
        try:
            await self._attach(replace(pod_class, subnet_ids=(subnet,)), urgency)
        except CloudFullError as error:
            now = trio.current_time()
            limits.subnet_full(subnet, now)
            if limits.all_full(subnets, now):
                raise
            log.warning("subnet_full", subnet=subnet, reason=str(error))
            return False
        return True

    async def _attach(self, pod_class: PodClass, urgency: Urgency) -> None:
        again = self._unsettled_attach is not None
        token = self._unsettled_attach or secrets.token_hex(15)
        self._unsettled_attach = token
        await self._journal.append(AttachIntended(token))
        attached = self._pool.vnics.attached
        try:
            families = self._pool.demand.network.families
            cloud = self._cloud.at(urgency)
            vnic = await cloud.attach_vnic(pod_class, families, token, again=again)
        except CloudRefusedError:
            # A final refusal: the next attempt is another intent.  An audit finds what
            # an earlier life may have attached under this token.
            self._unsettled_attach = None
            await self._journal.append(AttachSettled(token))
            self._pool.signals.request_audit()
            raise
        except CloudError:
            self._pool.signals.request_audit()  # it adopts what was attached
            raise
        slot = self._pool.vnics.add(vnic)
        self._pool.created.note([vnic.id])
        # An audit may have counted it meanwhile.
        self._pool.vnics.attached_one(before=attached)
        try:
            await self._journal.append(VnicNumbered(slot), AttachSettled(token))
        except VcndError:
            self._pool.signals.request_audit()  # it tries to record it again
            raise
        self._pool.vnics.note_recorded([slot])
        self._unsettled_attach = None
        await self.apply()
        if again or vnic.vcn_cidrs == ():
            # One may have counted it as attaching; the next one reads its VCN.
            self._pool.signals.request_audit()
        log.info("vnic_attached", vnic=vnic.id, index=slot.index, address=vnic.address)

    async def fetch_fixed(self, name: str, vnic: Vnic, urgency: Urgency) -> bool:
        """Bring a fixed address to a VNIC; create it if there is none yet.

        Raises:
            AddressHeldError: it is on another VNIC.
            CloudError: the cloud cannot be had.
        """
        cloud = self._cloud.at(urgency)
        found = await self._create(cloud.fetch_fixed(name, vnic))
        await self._record_made(found)
        return True

    async def apply(self) -> None:
        """Set the kernel up for the known VNICs, once they are all that carry pods."""
        if not self._kernel.may_set_up:
            self._links.hold()
            return
        await self._host.apply(list(self._pool.vnics.slots.values()))
        self._links.reconcile()


def texts(private_ips: Sequence[PrivateIp]) -> list[str]:
    """Return addresses and blocks as logs show them."""
    return [p.notation for p in private_ips]
