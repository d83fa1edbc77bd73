"""The network as the page shows it: flat entries by OCID, and their changes.  Pure.

An entry has the fields that are shown and no others: no metadata of instances, for
example, which may have keys.
"""

from collections.abc import Mapping

import msgspec

from fakeoci.world.resources import (
    Address,
    Gateway,
    Instance,
    Nsg,
    Subnet,
    Vcn,
    Vnic,
    VnicAttachment,
)
from fakeoci.world.world import World


class Entry(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", rename="camel"
):
    """The fields of every entry."""

    id: str
    name: str
    state: str


class VcnEntry(Entry, frozen=True, kw_only=True, tag="vcn"):
    """A VCN."""

    cidrs: tuple[str, ...]


class SubnetEntry(Entry, frozen=True, kw_only=True, tag="subnet"):
    """A subnet."""

    vcn: str
    cidrs: tuple[str, ...]


class PartEntry(Entry, frozen=True, kw_only=True, tag="part"):
    """A gateway or an NSG of a VCN."""

    vcn: str
    what: str
    """``nsg``, or the gateway's kind."""
    detail: str


class NodeEntry(Entry, frozen=True, kw_only=True, tag="node"):
    """An instance."""

    shape: str
    most_vnics: int


class VnicEntry(Entry, frozen=True, kw_only=True, tag="vnic"):
    """A VNIC; its state is that of its attachment."""

    node: str
    subnet: str
    is_primary: bool
    mac: str
    nsgs: tuple[str, ...]
    checks_source: bool
    tags: dict[str, str]


class AddressEntry(Entry, frozen=True, kw_only=True, tag="address"):
    """A private IP or IPv6, or a block of them."""

    subnet: str
    vnic: str
    address: str
    prefix: int
    is_primary: bool
    lifetime: str
    tags: dict[str, str]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """The difference between two maps."""

    put: list[Entry]
    gone: list[str]

    def __bool__(self) -> bool:
        return bool(self.put or self.gone)


def entries(world: World) -> dict[str, Entry]:
    """Return the map of a world: entries by OCID."""
    found: list[Entry] = [
        VcnEntry(
            id=v.id,
            name=v.display_name,
            state=v.lifecycle_state,
            cidrs=(*v.cidr_blocks, *v.ipv6_cidr_blocks),
        )
        for v in world.all(Vcn)
    ]
    found += [
        SubnetEntry(
            id=s.id,
            name=s.display_name,
            state=s.lifecycle_state,
            vcn=s.vcn_id,
            cidrs=(*s.cidr_blocks, *s.ipv6_cidr_blocks),
        )
        for s in world.all(Subnet)
    ]
    found += _parts(world)
    found += [
        NodeEntry(
            id=i.id,
            name=i.display_name,
            state=i.lifecycle_state,
            shape=i.shape,
            most_vnics=i.max_vnic_attachments,
        )
        for i in world.all(Instance)
    ]
    found += _vnics(world)
    found += [_address(a) for a in world.all(Address)]
    return {entry.id: entry for entry in found}


def _parts(world: World) -> list[Entry]:
    gateways = [_part(g, g.kind, g.network) for g in world.all(Gateway)]
    nsgs = [_part(n, "nsg", f"{len(n.rules)} rules") for n in world.all(Nsg)]
    return [*gateways, *nsgs]


def _part(part: Gateway | Nsg, what: str, detail: str) -> PartEntry:
    return PartEntry(
        id=part.id,
        name=part.display_name,
        state=part.lifecycle_state,
        vcn=part.vcn_id,
        what=what,
        detail=detail,
    )


def _vnics(world: World) -> list[Entry]:
    attachments = {a.vnic_id: a.lifecycle_state for a in world.all(VnicAttachment)}
    return [
        VnicEntry(
            id=v.id,
            name=v.display_name,
            state=attachments.get(v.id, v.lifecycle_state),
            node=v.instance_id,
            subnet=v.subnet_id,
            is_primary=v.is_primary,
            mac=v.mac_address,
            nsgs=tuple(
                nsg.display_name
                for n in v.nsg_ids
                if (nsg := world.objects.get(n)) is not None
            ),
            checks_source=not v.skip_source_dest_check,
            tags=dict(v.freeform_tags),
        )
        for v in world.all(Vnic)
    ]


def _address(address: Address) -> AddressEntry:
    return AddressEntry(
        id=address.id,
        name=address.display_name,
        state=address.ip_state,
        subnet=address.subnet_id,
        vnic=address.vnic_id or "",
        address=address.ip_address,
        prefix=address.prefix_length,
        is_primary=address.is_primary,
        lifetime=address.lifetime,
        tags=dict(address.freeform_tags),
    )


def change(before: Mapping[str, Entry], after: Mapping[str, Entry]) -> Change:
    """Return the entries that are new or different, and the OCIDs that are gone."""
    return Change(
        put=[entry for key, entry in after.items() if before.get(key) != entry],
        gone=[key for key in before if key not in after],
    )
