"""The netlink messages that set a pod VNIC's link up.  Pure."""

from collections.abc import Mapping
from functools import partial

from vcnd.linux.destinations import destinations
from vcnd.linux.layout import Layout
from vcnd.model.family import Family
from vcnd.model.vnic import VnicSlot
from vcnd.netlink import rtnetlink
from vcnd.netlink.templates import Step

ASKS_FROM = "fe80::2"
"""A link-local address on each pod VNIC.  The kernel proves its own address first, so
it could not ask for the router in the first second after a link came up."""
SETTINGS = {
    rtnetlink.DEVCONF_FORWARDING: 1,
    # The rule set finds sources that are the node's addresses.  The kernel's way, a
    # look-up through all routing rules, costs a multiple (docs/data-plane.md).
    rtnetlink.DEVCONF_ACCEPT_LOCAL: 1,
    # The filter's look-up has the packet's mark: without one, rules drop the packet.
    rtnetlink.DEVCONF_SRC_VMARK: 1,
    rtnetlink.DEVCONF_SEND_REDIRECTS: 0,
}


def steps(
    layout: Layout,
    slot: VnicSlot,
    link: int,
    *,
    mtu: int,
    settings: Mapping[int, int],
) -> list[Step]:
    """Return what sets a pod VNIC up; the first step brings its link up.

    Args:
        layout: its route table.
        slot: the VNIC.
        link: the index of its link.
        mtu: of the link, in bytes; 0 leaves it.
        settings: IPv4 settings of the link.
    """
    vnic, table = slot.vnic, layout.vnic_table(slot.index)
    new_address = partial(rtnetlink.new_address, link)
    new_route = partial(rtnetlink.new_route, index=link, table=table)
    router = vnic.virtual_router
    found: list[Step] = [
        ("link", rtnetlink.link_up(link, mtu)),
        ("settings", rtnetlink.device_settings(link, dict(settings))),
        # The address stays on the VNIC: without it MASQUERADE would take the
        # primary's, and losing the last address flushes the link's every route.
        ("address", new_address(vnic.address)),
        ("route to the router", new_route(router)),
    ]
    ways = partial(destinations, layout, vnic, mtu=mtu)
    found += [
        ("route", new_route(d.network, gateway=router, onlink=True, mtu=d.mtu))
        for d in ways(Family.IPV4)
    ]
    if vnic.ipv6_router:
        if vnic.ipv6:
            found.append(("address", new_address(vnic.ipv6)))
        found.append(("link-local address", new_address(ASKS_FROM, 64)))
        found += [
            ("route", new_route(d.network, gateway=vnic.ipv6_router, mtu=d.mtu))
            for d in ways(Family.IPV6)
        ]
    return found
