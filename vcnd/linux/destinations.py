"""How long packets of pods may be, by where they go.  Pure.

Inside the VCN each link takes 9000 bytes.  Behind its gateways are links of 1500.  Who
sends longer packets there needs the gateway's ICMP error ("fragmentation needed"), and
security lists and firewalls on the way may drop that (decision 27).
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import ip_network
from itertools import chain
from typing import Any

from vcnd.linux.layout import Layout
from vcnd.model.family import Family, family_of
from vcnd.model.interface import Destination
from vcnd.model.sandbox import Lease
from vcnd.model.vnic import Vnic, VnicSlot

DEFAULT_MTU = 1500
"""Of pods while nothing tells another one."""


def outside_mtu(layout: Layout, vnic: Vnic, mtu: int) -> int:
    """Return the MTU to destinations outside the VCN; 0: that of the link.

    Args:
        layout: the configured one.
        vnic: by which packets leave.  While its VCN is not known nothing is outside.
        mtu: of the link, in bytes; 0: not known.
    """
    outside = layout.outside_mtu
    return outside if vnic.vcn_cidrs and (outside < mtu or not mtu) else 0


def destinations(
    layout: Layout,
    vnic: Vnic,
    family: Family,
    *,
    mtu: int,
    further: Iterable[str] = (),
) -> tuple[Destination, ...]:
    """Return where packets of a family go by a VNIC, the default route first.

    Args:
        layout: what is configured.
        vnic: the VNIC.
        family: of the packets.
        mtu: of the link, in bytes; 0: not known.
        further: networks that longer packets reach, too.
    """
    outside = outside_mtu(layout, vnic, mtu)
    found = (Destination(family.everywhere, outside),)
    if not outside:
        return found
    cidrs = vnic.vcn_cidrs or ()
    inside = (*cidrs, *vnic.pod_networks, *layout.outside_mtu_exempt, *further)
    return found + tuple(map(Destination, _widest(inside, family)))


@lru_cache
def _widest(networks: tuple[str, ...], family: Family) -> tuple[str, ...]:
    """Return those of a family that are in no other of them, in order."""
    found = sorted({ip_network(n) for n in networks if family_of(n) is family})
    # Each follows those that cover it.
    widest: list[Any] = []
    for network in found:
        if not (widest and network.subnet_of(widest[-1])):
            widest.append(network)
    return tuple(map(str, widest))


class Reach:
    """How far the packets of a node's pods go, and how long they may be there.

    Attributes:
        mtu: of pods' links, in bytes; 0 while the primary VNIC's is not known.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._services: tuple[str, ...] = ()
        self.mtu = layout.mtu

    @property
    def pod_mtu(self) -> int:
        """Return the MTU of a new pod's link."""
        return self.mtu or DEFAULT_MTU

    def lead_to_services(self, networks: Iterable[str]) -> None:
        """Learn the networks of Services: their packets go to pods, mostly."""
        self._services = tuple(networks)

    def of_pod(
        self, lease: Lease, slots: Mapping[str, VnicSlot]
    ) -> tuple[Destination, ...]:
        """Return where a pod's routes lead; ``slots`` are its addresses' VNICs."""
        further = self._services
        ways = (
            destinations(
                self._layout, slots[a].vnic, family, mtu=self.pod_mtu, further=further
            )
            for a, family in lease.families.items()
        )
        return tuple(chain.from_iterable(ways))

    def outside_mtu(self, vnic: Vnic) -> int:
        """Return the MTU to destinations outside a VNIC's VCN; 0: the link's."""
        return outside_mtu(self._layout, vnic, self.mtu)
