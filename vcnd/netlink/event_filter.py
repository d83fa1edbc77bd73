"""A socket filter for rtnetlink events, so that pods' own links wake nobody.

A pod makes a dozen link events of a kilobyte and more.  Unfiltered they fill the
socket's buffer when dozens of pods start; the kernel then drops events, and a VNIC's
event may be among them.
"""

import ctypes
import socket
import struct
import sys

from vcnd.netlink.rtnetlink import IFF_UP, IFLA_IFNAME

SO_ATTACH_FILTER = 26
LOAD_BYTE_ABS, LOAD_HALF_ABS, LOAD_WORD_ABS, LOAD_WORD_IND = 0x30, 0x28, 0x20, 0x40
LOAD_IMMEDIATE, LOAD_X_IMMEDIATE, TO_X = 0x00, 0x01, 0x07
AND, JUMP_EQUAL, JUMP_GREATER, RETURN = 0x54, 0x15, 0x25, 0x06
FIND_ATTRIBUTE = 0xFFFFF000 + 12
"""SKF_AD_OFF + SKF_AD_NLATTR: replaces A, an offset, by that of attribute X."""
TYPE_OFFSET, PREFIX_LENGTH_OFFSET, ATTRIBUTES_OFFSET = 4, 17, 32
FLAGS_OFFSET, CHANGE_OFFSET = 24, 28
LOWEST_BYTE = 0 if sys.byteorder == "little" else 3
"""Of a 32-bit field in the machine's order."""
SHORT_BYTES = 40
"""Header, family, the link's index and one setting are 36."""
ALL, NOTHING = 0xFFFFFFFF, 0

Instruction = tuple[int, int, int, int]


def program(
    link_event: int, route_event: int, others: tuple[int, ...], prefix: str
) -> list[Instruction]:
    """Return the filter: it passes events that may concern the node's VNICs.

    Args:
        link_event: the type of link events, RTM_NEWLINK; of those of pods only one
            passes that says: somebody took the link down.
        route_event: the type of route events, RTM_NEWROUTE; default routes pass.
        others: further types to let through.
        prefix: three characters that the names of pods' links begin with.
    """
    name = int.from_bytes(prefix.encode().ljust(4, b"\0"))
    names = 7 + len(others)  # where link events are judged
    accept = names + 13  # where ALL is returned
    code: list[Instruction] = [(LOAD_HALF_ABS, 0, 0, TYPE_OFFSET)]
    code.append((JUMP_EQUAL, names - len(code) - 1, 0, _loaded(link_event)))
    for kind in others:
        code.append((JUMP_EQUAL, accept - len(code) - 1, 0, _loaded(kind)))
    code += [
        (JUMP_EQUAL, 1, 0, _loaded(route_event)),
        (RETURN, 0, 0, NOTHING),
        (LOAD_BYTE_ABS, 0, 0, PREFIX_LENGTH_OFFSET),
        (JUMP_EQUAL, 14, 0, 0),  # a default route
        (RETURN, 0, 0, NOTHING),
    ]
    code += [
        (LOAD_X_IMMEDIATE, 0, 0, IFLA_IFNAME),
        (LOAD_IMMEDIATE, 0, 0, ATTRIBUTES_OFFSET),
        (LOAD_WORD_ABS, 0, 0, FIND_ATTRIBUTE),
        (JUMP_EQUAL, 9, 0, 0),  # nameless: let through
        (TO_X, 0, 0, 0),
        (LOAD_WORD_IND, 0, 0, 4),
        (AND, 0, 0, 0xFFFFFF00),
        (JUMP_EQUAL, 0, 5, name),
        # A new link's event has all bits of the change, a closed one's more than one.
        (LOAD_BYTE_ABS, 0, 0, CHANGE_OFFSET + LOWEST_BYTE),
        (JUMP_EQUAL, 0, 4, IFF_UP),
        (LOAD_BYTE_ABS, 0, 0, FLAGS_OFFSET + LOWEST_BYTE),
        (AND, 0, 0, IFF_UP),
        (JUMP_EQUAL, 0, 1, 0),
        (RETURN, 0, 0, ALL),
        (RETURN, 0, 0, NOTHING),
    ]
    return code


def short_messages() -> list[Instruction]:
    """Return a filter for messages about a single setting.

    A new link's event has all its settings, and each pod has a new link.
    """
    return [
        (LOAD_BYTE_ABS, 0, 0, LOWEST_BYTE),
        (JUMP_GREATER, 1, 0, SHORT_BYTES),
        (RETURN, 0, 0, ALL),
        (RETURN, 0, 0, NOTHING),
    ]


def _loaded(kind: int) -> int:
    """Return a 16-bit field as the filter reads it: in network order."""
    return int(socket.htons(kind))


def attach(sock: socket.socket, code: list[Instruction]) -> None:
    """Attach a filter to a socket, for messages received from now on."""
    packed = b"".join(struct.pack("=HBBI", *step) for step in code)
    buffer = ctypes.create_string_buffer(packed, len(packed))
    sock.setsockopt(
        socket.SOL_SOCKET,
        SO_ATTACH_FILTER,
        struct.pack("@HP", len(code), ctypes.addressof(buffer)),
    )
