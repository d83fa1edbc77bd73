"""What others have on a node: tables of rules, and BPF programs at links."""

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import closing, contextmanager

from fakeoci.fabric import netns
from vcnd.bpf import programs, tcx
from vcnd.bpf.tcx import Hook
from vcnd.linux.lane.hooks import PARENTS, ClsactHooks, Hooks, TcxHooks
from vcnd.netlink import traffic_control
from vcnd.netlink.messages import NetlinkSocket

PRIORITY = 5
"""Their filters have it, which is before ours."""
PASS_ON, DROP = -1, 2
"""What a program of theirs may do with each packet."""


@contextmanager
def table(namespace: str, name: str, *parts: str) -> Iterator[None]:
    """Keep a table of rules in a namespace while the body runs.

    Args:
        namespace: the namespace's name.
        name: the table's family and name.
        parts: the chains and sets of the table.
    """
    body = "\n".join(parts)
    netns.nft(namespace, f"table {name} {{\n{body}\n}}\n")
    try:
        yield
    finally:
        netns.nft(namespace, f"delete table {name}\n")


def chain(hook: str, *rules: str) -> str:
    """Return a table's chain.

    Args:
        hook: its type, hook and priority.
        rules: its rules.
    """
    return "\n".join((f"chain {hook.split()[2]} {{ type {hook};", *rules, "}"))


def attach(link: int, hook: Hook, does: int, way: type[Hooks]) -> None:
    """Attach a program, named "other", to a link of this thread's namespace.

    Args:
        link: the link's index.
        hook: the hook.
        does: what the program does with each packet: ``PASS_ON`` or ``DROP``.
        way: tcx, or a filter of the clsact qdisc.
    """
    steps = struct.pack("=BBhiBBhi", 0xB7, 0, 0, does, 0x95, 0, 0, 0)
    program = programs.load("other", steps)
    if way is TcxHooks:
        tcx.attach(link, hook, program)
    else:
        give_clsact(link)
        kind, flags, body = traffic_control.set_program(
            link, PARENTS[hook], program, "other"
        )
        info = struct.pack("=I", PRIORITY << 16 | socket.htons(3))
        with NetlinkSocket(socket.NETLINK_ROUTE) as route:
            route.request("filter", kind, flags, body[:16] + info + body[20:])
    os.close(program)


def give_clsact(link: int) -> None:
    """Give a link of this thread's namespace the clsact qdisc, if it has none."""
    with NetlinkSocket(socket.NETLINK_ROUTE) as route, closing(ClsactHooks()) as hooks:
        if not hooks.is_at(link):
            route.request("qdisc", *traffic_control.new_clsact(link))
