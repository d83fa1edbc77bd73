"""VNICs and their attachments: slow states, and one change per instance at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from fakeoci.world import ips
from fakeoci.world.errors import (
    ServiceError,
    being_modified,
    incorrect_state,
    invalid,
    limit_exceeded,
)
from fakeoci.world.resources import (
    Address,
    Instance,
    Ipv6,
    Nsg,
    PrivateIp,
    Subnet,
    Vnic,
    VnicAttachment,
)
from fakeoci.world.world import World

ALIVE = ("ATTACHING", "ATTACHED", "DETACHING")
UNDER_WAY = ("ATTACHING", "DETACHING")


@dataclass(kw_only=True)
class NewVnic:
    """The properties of a new VNIC."""

    subnet_id: str
    nsg_ids: Sequence[str] = ()
    private_ip: str | None = None
    private_ip_id: str | None = None
    """A reserved private IP that becomes the primary one."""
    subnet_cidr: str | None = None
    """The subnet's block to take the primary private IP from."""
    ipv6s: Sequence[tuple[str | None, str | None]] = ()
    """Its first IPv6s, as (the subnet's prefix, the address); None: any."""
    mac_address: str = ""
    """Empty: the next generated one."""
    display_name: str = ""
    hostname_label: str = ""
    freeform_tags: dict[str, str] = field(default_factory=dict)
    assign_public_ip: bool | None = None
    skip_source_dest_check: bool = False


def attachments_of(world: World, instance_id: str) -> list[VnicAttachment]:
    """Return an instance's attachments that are not DETACHED."""
    return [
        a
        for a in world.all(VnicAttachment)
        if a.instance_id == instance_id and a.lifecycle_state in ALIVE
    ]


def check_nsgs(world: World, nsg_ids: Sequence[str], vcn_id: str) -> None:
    """Raise 400 if there are too many NSGs or one is of another VCN, 404 if missing."""
    if len(nsg_ids) > world.settings.limits.nsgs_per_vnic:
        raise invalid(
            f"a VNIC is in at most {world.settings.limits.nsgs_per_vnic} NSGs"
        )
    for nsg_id in nsg_ids:
        if world.get(Nsg, nsg_id).vcn_id != vcn_id:
            raise invalid(f"NSG {nsg_id} is of another VCN than the subnet")


def create(
    world: World, instance: Instance, new: NewVnic, *, primary: bool, now: float
) -> Vnic:
    """Create a VNIC and its primary private IP."""
    subnet = world.get(Subnet, new.subnet_id)
    check_nsgs(world, new.nsg_ids, subnet.vcn_id)
    ips.check_hostname(world, subnet.id, new.hostname_label)
    if new.assign_public_ip and subnet.prohibit_public_ip:
        raise invalid("Invalid VNIC creation parameters: the subnet is private")
    # The default depends on the subnet: a VNIC in a public one gets a public address.
    follows = new.assign_public_ip is None and not subnet.prohibit_public_ip
    public = new.assign_public_ip or follows
    vnic = world.add(
        Vnic(
            id=world.names.ocid("vnic"),
            compartment_id=subnet.compartment_id,
            display_name=new.display_name,
            time_created=now,
            freeform_tags=dict(new.freeform_tags),
            subnet_id=subnet.id,
            instance_id=instance.id,
            mac_address=new.mac_address or world.names.mac(),
            is_primary=primary,
            nsg_ids=list(new.nsg_ids),
            skip_source_dest_check=new.skip_source_dest_check,
            hostname_label=new.hostname_label,
            lifecycle_state="AVAILABLE" if primary else "PROVISIONING",
            public_ip=world.names.public_ip() if public else None,
        )
    )
    try:
        for cidr, address in new.ipv6s:
            wanted = ips.NewAddress(kind=Ipv6, ip_address=address, subnet_cidr=cidr)
            ips.create_now(world, wanted, vnic_id=vnic.id, subnet_id=None, now=now)
        # Last, because an error after this would not undo the reserved address' change.
        primary_ip = _primary_ip(world, subnet, new, now)
    except ServiceError:
        destroy(world, vnic)
        raise
    world.assign(primary_ip, vnic.id)
    return vnic


