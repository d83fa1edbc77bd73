"""The rtnetlink messages that put BPF programs at a link's clsact qdisc.  Pure.

Each hook has one filter of ours (``linux.lane.hooks`` says which links have clsact).
"""

import socket
import struct

from vcnd.netlink.listed import number, string
from vcnd.netlink.messages import (
    NLM_F_CREATE,
    NLM_F_EXCL,
    Message,
    attributes,
    fields,
    nested,
    text,
    u32,
)

RTM_NEWQDISC, RTM_DELQDISC, RTM_GETQDISC = 36, 37, 38
RTM_NEWTFILTER, RTM_DELTFILTER, RTM_GETTFILTER = 44, 45, 46
TCA_KIND, TCA_OPTIONS = 1, 2
TCA_BPF_FD, TCA_BPF_NAME, TCA_BPF_FLAGS, TCA_BPF_ID = 6, 7, 8, 11
ACT_DIRECT = 1
CLSACT, CLSACT_HANDLE = 0xFFFFFFF1, 0xFFFF0000
INGRESS, EGRESS = 0xFFFFFFF2, 0xFFFFFFF3
"""The hooks, as parents of filters."""
ETH_P_ALL = 3
PRIORITY = 0xC0D0
"""Of our filters: behind those of others, who begin at 1 or at 49152."""
HANDLE = 1
HEAD = struct.Struct("=BBHiIII")


def _tcmsg(link: int, handle: int = 0, parent: int = 0, info: int = 0) -> bytes:
    return HEAD.pack(socket.AF_UNSPEC, 0, 0, link, handle, parent, info)


def _info() -> int:
    return PRIORITY << 16 | socket.htons(ETH_P_ALL)


def new_clsact(link: int, *, exclusive: bool = False) -> Message:
    """Give a link the qdisc.

    A link that is up drops its packets for that moment, some hundred microseconds:
    the kernel takes its queue away and waits until nobody uses it.

    Args:
        link: the link's index.
        exclusive: whether the kernel is to refuse where it is there already.
    """
    body = _tcmsg(link, CLSACT_HANDLE, CLSACT) + text(TCA_KIND, "clsact")
    return RTM_NEWQDISC, NLM_F_CREATE | (NLM_F_EXCL if exclusive else 0), body


def get_clsact(link: int) -> Message:
    """Ask for a link's qdisc."""
    return RTM_GETQDISC, 0, _tcmsg(link, CLSACT_HANDLE, CLSACT)


def delete_clsact(link: int) -> Message:
    """Delete the qdisc with its filters; packets are lost as in ``new_clsact``."""
    body = _tcmsg(link, CLSACT_HANDLE, CLSACT) + text(TCA_KIND, "clsact")
    return RTM_DELQDISC, 0, body


def set_program(link: int, hook: int, program: int, name: str) -> Message:
    """Put a program at a hook, in the place of the one that is there.

    Args:
        link: the link's index.
        hook: ``INGRESS`` or ``EGRESS``.
        program: the program's descriptor.
        name: the filter's.
    """
    options = nested(
        TCA_OPTIONS,
        u32(TCA_BPF_FD, program),
        text(TCA_BPF_NAME, name),
        u32(TCA_BPF_FLAGS, ACT_DIRECT),
    )
    body = _tcmsg(link, HANDLE, hook, _info()) + text(TCA_KIND, "bpf") + options
    return RTM_NEWTFILTER, NLM_F_CREATE, body


def delete_program(link: int, hook: int) -> Message:
    """Remove our filter from a hook."""
    body = _tcmsg(link, HANDLE, hook, _info()) + text(TCA_KIND, "bpf")
    return RTM_DELTFILTER, 0, body


def list_programs(link: int, hook: int) -> tuple[int, bytes]:
    """Return the request for the filters of a hook: type and body."""
    return RTM_GETTFILTER, _tcmsg(link, 0, hook)


def filter_name(body: bytes) -> str | None:
    """Return the name of a BPF filter; nothing if it is another kind.

    None for an entry that is no filter: the kernel lists a chain before its filters.
    """
    parts = attributes(body[20:])
    _, _, _, _, handle, _, _ = fields(HEAD, body)
    if not handle or TCA_OPTIONS not in parts:
        return None
    return string(attributes(parts[TCA_OPTIONS]).get(TCA_BPF_NAME, b""))


def filter_program(body: bytes) -> int:
    """Return the number of a BPF filter's program; 0 if it is another kind."""
    options = attributes(attributes(body[20:]).get(TCA_OPTIONS, b""))
    return number(options.get(TCA_BPF_ID, b""))


def list_queues() -> tuple[int, bytes]:
    """Return the request for the queues of all links: type and body."""
    return RTM_GETQDISC, _tcmsg(0)


def queue(body: bytes) -> tuple[int, str]:
    """Return a queue's link and its kind."""
    _, _, _, link, _, _, _ = fields(HEAD, body)
    return link, string(attributes(body[20:]).get(TCA_KIND, b""))


def is_others_filter(body: bytes) -> bool:
    """Return True if a filter, or its chain, has another priority than ours."""
    *_, info = fields(HEAD, body)
    return bool(info >> 16 != PRIORITY)
