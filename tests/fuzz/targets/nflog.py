"""Packets that rules logged, and the names in which counters and prefixes tell why."""

import struct
from collections.abc import Iterable

from tests.fuzz.choices import Choices
from tests.netlink.test_nflog import SYN6, UDP4
from vcnd.linux.policy import drops
from vcnd.netlink.messages import attribute, message
from vcnd.netlink.nflog import NFNL_SUBSYS_ULOG, PAYLOAD, PREFIX, logged
from vcnd.netlink.packets import read_packet

RAW = 64
KIND = NFNL_SUBSYS_ULOG << 8
PREFIXES = (b"vcnd isolated in_0badc0de", b"vcnd rule out_0badc0de 1 0", b"", b"vcnd")


def run(data: bytes) -> None:
    """Read a datagram, each packet's prefix, and a name."""
    choices = Choices(data)
    datagram = choices.rest() if choices.below(256) < RAW else _packet(choices)
    for packet in logged(datagram):
        drop = drops.read_prefix(packet.prefix)
        if drop is not None and drops.read_prefix(drops.prefix(drop)) != drop:
            raise AssertionError(f"{drop} is read back as another")
    name = data.decode("utf-8", "replace")
    counted = drops.read_counter(name)
    if (
        counted is not None
        and drops.read_counter(drops.counter_name(counted)) != counted
    ):
        raise AssertionError(f"{counted} is read back as another")
    read_packet(data)


def _packet(choices: Choices) -> bytes:
    prefix = choices.pick(PREFIXES) + choices.text().encode("utf-8", "surrogateescape")
    body = struct.pack(">BBH", 2, 0, 100)
    body += attribute(PREFIX, prefix + b"\0")
    body += attribute(PAYLOAD, choices.rest())
    return message(KIND, 0, body)


def seeds() -> Iterable[bytes]:
    """Return packets, prefixes and names."""
    yield b"\0" + UDP4
    yield b"\0" + SYN6
    for number in range(len(PREFIXES)):
        yield bytes([RAW, number, 0]) + bytes([0x45]) + bytes(40)
        yield bytes([RAW, number, 0]) + bytes([0x60, 0, 0, 0, 0, 0, 44]) + bytes(60)
    yield b"accepted_in_0badc0de.blue"
    yield b"isolated_in"
