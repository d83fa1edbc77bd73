"""NFLOG: packets that rules log to a group, as messages and values.  Pure.

Sources: the kernel's uapi nfnetlink_log.h and net/netfilter/nfnetlink_log.c.
"""

import errno
import struct
from collections.abc import Iterator

import msgspec

from vcnd.netlink.listed import string
from vcnd.netlink.messages import Message, attribute, attributes, messages
from vcnd.netlink.packets import PacketHeaders, read_packet

NFNL_SUBSYS_ULOG = 4
NFULNL_MSG_PACKET, NFULNL_MSG_CONFIG = 0, 1
CFG_CMD, CFG_MODE, CFG_QTHRESH = 1, 2, 5
CMD_BIND, COPY_PACKET = 1, 2
INDEV, OUTDEV, PAYLOAD, PREFIX = 4, 5, 9, 10
HEADER_BYTES = 128
TAKEN = (errno.EPERM, errno.EEXIST, errno.EBUSY)
"""Errors of ``bind``: another program has the group (or we have no CAP_NET_ADMIN)."""


class LoggedPacket(msgspec.Struct, frozen=True, kw_only=True):
    """A packet that a rule logged."""

    prefix: str
    """The rule's."""
    arrived_by: int
    """The index of a link; 0: the node sent it."""
    leaves_by: int
    """The index of a link; 0: it is for the node."""
    headers: PacketHeaders


def bind(group: int) -> Message:
    """Ask for a group's packets, each at once, with no more than their headers."""
    body = (
        struct.pack(">BBH", 0, 0, group)
        + attribute(CFG_CMD, struct.pack("=B", CMD_BIND))
        + attribute(CFG_MODE, struct.pack(">IBB", HEADER_BYTES, COPY_PACKET, 0))
        # Else the kernel gathers packets, for a second.
        + attribute(CFG_QTHRESH, struct.pack(">I", 1))
    )
    return NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG, 0, body


def logged(data: bytes) -> Iterator[LoggedPacket]:
    """Yield the packets in a datagram; those that cannot be read are left out."""
    for kind, _, body in messages(data):
        if kind != NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET:
            continue
        parts = attributes(body[4:])
        headers = read_packet(parts.get(PAYLOAD, b""))
        if headers is not None:
            yield LoggedPacket(
                prefix=string(parts.get(PREFIX, b"")),
                arrived_by=int.from_bytes(parts.get(INDEV, b"")[:4]),
                leaves_by=int.from_bytes(parts.get(OUTDEV, b"")[:4]),
                headers=headers,
            )
