"""Changes of a table as messages of netlink, where no rule is written.  Pure.

To start nft takes 4 ms of processor time, and on a busy node its turn.  So elements
come and go without it, and so do objects.
"""

import socket
import struct
from collections.abc import Iterable, Iterator

from vcnd.linux.nft_changes import Changed, Changes
from vcnd.linux.nft_table import COUNTER, LIMIT, Element
from vcnd.netlink import nftables
from vcnd.netlink.messages import Message
from vcnd.netlink.templates import Step

MOST_BYTES = 150_000
"""A socket's buffer has room for 200,000, unless the node's settings differ."""
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
    if found.changed_chains or any(x.ranges for x in found.changed.values()):
        return None
    some = list(_steps(table, found))
    fits = sum(len(body) for _, (_, _, body) in some) <= MOST_BYTES
    return some if fits else None


def touching(table: str, name: str, element: Element) -> list[Step]:
    """Return the steps that add an element to a set, and delete it."""
    added = Changed(frozenset(), frozenset({element}), ranges=False)
    gone = Changed(added.gained, frozenset(), ranges=False)
    return [*_gained(table, name, added), *_lost(table, name, gone)]


def _steps(table: str, found: Changes) -> Iterator[Step]:
    for chain in found.gone_chains:
        yield f"flush chain {chain}", nftables.flushing(table, chain)
    for name, x in found.changed.items():
        yield from _lost(table, name, x)
    for chain in found.gone_chains:
        yield f"delete chain {chain}", nftables.chain_deletion(table, chain)
    for name, gone in found.gone.items():
        kind = OBJECTS.get(gone.kind)
        yield f"delete {gone.kind} {name}", _deletion(table, name, kind)
    for name, x in found.changed.items():
        yield from _gained(table, name, x)


def _deletion(table: str, name: str, kind: int | None) -> Message:
    if kind is None:
        return nftables.set_deletion(table, name)
    return nftables.object_deletion(table, name, kind)


def _lost(table: str, name: str, changed: Changed) -> Iterator[Step]:
    """Yield what deletes elements of a set or a map."""
    keys = [_key(_parts(element)[0]) for element in changed.lost]
    for message in nftables.deletions(table, name, keys):
        yield f"delete elements of {name}", message


def _gained(table: str, name: str, changed: Changed) -> Iterator[Step]:
    """Yield what adds them: to a map one by one, for it has few."""
    keys = list[bytes]()
    for element in changed.gained:
        key, chain = _parts(element)
        if chain:
            message = nftables.jump(table, name, _key(key), chain)
            yield f"add an element to {name}", message
        else:
            keys.append(_key(key))
    for message in nftables.members(table, name, keys):
        yield f"add elements to {name}", message


def _parts(element: Element) -> tuple[Element, str]:
    """Return an element's key, and the chain that it leads to."""
    if isinstance(element, str):
        key, _, chain = element.partition(VERDICT)
        return key, chain
    return element, ""


def _key(key: Element) -> bytes:
    """Return a key as the kernel has it."""
    if isinstance(key, str):
        return _field(key) if " " not in key else _fields(key.split(" . "))
    address, protocol, number = key
    return _field(address) + PORT.pack(PROTOCOLS[protocol.upper()], number)


def _fields(texts: Iterable[str]) -> bytes:
    return b"".join(map(_field, texts))


def _field(text: str) -> bytes:
    """Return an address or a link's name; a name stands in quotation marks."""
    if text.startswith('"'):
        return text.strip('"').encode().ljust(nftables.IFNAMSIZ, b"\0")
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    return socket.inet_pton(family, text)