def _primary_ip(world: World, subnet: Subnet, new: NewVnic, now: float) -> PrivateIp:
    if (
        sum(x is not None for x in (new.private_ip, new.private_ip_id, new.subnet_cidr))
        > 1
    ):
        raise invalid("privateIp, privateIpId and subnetCidr exclude each other")
    if new.private_ip_id is not None:
        held = world.get(PrivateIp, new.private_ip_id)
        if held.vnic_id is not None or held.subnet_id != subnet.id:
            raise invalid(f"{held.id} is on a VNIC, or in another subnet")
        if held.lifetime != "RESERVED" or held.prefix_length != ips.SINGLE[PrivateIp]:
            raise invalid(f"{held.id} is not a single reserved address")
        held.is_primary = True
        held.hostname_label = new.hostname_label or held.hostname_label
        return held
    space = world.space(subnet.id)
    if new.private_ip is None:
        address = space.take_any(new.subnet_cidr)
    else:
        address = ips.canonical(new.private_ip, PrivateIp)
        space.take(address)
    return world.add(
        PrivateIp(
            id=world.names.ocid("privateip"),
            compartment_id=subnet.compartment_id,
            time_created=now,
            ip_address=address,
            prefix_length=32,
            subnet_id=subnet.id,
            vnic_id=None,
            is_primary=True,
            hostname_label=new.hostname_label,
        )
    )


def attach(
    world: World,
    instance_id: str,
    new: NewVnic,
    *,
    display_name: str = "",
    nic_index: int = 0,
    now: float,
) -> VnicAttachment:
    """Start to attach a secondary VNIC (AttachVnic)."""
    instance = world.get(Instance, instance_id)
    if instance.lifecycle_state not in ("RUNNING", "STOPPED"):
        raise incorrect_state(f"instance {instance_id}", instance.lifecycle_state)
    if nic_index != 0:  # only some bare metal shapes have two; the fake has none
        raise invalid(f"nicIndex {nic_index}: shape {instance.shape} has one NIC, 0")
    alive = attachments_of(world, instance_id)
    if any(a.lifecycle_state in UNDER_WAY for a in alive):
        raise being_modified(f"instance {instance_id}")
    if len(alive) >= instance.max_vnic_attachments:
        raise limit_exceeded(
            f"instance {instance_id} has {len(alive)} VNICs, the most its shape"
            f" {instance.shape} takes"
        )
    vnic = create(world, instance, new, primary=False, now=now)
    attachment = world.add(
        VnicAttachment(
            id=world.names.ocid("vnicattachment"),
            compartment_id=instance.compartment_id,
            display_name=display_name,
            time_created=now,
            instance_id=instance_id,
            subnet_id=new.subnet_id,
            vnic_id=vnic.id,
            nic_index=nic_index,
            lifecycle_state="ATTACHING",
        )
    )

    go_on(world, attachment, now)
    return attachment


def detach(world: World, attachment_id: str, if_match: str | None, now: float) -> None:
    """Start to detach a secondary VNIC (DetachVnic); the VNIC is deleted with it."""
    attachment = world.get(VnicAttachment, attachment_id)
    world.match(attachment, if_match)
    if attachment.lifecycle_state not in ALIVE:
        return
    vnic = world.get(Vnic, attachment.vnic_id)
    if vnic.is_primary:
        raise invalid("the primary VNIC of an instance cannot be detached")
    siblings = attachments_of(world, attachment.instance_id)
    if any(a.lifecycle_state in UNDER_WAY for a in siblings):
        raise being_modified(f"instance {attachment.instance_id}")
    attachment.lifecycle_state = "DETACHING"
    vnic.lifecycle_state = "TERMINATING"
    world.touch(attachment)

    go_on(world, attachment, now)


def go_on(world: World, attachment: VnicAttachment, now: float) -> None:
    """Schedule the end of an attachment's ATTACHING or DETACHING, if it is in one."""
    timing = world.settings.timing
    if attachment.lifecycle_state == "ATTACHING":
        seconds, final = timing.attach_seconds, "ATTACHED"
    elif attachment.lifecycle_state == "DETACHING":
        seconds, final = timing.detach_seconds, "DETACHED"
    else:
        return
    passing = attachment.lifecycle_state

    def complete() -> None:
        if world.frozen:
            world.held_back.append(complete)
        elif attachment.lifecycle_state == passing:
            attachment.lifecycle_state = final
            vnic = world.get(Vnic, attachment.vnic_id)
            world.touch(attachment)
            if final == "ATTACHED":
                vnic.lifecycle_state = "AVAILABLE"
                vnic.attached_at = now + seconds
            else:
                destroy(world, vnic)

    world.later(now + seconds, complete)


def destroy(world: World, vnic: Vnic) -> None:
    """Remove a VNIC and its ephemeral addresses; reserved ones are unassigned."""
    for address in world.addresses_of(vnic.id, Address):
        if address.lifetime == "RESERVED":
            address.is_primary = False
            world.assign(address, None)
        else:
            ips.discard(world, address)
    world.busy.pop(vnic.id, None)
    world.drop(vnic)
