"""Which plugged pods may use the express lane, and by which VNICs.  Pure."""

from collections.abc import Mapping, Sequence

from vcnd.linux.destinations import Reach
from vcnd.linux.lane.maps import Leg
from vcnd.linux.vnic_link import VnicLink
from vcnd.model.family import Family, family_of
from vcnd.model.ids import VnicId
from vcnd.model.sandbox import Lease
from vcnd.model.vnic import Vnic, VnicSlot

Legs = dict[Family, Leg]


def lane_pods(
    pods: Mapping[str, tuple[Lease, Mapping[str, VnicId]]],
    slots: Sequence[VnicSlot],
    links: Sequence[VnicLink],
    reach: Reach,
) -> dict[str, Legs]:
    """Return the pods of the lane, by the name of their link.

    Args:
        pods: the plugged pods, and their addresses' VNICs.
        slots: the VNICs.
        links: the VNICs' links.
        reach: how long packets may be, by where they go.
    """
    ways = _pod_vnics(slots, links)
    found: dict[str, Legs] = {}
    for ifname, (lease, vnics) in pods.items():
        legs: Legs = {}
        for address, vnic_id in vnics.items() if lease.express else ():
            if vnic_id not in ways:
                continue
            link, vnic = ways[vnic_id]
            family = family_of(address)
            six = family is Family.IPV6
            router = vnic.ipv6_router if six else vnic.virtual_router
            if router:
                legs[family] = Leg(address, link, router, reach.outside_mtu(vnic))
        if legs:
            found[ifname] = legs
    return found


def lane_vnics(slots: Sequence[VnicSlot], links: Sequence[VnicLink]) -> frozenset[str]:
    """Return the links of the pods' VNICs."""
    return frozenset(link for link, _ in _pod_vnics(slots, links).values())


def _pod_vnics(
    slots: Sequence[VnicSlot], links: Sequence[VnicLink]
) -> dict[VnicId, tuple[str, Vnic]]:
    """Return the pods' VNICs that have a link on the node, with its name."""
    names = {v.index: v.ifname for v in links}
    return {
        slot.vnic.id: (names[slot.index], slot.vnic)
        for slot in slots
        if slot.index in names and not slot.is_primary
    }
