"""The plugged pods' elements of the nft maps.  Pure."""

from collections.abc import Mapping, Sequence

from vcnd.linux.ruleset import PodElement
from vcnd.linux.vnic_link import VnicLink
from vcnd.model.ids import VnicId
from vcnd.model.sandbox import Lease
from vcnd.model.vnic import VnicSlot


def pod_elements(
    pods: Mapping[str, tuple[Lease, Mapping[str, VnicId]]],
    slots: Sequence[VnicSlot],
    links: Sequence[VnicLink],
) -> list[PodElement]:
    """Return an element for each address whose VNIC has a link.

    Args:
        pods: the plugged pods, by the name of their link, and their addresses' VNICs.
        slots: the VNICs.
        links: the VNICs' links.
    """
    present = {v.index for v in links}
    numbers = {s.vnic.id: s.index for s in slots if s.index in present}
    return [
        PodElement(ifname=name, address=address, index=numbers[vnic_id])
        for name, (_, vnics) in pods.items()
        for address, vnic_id in vnics.items()
        if vnic_id in numbers
    ]
