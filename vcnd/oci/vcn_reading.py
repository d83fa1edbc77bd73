"""Reads what of a VCN decides about one connection: rules, routes, and who is there.

What cannot be read is told in a sentence, with the policy statement that may be
missing; the rest counts all the same.
"""

from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from ipaddress import ip_address, ip_network
from typing import ParamSpec, TypeVar

from vcnd.model.errors import CloudError
from vcnd.model.family import Family, family_of
from vcnd.model.vcn_rules import (
    Direction,
    End,
    RouteRule,
    RouteTable,
    SecurityRule,
    VcnView,
)
from vcnd.model.vnic import Vnic
from vcnd.ociapi import rule_wire, wire
from vcnd.ociapi.client import CoreClient
from vcnd.ociapi.kinds import KINDS
from vcnd.ociapi.retry import Retrier

P = ParamSpec("P")
T = TypeVar("T")


class VcnReader:
    """One reading of a VCN; changes nothing."""

    def __init__(self, *, core: CoreClient, retry: Retrier) -> None:
        self._core = core
        self._retry = retry
        self._unread: list[str] = []

    async def view(
        self, *, vnic_id: str, source: str, destination: str, receiver_vnic_id: str = ""
    ) -> VcnView:
        """Return what decides about a connection.

        Args:
            vnic_id: by which it leaves its host.
            source: its address there.
            destination: an address.
            receiver_vnic_id: the VNIC that has it, if that is known.
        """
        there = await self._end_of(vnic_id)
        if there is None:
            return VcnView(receiver_is_known=False, unread=tuple(self._unread))
        vnic, subnet = there
        vcn = await self._try(self._core.get_vcn, subnet.vcn_id)
        cidrs = vcn.cidrs if vcn is not None else ()
        known = True
        if not receiver_vnic_id and _is_in(destination, cidrs or ("0.0.0.0/0", "::/0")):
            found = await self._holder(destination, subnet)
            known, receiver_vnic_id = found is not None, found or ""
        receiver = await self._end_of(receiver_vnic_id) if receiver_vnic_id else None
        return VcnView(
            cidrs=cidrs,
            sender=await self._end(*there),
            receiver=None if receiver is None else await self._end(*receiver),
            receiver_is_known=known and not (receiver_vnic_id and receiver is None),
            table=await self._table(vnic, subnet, source),
            has_internet=_has_internet(vnic, subnet, source),
            unread=tuple(self._unread),
        )

    async def _try(
        self, call: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs
    ) -> T | None:
        """Return what a call reads; None, and a sentence more, if it is refused."""
        try:
            return await self._retry(call, *args, **kwargs)
        except CloudError as error:
            if str(error) not in self._unread:
                self._unread.append(str(error))
            return None

    async def _end_of(self, vnic_id: str) -> tuple[wire.Vnic, wire.Subnet] | None:
        vnic = await self._try(self._core.get_vnic, vnic_id)
        if vnic is None:
            return None
        subnet = await self._try(self._core.get_subnet, vnic[0].subnet_id)
        return None if subnet is None else (vnic[0], subnet)

    async def _holder(self, address: str, subnet: wire.Subnet) -> str | None:
        """Return the VNIC that has an address; empty: none; None: it is not known."""
        subnets: list[wire.Subnet] | None = [subnet]
        if not _is_in(address, subnet.cidrs):
            subnets = await self._try(
                self._core.list_subnets, subnet.compartment_id, subnet.vcn_id
            )
        if subnets is None:
            return None
        inside = [s for s in subnets if _is_in(address, s.cidrs)]
        kind = KINDS[family_of(address)]
        for one in inside:
            # The name of a block is its first address, so that all are listed then.
            for named in (address, ""):
                listed = await self._try(
                    self._core.list_addresses_in,
                    kind,
                    subnet_id=one.id,
                    ip_address=named,
                )
                if listed is None:
                    return None
                held = next((a for a in listed if a.covers(address)), None)
                if held is not None:
                    return held.vnic_id or ""
        return ""

    async def _end(self, vnic: wire.Vnic, subnet: wire.Subnet) -> End:
        rules, is_whole = list[SecurityRule](), True
        for list_id in subnet.security_list_ids or ():
            held = await self._try(self._core.get_security_list, list_id)
            is_whole = is_whole and held is not None
            if held is not None:
                holder = f"security list {list_id}"
                both = held.ingress_security_rules + held.egress_security_rules
                rules += [_rule(rule, holder) for rule in both]
        for nsg_id in vnic.nsg_ids:
            listed = await self._try(self._core.list_nsg_rules, nsg_id)
            is_whole = is_whole and listed is not None
            valid = [r for r in listed or () if r.is_valid is not False]
            rules += [_rule(rule, f"NSG {nsg_id}") for rule in valid]
        return End(
            vnic_id=vnic.id,
            nsg_ids=tuple(vnic.nsg_ids),
            rules=tuple(rules),
            is_whole=is_whole,
        )

    async def _table(
        self, vnic: wire.Vnic, subnet: wire.Subnet, source: str
    ) -> RouteTable | None:
        """Return the table of packets: the address' own, its VNIC's, or its subnet's.

        https://docs.oracle.com/en-us/iaas/Content/Network/Tasks/managingroutetables.htm
        """
        kind = KINDS[family_of(source)]
        listed = await self._try(self._core.list_addresses, kind, vnic_id=vnic.id)
        if listed is None:
            return None
        own = (a.route_table_id for a in listed if a.covers(source))
        table_id = next(own, None) or vnic.route_table_id or subnet.route_table_id
        table = await self._try(self._core.get_route_table, table_id)
        if table is None:
            return None
        return RouteTable(
            id=table.id,
            rules=tuple(
                RouteRule(
                    destination=route.destination,
                    target=route.network_entity_id,
                    is_service=route.is_service,
                )
                for route in table.route_rules
            ),
        )


