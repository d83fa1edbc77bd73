"""A table's rules and elements as the kernel lists them, without what counts up."""

import hashlib
import struct
from collections.abc import Collection, Iterator

from vcnd.netlink import nftables
from vcnd.netlink.listed import string
from vcnd.netlink.messages import (
    NetlinkError,
    NetlinkSocket,
    attributes,
    is_missing,
    repeated,
    text,
)
from vcnd.netlink.nftables import (
    CHAIN_NAME,
    CHAIN_TABLE,
    DATA_VALUE,
    DATA_VERDICT,
    ELEM_DATA,
    ELEM_KEY,
    LIST_ELEMENTS,
    LIST_SET,
    LIST_TABLE,
    NFT_MSG_GETCHAIN,
    NFT_MSG_GETSETELEM,
    RULE_CHAIN,
    VERDICT_CHAIN,
)

NFT_MSG_GETRULE = 7
RULE_TABLE, RULE_HANDLE, RULE_EXPRESSIONS = 1, 3, 4
EXPRESSION_NAME, EXPRESSION_DATA = 1, 2
CHAIN_HANDLE, CHAIN_HOOK, CHAIN_POLICY, CHAIN_TYPE = 2, 4, 5, 7
COUNTING = frozenset({"counter", "limit", "quota", "connlimit", "last"})
"""Expressions whose data changes with each packet."""

Listed = dict[int, bytes]
"""The attributes of an object."""


def fingerprint(sock: NetlinkSocket, table: str, without: Collection[str] = ()) -> str:
    """Return a digest of a table's chains, rules and elements; empty without the table.

    It stays the same while packets are counted.

    Args:
        sock: asks.
        table: its name.
        without: names of the maps whose elements come and go; they are left out.
    """
    chains = nftables.listed(sock, table, "chains", NFT_MSG_GETCHAIN, CHAIN_TABLE)
    if not chains:
        return ""
    digest = hashlib.sha256()
    for line in sorted(_chain(parts) for parts in chains):
        digest.update(line)
    rules = nftables.listed(sock, table, "rules", NFT_MSG_GETRULE, RULE_TABLE)
    for line in _in_order(rules):
        digest.update(line)
    for name in sorted(nftables.maps(sock, table) | nftables.sets(sock, table)):
        digest.update(name.encode())
        if name not in without:
            digest.update(repr(sorted(elements(sock, table, name).items())).encode())
    return digest.hexdigest()


def _chain(parts: Listed) -> bytes:
    kept = (CHAIN_NAME, CHAIN_HOOK, CHAIN_POLICY, CHAIN_TYPE)
    return b"\1".join(parts.get(x, b"") for x in kept)


def _in_order(rules: list[Listed]) -> Iterator[bytes]:
    """Yield each rule once, chain by chain, in the order of the chain."""
    by_chain: dict[bytes, dict[bytes, bytes]] = {}
    for parts in rules:
        same = by_chain.setdefault(parts.get(RULE_CHAIN, b""), {})
        # A dump that was interrupted is repeated: the last listing counts.
        handle = parts.get(RULE_HANDLE, b"")
        same.pop(handle, None)
        same[handle] = expressions(parts.get(RULE_EXPRESSIONS, b""))
    for chain in sorted(by_chain):
        yield chain
        yield from by_chain[chain].values()


def expressions(listed: bytes) -> bytes:
    """Return a rule's expressions without what they have counted."""
    found = bytearray()
    for one in repeated(listed):
        parts = attributes(one)
        name = parts.get(EXPRESSION_NAME, b"")
        counts = string(name) in COUNTING
        data = b"" if counts else parts.get(EXPRESSION_DATA, b"")
        found += struct.pack("=I", len(data)) + name + data
    return bytes(found)


def elements(sock: NetlinkSocket, table: str, name: str) -> dict[bytes, str]:
    """Return the keys of a map of verdicts and the chains that they lead to.

    It is empty if there is no such map.
    """
    asked = nftables.generic() + text(LIST_TABLE, table) + text(LIST_SET, name)
    kind = nftables.kind_of(NFT_MSG_GETSETELEM)
    try:
        dump = [body for _, body in sock.dump(f"list nft map {name}", kind, asked)]
    except NetlinkError as error:
        if not is_missing(error):
            raise
        return {}
    return dict(pair for body in dump for pair in read_elements(body))


def read_elements(body: bytes) -> Iterator[tuple[bytes, str]]:
    """Yield key and chain of each element in one message of a dump."""
    for element in repeated(attributes(body[4:]).get(LIST_ELEMENTS, b"")):
        parts = attributes(element)
        key = attributes(parts.get(ELEM_KEY, b"")).get(DATA_VALUE, b"")
        verdict = attributes(parts.get(ELEM_DATA, b"")).get(DATA_VERDICT, b"")
        yield key, string(attributes(verdict).get(VERDICT_CHAIN, b""))
