"""Which nft tables others have changed, by the kernel's events.  Pure.

Each event names its table, and the netlink port of the program that made the change.
So a change of another table, such as kube-proxy's, costs the reading of its events.
"""

from collections.abc import Collection

from vcnd.netlink import nftables
from vcnd.netlink.listed import string
from vcnd.netlink.messages import attributes, messages, of_others

OBJECT_TABLE = 1
"""The attribute that names an object's table, or the table itself."""


def touched(
    data: bytes, tables: Collection[str], own_ports: Collection[int] = ()
) -> frozenset[str]:
    """Return the tables that others have changed.

    Args:
        data: messages of nf_tables.
        tables: those to look for, of family inet.
        own_ports: the ports of our own changes.
    """
    found = set[str]()
    if not any(nftables.may_name(data, table) for table in tables):
        return frozenset()
    for kind, _, body in messages(of_others(data, own_ports)):
        if (
            kind >> 8 == nftables.NFNL_SUBSYS_NFTABLES
            and kind & 0xFF != nftables.NFT_MSG_NEWGEN
            and body[:1] == bytes([nftables.NFPROTO_INET])
        ):
            found.add(string(attributes(body[4:]).get(OBJECT_TABLE, b"")))
    return frozenset(found.intersection(tables))
