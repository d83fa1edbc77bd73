"""Image profiles: a node's boot settings and firewall, as its image has them.

The files, and where they come from, are in ``integration/lab/images``.
"""

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import trio

from fakeoci.fabric import netns
from integration.lab import sysctls
from vcnd.netlink.messages import (
    NETLINK_ADD_MEMBERSHIP,
    SOL_NETLINK,
    attributes,
    messages,
)
from vcnd.netlink.rtnetlink import IFLA_IFNAME, RTM_DELLINK, RTM_NEWLINK

IMAGES = Path(__file__).parent / "images"
VCND_SETTINGS = Path(__file__).parents[2] / "systemd" / "90-vcnd.conf"
NAMES = ("oracle-linux", "ubuntu", "plain")
DEFAULT = "oracle-linux"
"""The strictest of real nodes: strict filters on each new link, and firewalld, which
checks IPv6 too and rejects forwarded packets."""
RTNLGRP_LINK = 1
RECEIVE_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Profile:
    """One image."""

    name: str = DEFAULT

    @property
    def files(self) -> list[Path]:
        """Return the image's files of settings."""
        return sorted((IMAGES / self.name).glob("sysctl.d/*.conf"))

    @property
    def firewall(self) -> str:
        """Return the image's firewall as a script for nft; empty if it has none."""
        files = sorted((IMAGES / self.name).glob("*.nft"))
        return "".join(file.read_text() for file in files)

    def boot(self, node: str) -> None:
        """Set a namespace up as the image is after its boot, without vcnd."""
        settings = sysctls.read([IMAGES / "kernel.conf"])
        netns.inside(node, lambda: sysctls.write(settings))
        settings = sysctls.read(self.files)
        netns.inside(node, lambda: sysctls.write(settings))
        self.load_firewall(node)

    def set_up_vcnd(self, node: str) -> None:
        """Make vcnd's own settings, as the socket unit's ExecStartPre does."""
        settings = sysctls.read([VCND_SETTINGS])
        netns.inside(node, lambda: sysctls.write(settings))

    def load_firewall(self, node: str) -> None:
        """Load the firewall, as its service does when it starts or reloads."""
        if self.firewall:
            netns.nft(node, self.firewall)

    def sysctl_system(self, node: str) -> None:
        """Do what ``sysctl --system`` does, which package upgrades run."""
        settings = sysctls.read([*self.files, VCND_SETTINGS])
        netns.inside(node, lambda: sysctls.write(settings))

    async def treat_new_links(
        self,
        node: str,
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Apply the patterns to links that appear, as systemd's 99-systemd.rules does.

        Milliseconds after the link was made: this overwrites what its maker had set.
        """
        settings = sysctls.read(self.files)
        with netns.inside(node, _link_events) as events:
            known = dict(netns.inside(node, socket.if_nameindex))
            task_status.started()
            while True:
                await trio.lowlevel.wait_readable(events)
                for name in _new_links(events.recv(RECEIVE_BYTES), known):
                    below = tuple(
                        f"net/{family}/{kind}/{name}/"
                        for family in ("ipv4", "ipv6")
                        for kind in ("conf", "neigh")
                    )
                    netns.inside(node, partial(_write_if_there, settings, below))


def _write_if_there(settings: dict[str, str | None], below: tuple[str, ...]) -> None:
    try:
        sysctls.write(settings, below=below)
    except OSError:
        return  # the link went meanwhile


def _link_events() -> socket.socket:
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    sock.bind((0, 0))
    sock.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, RTNLGRP_LINK)
    return sock


def _new_links(data: bytes, known: dict[int, str]) -> Iterator[str]:
    """Yield the names of links at their first event."""
    for kind, _, body in messages(data):
        (index,) = struct.unpack_from("=i", body, 4)
        if kind == RTM_DELLINK:
            known.pop(index, None)
        elif kind == RTM_NEWLINK:
            name = attributes(body[16:]).get(IFLA_IFNAME, b"").rstrip(b"\0").decode()
            # A link's first event, and those of links that were there at boot.
            if known.get(index) != name:
                known[index] = name
                yield name
