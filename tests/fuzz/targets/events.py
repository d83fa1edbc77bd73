"""Events of the kernel: each is news, a loss or nothing, or ``NetlinkError``.

What is about another table than ours, or by our own port, is no loss.
"""

from collections.abc import Iterable
from contextlib import suppress

from tests.fuzz.choices import Choices
from tests.linux.test_judge import (
    LOSS,
    MAC,
    NOTHING,
    WANTED,
    gone_address,
    gone_rule,
    link,
    route,
)
from vcnd.linux.judge import Judge, changes_rules
from vcnd.linux.layout import Layout
from vcnd.linux.policy.events import touched
from vcnd.linux.settings import RTM_NEWNETCONF, _changes
from vcnd.netlink import nftables
from vcnd.netlink.messages import NetlinkError, attribute, message, text, u32

LAYOUT = Layout()
KINDS = (*range(2, 25), RTM_NEWNETCONF)
NFT = nftables.NFNL_SUBSYS_NFTABLES << 8
TABLES = ("vcnd", "vcnd-policy", "vcnd-policy-guard", "filter", "vcn")


def run(data: bytes) -> None:
    """Judge a datagram."""
    choices = Choices(data)
    if choices.below(4):
        _nft(choices)
        return
    datagram, judge = choices.rest(), Judge(LAYOUT)
    with suppress(NetlinkError):
        judge.route_event(datagram, WANTED)
    judge.is_table_lost(datagram, WANTED)
    changes_rules(datagram, LAYOUT.nft_table)
    list(_changes(datagram))


def _nft(choices: Choices) -> None:
    """Judge a transaction of one table's objects."""
    table = choices.pick(TABLES)
    said = bytearray()
    while not choices.is_over:
        kind = NFT | choices.pick(KINDS)
        body = bytes([nftables.NFPROTO_INET, 0, 0, 0]) + text(1, table)
        said += message(kind, 0, body + attribute(3, choices.take(choices.below(48))))
    lost = Judge(LAYOUT).is_table_lost(bytes(said), WANTED)
    if lost and table != LAYOUT.nft_table:
        raise AssertionError(f"{table} is taken for ours")
    if touched(bytes(said), TABLES[:3]) - {table}:
        raise AssertionError(f"{table} is taken for another")
    if touched(bytes(said), TABLES[:3], [0]):
        raise AssertionError("an event of our own counts")


def seeds() -> Iterable[bytes]:
    """Return events of each kind."""
    if Judge(LAYOUT).route_event(gone_address("10.1.0.9", 2), WANTED).event is not LOSS:
        raise AssertionError("the address of a VNIC is no loss")
    if Judge(LAYOUT).route_event(b"", WANTED).event is not NOTHING:
        raise AssertionError("nothing is something")
    yield b"\0" + gone_address("10.1.0.9", 2)
    yield b"\0" + gone_rule(1010, 102, 2)
    yield b"\0" + link(MAC, up=False) + link(MAC, up=True)
    yield b"\0" + route(25, 102, to="10.1.0.5")
    yield b"\0" + message(RTM_NEWNETCONF, 0, bytes(4) + u32(1, 4) + u32(3, 1))
    for table in range(len(TABLES)):
        for kind in range(len(KINDS)):
            yield bytes([1, table, kind, 4]) + b"abcd"
