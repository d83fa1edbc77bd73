"""VTAPs and capture filters: their checks and what they mirror.

https://docs.oracle.com/en-us/iaas/Content/Network/Tasks/vtap.htm
https://docs.oracle.com/en-us/iaas/Content/Network/Concepts/capture-filters.htm
"""

from collections.abc import Iterator

from fakeoci.world.cidrs import network
from fakeoci.world.errors import conflict, invalid, missing, not_found
from fakeoci.world.resources import (
    CaptureFilter,
    CaptureRule,
    PrivateIp,
    Subnet,
    Vnic,
    Vtap,
)
from fakeoci.world.world import World

MOST_RULES = 10
PROTOCOLS = ("all", "1", "6", "17", "58")
IDENTIFIERS = range(1, 1 << 24)
"""VXLAN network identifiers (RFC 7348: 24 bits)."""


def check_rules(rules: list[CaptureRule]) -> None:
    """Raise 400 if a capture filter cannot have these rules."""
    if not 1 <= len(rules) <= MOST_RULES:
        raise invalid(f"a capture filter has one to {MOST_RULES} rules")
    for rule in rules:
        if rule.protocol not in PROTOCOLS:
            raise invalid(f"protocol {rule.protocol!r} is none of a capture filter's")
        cidrs = [c for c in (rule.source, rule.destination) if c]
        families = {network(c, 6 if ":" in c else 4).version for c in cidrs}
        if len(families) > 1:
            raise invalid("sourceCidr and destinationCidr are of different families")


def check_vtap(world: World, vtap: Vtap) -> None:
    """Raise if a VTAP cannot be as it is.

    Raises:
        ServiceError: 404, source, target or filter does not exist; 400, another fault.
    """
    world.get(CaptureFilter, vtap.capture_filter_id)
    if _vcn_of(world, vtap.source_id) != vtap.vcn_id:
        raise invalid("the source of a VTAP is in its VCN")
    if not vtap.target_id and not vtap.target_ip:
        raise missing("a VTAP needs a targetId or a targetIp")
    if vtap.target_id and vtap.target_ip:
        raise invalid("targetId and targetIp exclude each other")
    if vtap.target_id:
        if not isinstance(world.objects.get(vtap.target_id), Vnic):
            raise not_found()
        if _vcn_of(world, vtap.target_id) != vtap.vcn_id:
            raise invalid("source and target of a VTAP are in the same VCN")
        if vtap.target_id == vtap.source_id:
            raise invalid("the target of a VTAP is not its source")
    elif target_of(world, vtap) is None:
        raise invalid(f"targetIp {vtap.target_ip} is no private IP of the VTAP's VCN")
    if vtap.vxlan_network_identifier not in IDENTIFIERS:
        raise invalid("vxlanNetworkIdentifier is 1 to 16777215")


def _vcn_of(world: World, ocid: str) -> str:
    """Return the VCN of a VNIC or subnet."""
    held = world.objects.get(ocid)
    if isinstance(held, Vnic):
        return world.get(Subnet, held.subnet_id).vcn_id
    if isinstance(held, Subnet):
        return held.vcn_id
    raise not_found()


def target_of(world: World, vtap: Vtap) -> PrivateIp | None:
    """Return the private IP that gets what a VTAP mirrors; None if it is gone."""
    if vtap.target_id:
        held = world.objects.get(vtap.target_id)
        return world.private_ips_of(held.id)[0] if isinstance(held, Vnic) else None
    for address in world.all(PrivateIp):
        here = address.ip_address == vtap.target_ip and address.vnic_id is not None
        if here and world.get(Subnet, address.subnet_id).vcn_id == vtap.vcn_id:
            return address
    return None


def sources_of(world: World, vtap: Vtap) -> Iterator[Vnic]:
    """Yield the VNICs whose packets a VTAP mirrors: never its own target."""
    target = target_of(world, vtap)
    for vnic in world.all(Vnic):
        is_target = target is not None and vnic.id == target.vnic_id
        if vtap.source_id in (vnic.id, vnic.subnet_id) and not is_target:
            yield vnic


def is_running(world: World, vtap: Vtap) -> bool:
    """Return True if a VTAP mirrors: it is started, and has its source and target."""
    has_source = vtap.source_id in world.objects
    return vtap.is_enabled and has_source and target_of(world, vtap) is not None


def fresh_identifier(world: World) -> int:
    """Return a VXLAN network identifier that no VTAP has."""
    held = {v.vxlan_network_identifier for v in world.all(Vtap)}
    return next(i for i in IDENTIFIERS if i not in held)


def delete_filter(world: World, made: CaptureFilter) -> None:
    """Delete a capture filter that no VTAP uses (DeleteCaptureFilter)."""
    if any(v.capture_filter_id == made.id for v in world.all(Vtap)):
        raise conflict(f"capture filter {made.id}")
    world.drop(made)
