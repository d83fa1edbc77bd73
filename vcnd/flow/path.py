"""``vcndctl path``: by which link, table, VNIC, rule and route a pod's packet goes."""

from ipaddress import ip_address
from typing import Protocol

import msgspec
import trio
from msgspec.structs import replace

from vcnd.core import vcn_path
from vcnd.flow.explain import is_named
from vcnd.flow.pool import Pool
from vcnd.model.cause import Cause
from vcnd.model.errors import BadRequestError
from vcnd.model.family import family_of
from vcnd.model.pod_path import (
    Carrier,
    FirstPacket,
    KernelWay,
    PathAnswer,
    PathQuestion,
    Way,
)
from vcnd.model.sandbox import HostLink, Lease
from vcnd.model.vcn_rules import Connection, VcnView
from vcnd.model.vnic import VnicSlot

VCN_SECONDS = 10.0
"""How long the cloud may take; vcndctl waits for twice as long."""
SLOW = f"OCI did not answer within {VCN_SECONDS:g} s"


class KernelLook(Protocol):
    """Asks the kernel."""

    async def way(self, packet: FirstPacket) -> KernelWay:
        """Return what the kernel does with a packet.

        Raises:
            VcndError: the kernel does not tell.
        """


class VcnLook(Protocol):
    """Reads the VCN."""

    async def __call__(
        self, *, vnic_id: str, source: str, destination: str, receiver_vnic_id: str
    ) -> VcnView:
        """Return what decides about a connection, and what could not be read.

        Args:
            vnic_id: by which it leaves the node.
            source: its address there.
            destination: an address.
            receiver_vnic_id: the VNIC that has it; empty: any.
        """


