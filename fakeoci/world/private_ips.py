"""Secondary private IPs: singles, blocks and bulk actions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from fakeoci.world.errors import (
    ServiceError,
    being_modified,
    invalid,
    limit_exceeded,
    missing,
)
from fakeoci.world.nouns import Instance, PrivateIp, Subnet, Vnic, WorkRequest
from fakeoci.world.world import World

PREFIXES = range(18, 33)


@dataclass(kw_only=True)
class NewPrivateIp:
    """What an address shall be."""

    ip_address: str | None = None
    prefix_length: int = 32
    lifetime: str = "EPHEMERAL"
    display_name: str = ""
    freeform_tags: dict[str, str] = field(default_factory=dict)


def limit_of(world: World, vnic: Vnic) -> int:
    """Return how many secondary private IP objects a VNIC takes."""
    instance = world.get(Instance, vnic.instance_id)
    own = instance.private_ips_per_vnic
    return own if own is not None else world.settings.limits.private_ips_per_vnic


def check_idle(world: World, vnic_id: str) -> None:
    """Raise 409 while another change of the VNIC's addresses is under way."""
    if vnic_id in world.busy_vnics:
        raise being_modified(f"VNIC {vnic_id}")


def create(
    world: World,
    new: NewPrivateIp,
    *,
    vnic_id: str | None,
    subnet_id: str | None,
    now: float,
) -> PrivateIp:
    """Create an address on a VNIC, or unassigned in a subnet (CreatePrivateIp)."""
    if vnic_id is None and subnet_id is None:
        raise missing(
            "This request is missing one of the following arguments: subnetId, vnicId,"
            " vlanId."
        )
    if vnic_id is not None:
        check_idle(world, vnic_id)
    return _create(world, new, vnic_id=vnic_id, subnet_id=subnet_id, now=now)


def _create(
    world: World,
    new: NewPrivateIp,
    *,
    vnic_id: str | None,
    subnet_id: str | None,
    now: float,
) -> PrivateIp:
    if new.prefix_length not in PREFIXES:
        raise invalid(f"cidrPrefixLength {new.prefix_length} is not in 18..32")
    if vnic_id is not None:
        vnic = world.get(Vnic, vnic_id)
        if subnet_id not in (None, vnic.subnet_id):
            raise invalid("the VNIC is in another subnet")
        subnet_id = vnic.subnet_id
        secondary = [p for p in world.private_ips_of(vnic_id) if not p.is_primary]
        if len(secondary) >= limit_of(world, vnic):
            raise limit_exceeded(
                f"VNIC {vnic_id} has {len(secondary)} secondary private IPs, its limit"
            )
    subnet = world.get(Subnet, subnet_id or "")
    space = world.spaces[subnet.id]
    if new.ip_address is not None:
        space.take(new.ip_address, new.prefix_length)
        address = new.ip_address
    elif new.prefix_length < 32:  # noqa: PLR2004
        address = space.take_block(new.prefix_length)
    else:
        address = space.take_any()
    return world.add(
        PrivateIp(
            id=world.names.ocid("privateip"),
            compartment_id=subnet.compartment_id,
            display_name=new.display_name,
            time_created=now,
            freeform_tags=dict(new.freeform_tags),
            ip_address=address,
            prefix_length=new.prefix_length,
            subnet_id=subnet.id,
            vnic_id=vnic_id,
            is_primary=False,
            lifetime=new.lifetime,
        )
    )


def secondary(world: World, private_ip_id: str) -> PrivateIp:
    """Return an address that may be changed: primary ones may not."""
    private_ip = world.get(PrivateIp, private_ip_id)
    if private_ip.is_primary:
        raise invalid("a VNIC's primary private IP cannot be changed or deleted")
    return private_ip


def delete(world: World, private_ip_id: str, if_match: str | None) -> None:
    """Delete an address (DeletePrivateIp)."""
    private_ip = secondary(world, private_ip_id)
    world.match(private_ip, if_match)
    if private_ip.vnic_id is not None:
        check_idle(world, private_ip.vnic_id)
    _delete(world, private_ip)


def _delete(world: World, private_ip: PrivateIp) -> None:
    space = world.spaces[private_ip.subnet_id]
    space.give_back(private_ip.ip_address, private_ip.prefix_length)
    world.drop(private_ip)


def move(
    world: World, private_ip_id: str, vnic_id: str, if_match: str | None
) -> PrivateIp:
    """Move an address to another VNIC of its subnet (UpdatePrivateIp)."""
    private_ip = secondary(world, private_ip_id)
    world.match(private_ip, if_match)
    vnic = world.get(Vnic, vnic_id)
    if vnic.subnet_id != private_ip.subnet_id:
        raise invalid("the VNIC is in another subnet than the private IP")
    check_idle(world, vnic_id)
    held = [p for p in world.private_ips_of(vnic_id) if not p.is_primary]
    if len(held) >= limit_of(world, vnic):
        raise limit_exceeded(f"VNIC {vnic_id} has {len(held)} secondary private IPs")
    private_ip.vnic_id = vnic_id
    world.touch(private_ip)
    return private_ip


def bulk_create(
    world: World, vnic_id: str, items: Sequence[NewPrivateIp], now: float
) -> WorkRequest:
    """Start to create addresses on a VNIC (BulkCreatePrivateIps)."""
    vnic = world.get(Vnic, vnic_id)

    def deed(request: WorkRequest, at: float) -> None:
        made: list[PrivateIp] = []
        try:
            for item in items:
                one = _create(world, item, vnic_id=vnic.id, subnet_id=None, now=at)
                made.append(one)
        except ServiceError:
            if world.settings.behaviour.bulk_is_atomic:
                for private_ip in made:
                    _delete(world, private_ip)
                made.clear()
            raise
        finally:
            request.resources += [("privateIp", "CREATED", p.id) for p in made]

    return _start(world, vnic, "BULK_CREATE_PRIVATE_IPS", deed, now)


def bulk_delete(
    world: World, vnic_id: str, private_ip_ids: Sequence[str], now: float
) -> WorkRequest:
    """Start to delete addresses of a VNIC (BulkDeletePrivateIps)."""
    vnic = world.get(Vnic, vnic_id)
    for private_ip_id in private_ip_ids:
        if secondary(world, private_ip_id).vnic_id != vnic_id:
            raise invalid(f"{private_ip_id} is not an address of VNIC {vnic_id}")

    def deed(request: WorkRequest, _at: float) -> None:
        for private_ip_id in private_ip_ids:
            _delete(world, secondary(world, private_ip_id))
            request.resources.append(("privateIp", "DELETED", private_ip_id))

    return _start(world, vnic, "BULK_DELETE_PRIVATE_IPS", deed, now)


def _start(
    world: World,
    vnic: Vnic,
    operation_type: str,
    deed: Callable[[WorkRequest, float], None],
    now: float,
) -> WorkRequest:
    check_idle(world, vnic.id)
    request = world.add(
        WorkRequest(
            id=world.names.ocid("coreservicesworkrequest"),
            compartment_id=vnic.compartment_id,
            time_created=now,
            operation_type=operation_type,
        )
    )
    due = now + world.settings.timing.bulk_seconds
    world.busy_vnics[vnic.id] = request.id

    def complete() -> None:
        world.busy_vnics.pop(vnic.id, None)
        request.time_finished = due
        try:
            deed(request, due)
            request.status = "SUCCEEDED"
        except ServiceError as error:
            request.status = "FAILED"
            request.errors.append((error.code, error.message, due))

    world.later(due, complete)
    return request
