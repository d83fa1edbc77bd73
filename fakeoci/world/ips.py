"""Private IPs and IPv6s: singles, blocks and reserved ones."""

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import TypeVar

from fakeoci.world.errors import (
    being_modified,
    invalid,
    limit_exceeded,
    missing,
)
from fakeoci.world.networks import of_vcn
from fakeoci.world.resources import (
    Address,
    Instance,
    Ipv6,
    PrivateIp,
    RouteTable,
    Subnet,
    Vnic,
)
from fakeoci.world.world import World

A = TypeVar("A", bound=Address)

PREFIXES: dict[type[Address], range] = {
    PrivateIp: range(18, 33),
    Ipv6: range(80, 129, 4),
}
SINGLE: dict[type[Address], int] = {PrivateIp: 32, Ipv6: 128}
OCID_TYPE: dict[type[Address], str] = {PrivateIp: "privateip", Ipv6: "ipv6"}
LIFETIMES = ("EPHEMERAL", "RESERVED")


@dataclass(kw_only=True)
class NewAddress:
    """The properties of a new address."""

    kind: type[Address] = PrivateIp
    ip_address: str | None = None
    prefix_length: int | None = None
    """None: a single address."""
    subnet_cidr: str | None = None
    """The subnet's block to take it from; None: any."""
    lifetime: str = "EPHEMERAL"
    route_table_id: str = ""
    hostname_label: str = ""
    display_name: str = ""
    freeform_tags: dict[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class Changed:
    """Changes of an address; None leaves a property unchanged."""

    lifetime: str | None = None
    route_table_id: str | None = None
    hostname_label: str | None = None
    display_name: str | None = None
    freeform_tags: dict[str, str] | None = None


def canonical(text: str, kind: type[Address]) -> str:
    """Return the canonical text of an address.

    Raises:
        ServiceError: 400, the text is no address of the family.
    """
    try:
        return str((IPv4Address if kind is PrivateIp else IPv6Address)(text))
    except ValueError as error:
        raise invalid(f"{text!r} is no address of a {kind.__name__}") from error


def check_hostname(
    world: World, subnet_id: str, label: str, own: Address | None = None
) -> None:
    """Raise 400 unless an address of a subnet can have a hostname.

    The subnet needs a DNS label, and no other address there may have the name; case
    is ignored.
    """
    if not label:
        return
    if not world.get(Subnet, subnet_id).dns_label:
        raise invalid(
            f"Invalid VNIC creation parameters: hostnameLabel {label} needs a subnet"
            " with a DNS label"
        )
    for held in world.all(Address):
        same = held.hostname_label.lower() == label.lower()
        if same and held.subnet_id == subnet_id and held is not own:
            raise invalid(f"hostname {label} is used by {held.id} of the same subnet")


def limit_of(world: World, vnic: Vnic, kind: type[Address]) -> int:
    """Return how many secondary objects of an IP family a VNIC can have."""
    limits = world.settings.limits
    if kind is Ipv6:
        return limits.ipv6s_per_vnic
    own = world.get(Instance, vnic.instance_id).private_ips_per_vnic
    return own if own is not None else limits.private_ips_per_vnic


def check_idle(world: World, place: str) -> None:
    """Raise 409 if a bulk action on a VNIC's or subnet's addresses is in flight."""
    if place in world.busy:
        raise being_modified(f"VNIC {place}")


def _check_room(world: World, vnic: Vnic, kind: type[Address]) -> None:
    held = [a for a in world.addresses_of(vnic.id, kind) if not a.is_primary]
    if len(held) >= limit_of(world, vnic, kind):
        raise limit_exceeded(
            f"VNIC {vnic.id} has {len(held)} secondary {kind.__name__} objects,"
            " its limit"
        )


def create(
    world: World,
    new: NewAddress,
    *,
    vnic_id: str | None,
    subnet_id: str | None = None,
    now: float,
) -> Address:
    """Create an address on a VNIC, or unassigned in a subnet (CreatePrivateIp)."""
    if vnic_id is None and subnet_id is None:
        raise missing(
            "This request is missing one of the following arguments: subnetId, vnicId,"
            " vlanId."
        )
    if vnic_id is not None:
        check_idle(world, vnic_id)
    return create_now(world, new, vnic_id=vnic_id, subnet_id=subnet_id, now=now)


def create_now(
    world: World,
    new: NewAddress,
    *,
    vnic_id: str | None,
    subnet_id: str | None,
    now: float,
) -> Address:
    """Create an address even if a bulk action is in flight: the action itself does."""
    prefix = new.prefix_length or SINGLE[new.kind]
    if prefix not in PREFIXES[new.kind]:
        raise invalid(f"cidrPrefixLength {prefix} is not among {PREFIXES[new.kind]}")
    if prefix != SINGLE[new.kind] and new.hostname_label:
        raise invalid("a block of addresses has no hostname")
    _check_lifetime(new.lifetime)
    if vnic_id is not None:
        vnic = world.get(Vnic, vnic_id)
        if subnet_id not in (None, vnic.subnet_id):
            raise invalid("the VNIC is in another subnet")
        subnet_id = vnic.subnet_id
        _check_room(world, vnic, new.kind)
    subnet = world.get(Subnet, subnet_id or "")
    if new.route_table_id:
        of_vcn(world, RouteTable, new.route_table_id, subnet.vcn_id)
    check_hostname(world, subnet.id, new.hostname_label)
    space = world.space(subnet.id, new.kind)
    if new.ip_address is not None:
        address = canonical(new.ip_address, new.kind)
        space.check_named(new.subnet_cidr, address)
        space.take(address, prefix)
    elif prefix < SINGLE[new.kind]:
        address = space.take_block(prefix, new.subnet_cidr)
    else:
        if new.kind is Ipv6 and new.subnet_cidr is None and len(space.blocks) > 1:
            raise missing("ipv6SubnetCidr: the subnet has several prefixes")
        address = space.take_any(new.subnet_cidr)
    return world.add(
        new.kind(
            id=world.names.ocid(OCID_TYPE[new.kind]),
            compartment_id=subnet.compartment_id,
            display_name=new.display_name,
            time_created=now,
            freeform_tags=dict(new.freeform_tags),
            ip_address=address,
            prefix_length=prefix,
            subnet_id=subnet.id,
            vnic_id=vnic_id,
            lifetime=new.lifetime,
            route_table_id=new.route_table_id,
            hostname_label=new.hostname_label,
        )
    )


def _check_lifetime(lifetime: str) -> None:
    if lifetime not in LIFETIMES:
        raise invalid(f"lifetime {lifetime!r} is not one of {', '.join(LIFETIMES)}")


def secondary(world: World, address_id: str, kind: type[A]) -> A:
    """Return a secondary address.

    Raises:
        ServiceError: 404, it does not exist; 400, it is a VNIC's primary private IP.
    """
    address = world.get(kind, address_id)
    if address.is_primary:
        raise invalid("a VNIC's primary private IP cannot be changed or deleted")
    return address


def _idle(world: World, address: Address, if_match: str | None) -> None:
    world.match(address, if_match)
    if address.vnic_id is not None:
        check_idle(world, address.vnic_id)


def delete(
    world: World,
    address_id: str,
    if_match: str | None,
    kind: type[Address] = PrivateIp,
) -> None:
    """Delete an address (DeletePrivateIp)."""
    address = secondary(world, address_id, kind)
    _idle(world, address, if_match)
    discard(world, address)


def discard(world: World, address: Address) -> None:
    """Remove an address and free it in its subnet."""
    space = world.space(address.subnet_id, type(address))
    space.give_back(address.ip_address, address.prefix_length)
    world.drop(address)


def detach(
    world: World,
    address_id: str,
    if_match: str | None,
    kind: type[A],
) -> A:
    """Take a reserved address from its VNIC (PrivateIpVnicDetach)."""
    address = secondary(world, address_id, kind)
    _idle(world, address, if_match)
    check_detachable(address)
    world.assign(address, None)
    return address


def check_detachable(address: Address) -> None:
    """Raise 400 unless an address is on a VNIC and can exist without it."""
    if address.lifetime != "RESERVED":
        raise invalid(f"{address.id} is EPHEMERAL: it is deleted, not detached")
    if address.vnic_id is None:
        raise invalid(f"{address.id} is on no VNIC")


def move(
    world: World,
    address_id: str,
    vnic_id: str,
    if_match: str | None,
    kind: type[A],
) -> A:
    """Move an address to another VNIC of its subnet (UpdatePrivateIp)."""
    address = secondary(world, address_id, kind)
    _idle(world, address, if_match)
    vnic = world.get(Vnic, vnic_id)
    if vnic.subnet_id != address.subnet_id:
        raise invalid("the VNIC is in another subnet than the address")
    check_idle(world, vnic_id)
    if vnic_id != address.vnic_id:
        _check_room(world, vnic, kind)
    world.assign(address, vnic_id)
    return address


def check_changed(world: World, address: Address, changed: Changed) -> None:
    """Raise 400 or 404 if an address cannot have the changes."""
    if changed.lifetime is not None:
        _check_lifetime(changed.lifetime)
    if changed.route_table_id:
        vcn_id = world.get(Subnet, address.subnet_id).vcn_id
        of_vcn(world, RouteTable, changed.route_table_id, vcn_id)
    if changed.hostname_label:
        if address.prefix_length != SINGLE[type(address)]:
            raise invalid("a block of addresses has no hostname")
        check_hostname(world, address.subnet_id, changed.hostname_label, address)


def update(world: World, address: Address, changed: Changed) -> None:
    """Change an address' properties other than its VNIC."""
    check_changed(world, address, changed)
    for name, value in vars(changed).items():
        if value is not None:
            setattr(address, name, value)
    world.touch(address)