class Paths:
    """Answers where pods' packets go; changes nothing."""

    def __init__(self, *, pool: Pool, kernel: KernelLook, vcn: VcnLook) -> None:
        self._pool = pool
        self._kernel = kernel
        self._vcn = vcn

    async def path(self, question: PathQuestion) -> PathAnswer:
        """Return the ways of a pod's packets to a destination.

        Raises:
            BadRequestError: there is no such pod here, or several; the destination is
                neither an address nor a pod here, or of no family that the pod has.
        """
        lease = self._one(question.pod)
        if lease.wiring is None:
            raise BadRequestError(f"vcnd has not wired pod {question.pod}")
        targets = {family_of(a): a for a in self._addresses(question.destination)}
        pairs = [(a, targets[f]) for a, f in lease.families.items() if f in targets]
        if not pairs:
            raise BadRequestError(
                f"pod {question.pod} has no address of the family of"
                f" {question.destination}",
                details=f"it has {', '.join(lease.addresses)}",
            )
        ways = [await self._way(lease, lease.wiring, *pair) for pair in pairs]
        # One time for both families: vcndctl does not wait for longer.
        give_up_at = trio.current_time() + VCN_SECONDS
        ways = [await self._in_vcn(way, question, give_up_at) for way in ways]
        return PathAnswer(pod=str(lease.pod), ways=tuple(ways))

    async def _in_vcn(self, way: Way, question: PathQuestion, give_up_at: float) -> Way:
        """Return a way with what the VCN does, if its packets come there."""
        vnic_id, source = str(way.vnic_id), way.source
        if way.carrier is Carrier.PRIMARY and way.kernel.is_translated:
            slots = self._pool.vnics.slots.values()
            for primary in (s.vnic for s in slots if s.is_primary):
                vnic_id, source = primary.id, primary.address
        if not vnic_id:
            return way
        other = self._slot_here(way.destination)
        view = VcnView(unread=(SLOW,))
        with trio.move_on_at(give_up_at):
            view = await self._vcn(
                vnic_id=vnic_id,
                source=source,
                destination=way.destination,
                receiver_vnic_id=other.vnic.id if other is not None else "",
            )
        connection = Connection(
            source=source,
            destination=way.destination,
            transport=question.transport,
            port=question.port,
        )
        steps = vcn_path.steps(view, connection)
        return replace(
            way,
            vcn=steps,
            vcn_ruling=vcn_path.ruling(steps) if steps else None,
            vcn_unread=view.unread,
        )

    def _one(self, name: str) -> Lease:
        found = [x for x in self._pool.ledger.leases() if is_named(x.pod, name)]
        if not found:
            raise BadRequestError(
                f"no pod {name} has an address on this node",
                details="vcndctl explain says why, if it was ever here",
            )
        names = dict.fromkeys(str(x.pod) for x in found)
        if len(names) > 1:
            raise BadRequestError(
                f"{len(names)} pods are named {name}", details=", ".join(names)
            )
        return min(found, key=lambda x: x.key)

    def _addresses(self, text: str) -> tuple[str, ...]:
        try:
            return (str(ip_address(text)),)
        except ValueError:
            return self._one(text).addresses

    async def _way(
        self, lease: Lease, wiring: HostLink, source: str, destination: str
    ) -> Way:
        pool = self._pool
        slot = pool.slots_of(lease).get(source)
        if slot is None:
            return Way(
                family=family_of(source),
                source=source,
                destination=destination,
                link=wiring.ifname,
                carrier=Carrier.DROPPED,
                kernel=KernelWay(mark=None),
                cause=Cause.VNIC_GONE,
                reason=f"{source} is on no VNIC of this node: see vcndctl explain",
            )
        other = self._slot_here(destination)
        packet = FirstPacket(
            link=wiring.ifname,
            source=source,
            destination=destination,
            number=slot.index,
            between_classes=other is not None
            and other.vnic.pod_class != slot.vnic.pod_class,
            inside=self._inside(),
        )
        kernel = await self._kernel.way(packet)
        target = self._behind(kernel.out)
        carrier, cause = _carrier(kernel, target)
        leaves = carrier is Carrier.VNIC
        pod_class = pool.demand.classes().get(slot.vnic.pod_class)
        return Way(
            family=family_of(source),
            source=source,
            destination=destination,
            link=wiring.ifname,
            carrier=carrier,
            kernel=kernel,
            to_pod=str(target.pod) if target is not None else "",
            vnic_id=slot.vnic.id if leaves else "",
            subnet_id=slot.vnic.subnet_id if leaves else "",
            nsg_ids=pod_class.nsg_ids if leaves and pod_class is not None else (),
            cause=cause,
            reason=kernel.refusal,
        )

    def _slot_here(self, address: str) -> VnicSlot | None:
        """Return the VNIC of an address of a pod here."""
        for lease in self._pool.ledger.leases():
            if address in lease.addresses:
                return self._pool.slots_of(lease).get(address)
        return None

    def _inside(self) -> tuple[str, ...]:
        """Return the networks of the VCN; none while a VNIC's are not known."""
        found = list[str]()
        for slot in self._pool.vnics.pod_slots:
            cidrs = slot.vnic.vcn_cidrs
            if isinstance(cidrs, msgspec.UnsetType) or not cidrs:
                return ()
            found += [*cidrs, *slot.vnic.pod_networks]
        return tuple(found)

    def _behind(self, ifname: str) -> Lease | None:
        """Return the lease of the pod behind a link."""
        for lease in self._pool.ledger.leases():
            if lease.wiring is not None and lease.wiring.ifname == ifname:
                return lease
        return None


def _carrier(kernel: KernelWay, target: Lease | None) -> tuple[Carrier, Cause | None]:
    """Return what becomes of a packet, and why it is dropped, if it is."""
    if kernel.mark is None:
        return Carrier.DROPPED, Cause.KERNEL_DIFFERS
    if kernel.refusal:
        return Carrier.DROPPED, Cause.KERNEL_REFUSED
    if kernel.is_local:
        return Carrier.NODE, None
    if target is not None:
        return Carrier.POD, None
    return (Carrier.VNIC if kernel.by_own_vnic else Carrier.PRIMARY), None
