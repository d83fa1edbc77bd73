"""Changes of a table as messages of netlink, where no rule is written.  Pure.

To start nft takes 4 ms of processor time, and on a busy node its turn.  So elements
come and go without it, and so do objects.
"""

import socket
import struct
from collections.abc import Iterator

from vcnd.linux.nft_changes import Changes
from vcnd.linux.nft_table import COUNTER, LIMIT, Element
from vcnd.netlink import nftables
from vcnd.netlink.messages import Message
from vcnd.netlink.templates import Step

MOST_CHANGES = 512
"""nft is faster where there are more; and the socket's buffer has room for these."""
PORT = struct.Struct(">B3xH2x")
"""A protocol and a port in a key: each field takes whole words."""
PROTOCOLS = {
    "TCP": socket.IPPROTO_TCP,
    "UDP": socket.IPPROTO_UDP,
    "SCTP": socket.IPPROTO_SCTP,
}
OBJECTS = {
    COUNTER: nftables.NFT_OBJECT_COUNTER,
    LIMIT: nftables.NFT_OBJECT_LIMIT,
}
VERDICT = " : jump "


def steps(table: str, found: Changes) -> list[Step] | None:
    """Return the steps of what ``nft_changes.remainder`` says.

    None: that is for nft, as rules change, or ranges, or too much.

    Args:
        table: its name.
        found: what differs, once the objects that are new have been added.
    """
    changed = found.changed.values()
    elements = sum(len(x.lost) + len(x.gained) for x in changed)
    objects = 2 * len(found.gone_chains) + len(found.gone)
    ranges = any(x.ranges for x in changed)
    if found.changed_chains or ranges or elements + objects > MOST_CHANGES:
        return None
    return list(_steps(table, found))


def touching(table: str, name: str, element: Element) -> list[Step]:
    """Return the steps that add an element to a set, and delete it."""
    key, _ = _read(element)
    return [
        ("add an element", nftables.member(table, name, key)),
        ("delete it", nftables.deletion(table, name, key)),
    ]


def _steps(table: str, found: Changes) -> Iterator[Step]:
    for chain in found.gone_chains:
        yield f"flush chain {chain}", nftables.flushing(table, chain)
    for name, x in found.changed.items():
        for element in x.lost:
            key, _ = _read(element)
            yield f"delete an element of {name}", nftables.deletion(table, name, key)
    for chain in found.gone_chains:
        yield f"delete chain {chain}", nftables.chain_deletion(table, chain)
    for name, gone in found.gone.items():
        kind = OBJECTS.get(gone.kind)
        yield f"delete {gone.kind} {name}", _deletion(table, name, kind)
    for name, x in found.changed.items():
        for element in x.gained:
            key, chain = _read(element)
            message = nftables.member(table, name, key, jump_to=chain)
            yield f"add an element to {name}", message


def _deletion(table: str, name: str, kind: int | None) -> Message:
    if kind is None:
        return nftables.set_deletion(table, name)
    return nftables.object_deletion(table, name, kind)


def _read(element: Element) -> tuple[bytes, str]:
    """Return an element's key as the kernel has it, and the chain it leads to."""
    if isinstance(element, str):
        key, _, chain = element.partition(VERDICT)
        return b"".join(map(_field, key.split(" . "))), chain
    address, protocol, number = element
    return _field(address) + PORT.pack(PROTOCOLS[protocol.upper()], number), ""


def _field(text: str) -> bytes:
    """Return an address or a link's name; a name stands in quotation marks."""
    if text.startswith('"'):
        return text.strip('"').encode().ljust(nftables.IFNAMSIZ, b"\0")
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    return socket.inet_pton(family, text)
