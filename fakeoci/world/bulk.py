"""Bulk actions: a VNIC's addresses, or a subnet's unassigned ones, in one request."""

from collections.abc import Sequence

from fakeoci.world import ips, work
from fakeoci.world.errors import ServiceError, invalid, missing
from fakeoci.world.resources import (
    Address,
    Ipv6,
    PrivateIp,
    Subnet,
    Vnic,
    WorkRequest,
)
from fakeoci.world.world import World

NAME: dict[type[Address], str] = {PrivateIp: "PRIVATE_IPS", Ipv6: "IPV6S"}


def create(
    world: World,
    items: Sequence[ips.NewAddress],
    *,
    vnic_id: str | None = None,
    subnet_id: str | None = None,
    now: float,
) -> WorkRequest:
    """Start to create addresses (BulkCreatePrivateIps)."""
    place = _place(world, vnic_id, subnet_id)
    kind = _kind_of(items)

    def effect(request: WorkRequest, at: float) -> None:
        made: list[Address] = []
        try:
            for item in items:
                one = ips.create_now(
                    world, item, vnic_id=vnic_id, subnet_id=subnet_id, now=at
                )
                made.append(one)
        except ServiceError:
            if world.settings.behaviour.bulk_is_atomic:
                for address in made:
                    ips.discard(world, address)
                made.clear()
            raise
        finally:
            request.resources += [_touched(a, "CREATED") for a in made]

    return _start(world, place, f"BULK_CREATE_{NAME[kind]}", effect, now)


def _kind_of(items: Sequence[ips.NewAddress]) -> type[Address]:
    if not items:
        raise invalid("a bulk action needs at least one item")
    return items[0].kind


def change(
    world: World,
    verb: str,
    changes: dict[str, ips.Changed],
    *,
    kind: type[Address],
    vnic_id: str | None = None,
    subnet_id: str | None = None,
    now: float,
) -> WorkRequest:
    """Start to delete, detach or update addresses (Bulk{Delete,…}PrivateIps).

    Args:
        world: the world of the addresses.
        verb: ``DELETE``, ``DETACH`` or ``UPDATE``.
        changes: the changes by the address' OCID; only ``UPDATE`` uses the values.
        kind: the IP family.
        vnic_id: the VNIC of all the addresses, or None.
        subnet_id: the subnet of unassigned addresses; used without ``vnic_id``.
        now: the time.
    """
    place = _place(world, vnic_id, subnet_id)
    if not changes:
        raise invalid("a bulk action needs at least one item")
    for address_id in changes:
        address = ips.secondary(world, address_id, kind)
        here = address.vnic_id if vnic_id is not None else address.subnet_id
        if here != place.id:
            raise invalid(f"{address_id} is not an address of {place.id}")
        if verb == "DETACH":
            ips.check_detachable(address)

    def effect(request: WorkRequest, _at: float) -> None:
        for address_id, changed in changes.items():
            address = ips.secondary(world, address_id, kind)
            if verb == "DELETE":
                ips.discard(world, address)
            elif verb == "DETACH":
                world.assign(address, None)
            else:
                ips.update(world, address, changed)
            done = "DELETED" if verb == "DELETE" else "UPDATED"
            request.resources.append(_touched(address, done))

    return _start(world, place, f"BULK_{verb}_{NAME[kind]}", effect, now)


def _touched(address: Address, action: str) -> tuple[str, str, str]:
    entity = "privateIp" if isinstance(address, PrivateIp) else "ipv6"
    return entity, action, address.id


def _place(world: World, vnic_id: str | None, subnet_id: str | None) -> Vnic | Subnet:
    if vnic_id is not None:
        return world.get(Vnic, vnic_id)
    if subnet_id is not None:
        return world.get(Subnet, subnet_id)
    raise missing("one of vnicId or subnetId is required")


def _start(
    world: World, place: Vnic | Subnet, operation: str, effect: work.Effect, now: float
) -> WorkRequest:
    ips.check_idle(world, place.id)

    def done(request: WorkRequest, at: float) -> None:
        world.busy.pop(place.id, None)
        effect(request, at)

    due = now + world.settings.timing.bulk_seconds
    request = work.start(world, place.compartment_id, operation, done, now=now, due=due)
    world.busy[place.id] = request.id
    return request
