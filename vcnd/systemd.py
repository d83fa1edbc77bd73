"""systemd's two small protocols: passed sockets and notifications.

Sources: sd_listen_fds(3), sd_notify(3).
"""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Never

import msgspec
import trio

FIRST_DESCRIPTOR = 3


class Systemd(msgspec.Struct, frozen=True, kw_only=True):
    """What the service manager passed to this process."""

    listeners: tuple[int, ...] = ()
    notify_socket: str = ""
    watchdog_seconds: float = 0.0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Systemd":
        """Read LISTEN_*, NOTIFY_SOCKET and WATCHDOG_USEC."""
        count = 0
        if environment.get("LISTEN_PID") == str(os.getpid()):
            count = int(environment.get("LISTEN_FDS", "0"))
        return cls(
            listeners=tuple(range(FIRST_DESCRIPTOR, FIRST_DESCRIPTOR + count)),
            notify_socket=environment.get("NOTIFY_SOCKET", ""),
            watchdog_seconds=int(environment.get("WATCHDOG_USEC", "0")) / 1e6,
        )

    def notify(self, state: str) -> None:
        """Tell the manager a state; do nothing if there is no manager."""
        if not self.notify_socket:
            return
        address = self.notify_socket
        if address.startswith("@"):
            address = "\0" + address[1:]
        # A manager that restarts does not listen; the daemon goes on.
        with (
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock,
            suppress(OSError),
        ):
            sock.sendto(state.encode(), address)

    async def feed_watchdog(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> Never:
        """Tell the manager that the loop runs, at twice the rate that it asks for."""
        task_status.started()
        while True:
            if self.watchdog_seconds:
                self.notify("WATCHDOG=1")
                await trio.sleep(self.watchdog_seconds / 2)
            else:
                await trio.sleep_forever()


def listening_sockets(systemd: Systemd, path: str) -> list[socket.socket]:
    """Return the passed sockets, or one bound to the path for a start by hand.

    None of them blocks.
    """
    passed = [socket.socket(fileno=fd) for fd in systemd.listeners]
    listeners = passed or [_bound(path)]
    for listener in listeners:
        listener.settimeout(0.0)
    return listeners


def _bound(path: str) -> socket.socket:
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    if os.path.exists(path):
        os.unlink(path)
    before = os.umask(0o177)
    try:
        sock.bind(path)
    finally:
        os.umask(before)
    sock.listen(512)
    return sock
