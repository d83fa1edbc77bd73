"""What the VTAPs of a VCN mirror.  Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from fakeoci.world.resources import CaptureFilter, CaptureRule, Vtap
from fakeoci.world.vtaps import is_running, sources_of, target_of
from fakeoci.world.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """One source VNIC of a VTAP that runs."""

    vtap_id: str
    vnic_id: str
    source: str
    """The VNIC's primary address: the outer source address."""
    target: str
    identifier: int
    rules: tuple[CaptureRule, ...]
    """In their order: the first that matches a packet decides."""

    @property
    def device(self) -> tuple[str, str, str, int]:
        """Return the properties that a device keeps as long as it exists."""
        return self.vtap_id, self.vnic_id, self.target, self.identifier


def mirrors(world: World, vcn_id: str, attached: Iterable[str]) -> tuple[Mirror, ...]:
    """Return what the VTAPs of a VCN mirror.

    Args:
        world: the world.
        vcn_id: the VCN.
        attached: the VNICs that have a link.
    """
    links = set(attached)
    found = []
    for vtap in world.all(Vtap):
        target = target_of(world, vtap)
        if vtap.vcn_id != vcn_id or target is None or not is_running(world, vtap):
            continue
        held = world.get(CaptureFilter, vtap.capture_filter_id)
        found += [
            Mirror(
                vtap_id=vtap.id,
                vnic_id=vnic.id,
                source=world.private_ips_of(vnic.id)[0].ip_address,
                target=target.ip_address,
                identifier=vtap.vxlan_network_identifier,
                rules=tuple(held.rules),
            )
            for vnic in sources_of(world, vtap)
            if vnic.id in links
        ]
    return tuple(found)
