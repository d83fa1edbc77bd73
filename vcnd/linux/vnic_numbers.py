"""The numbers of VNICs on this node, read from the kernel's routes."""

import socket

from vcnd.linux import kernel
from vcnd.linux.layout import Layout
from vcnd.model.vnic import PRIMARY_INDEX
from vcnd.netlink.messages import NetlinkSocket


def vnic_numbers(layout: Layout) -> dict[str, int]:
    """Return the number of each pod VNIC that has its route table, by MAC.

    Connections carry the number as their mark: if the journal is lost, the VNIC must
    get the same number again.
    """
    first, last = PRIMARY_INDEX + 1, layout.most_pod_vnics
    tables = {layout.vnic_table(n): n for n in range(first, last + 1)}
    with NetlinkSocket(socket.NETLINK_ROUTE) as route:
        macs = {x.index: x.mac for x in kernel.links(route)}
        return {
            macs[found.link_index]: tables[found.table]
            for found in kernel.default_routes(route)
            if found.ours and found.table in tables and found.link_index in macs
        }
