"""The plugged pods' elements of the nft maps.  Pure."""

from collections.abc import Mapping, Sequence

from vcnd.linux.ruleset import CLASS_MAPS, PODS_MAPS, PodElement, class_chain, via
from vcnd.linux.vnic_link import VnicLink
from vcnd.model.family import family_of
from vcnd.model.ids import ClassName, VnicId
from vcnd.model.sandbox import Lease
from vcnd.model.vnic import VnicSlot
from vcnd.netlink import nftables, rtnetlink


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


def in_maps(
    elements: Sequence[PodElement],
    links: Sequence[VnicLink],
    classes: Mapping[ClassName, int],
) -> dict[str, dict[bytes, str]]:
    """Return the elements as the kernel lists them: map, key, and chain.

    Args:
        elements: of the pods.
        links: the VNICs' links.
        classes: numbers of the pods' classes, where NSGs are enforced between them.
    """
    found: dict[str, dict[bytes, str]] = {m: {} for m in PODS_MAPS.values()}
    found |= {m: {} for m in CLASS_MAPS.values()}
    class_of = {v.index: classes.get(v.pod_class) for v in links if v.carries_pods}
    for pod in elements:
        family = family_of(pod.address)
        key = nftables.interface_and_address(pod.ifname, pod.address)
        found[PODS_MAPS[family]][key] = via(pod.index)
        number = class_of.get(pod.index)
        if number is not None:
            key = rtnetlink.ip_bytes(pod.address)
            found[CLASS_MAPS[family]][key] = class_chain(number)
    return found