async def try_reads(core: CoreClient, retry: Retrier, vnics: Iterable[Vnic]) -> None:
    """Make the reads that a node's calls for pods do not: they show statements."""
    for vnic in vnics:
        reader = VcnReader(core=core, retry=retry)
        await reader.view(
            vnic_id=vnic.id, source=vnic.address, destination=vnic.address
        )
        with suppress(CloudError):
            await retry(core.get_subnet_use, vnic.subnet_id)


def _is_in(address: str, cidrs: tuple[str, ...] | frozenset[str]) -> bool:
    return any(ip_address(address) in ip_network(cidr) for cidr in cidrs)


def _has_internet(vnic: wire.Vnic, subnet: wire.Subnet, source: str) -> bool:
    """Return True if an internet gateway carries packets of an address.

    IPv4 needs a public IP, and vcnd gives pods none.  IPv6 needs a public subnet:
    https://docs.oracle.com/en-us/iaas/Content/Network/Concepts/ipv6.htm
    """
    if family_of(source) is Family.IPV4:
        return bool(vnic.public_ip) and source == vnic.private_ip
    is_private = subnet.prohibit_internet_ingress or subnet.prohibit_public_ip_on_vnic
    return not is_private and ip_address(source).is_global


def _rule(rule: rule_wire.Rule, holder: str) -> SecurityRule:
    inward = rule.source is not None
    ports, icmp = rule.options, rule.icmp_options
    to, by = ports.destination_port_range, ports.source_port_range
    return SecurityRule(
        holder=holder,
        direction=Direction.INGRESS if inward else Direction.EGRESS,
        protocol=rule.protocol,
        peer=rule.peer,
        peer_kind=rule.peer_kind,
        ports=to.span if to else None,
        source_ports=by.span if by else None,
        icmp_type=icmp.type if icmp else None,
        icmp_code=icmp.code if icmp else None,
        stateless=bool(rule.is_stateless),
        description=rule.description or "",
    )
