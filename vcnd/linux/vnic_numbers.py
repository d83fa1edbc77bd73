"""The numbers of VNICs on this node, read from the kernel's routes."""

from vcnd.linux.kernel import as_link, default_routes, netlink
from vcnd.linux.layout import Layout
from vcnd.model.vnic import PRIMARY_INDEX


def vnic_numbers(layout: Layout) -> dict[str, int]:
    """Return the number of each pod VNIC that has its route table, by MAC.

    Connections carry the number as their mark: if the journal is lost, the VNIC must
    get the same number again.
    """
    first, last = PRIMARY_INDEX + 1, layout.most_pod_vnics
    tables = {layout.vnic_table(n): n for n in range(first, last + 1)}
    with netlink() as route:
        macs = {x.index: x.mac for x in map(as_link, route.get_links())}
        return {
            macs[found.link_index]: tables[found.table]
            for found in default_routes(route)
            if found.ours and found.table in tables and found.link_index in macs
        }
