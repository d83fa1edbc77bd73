"""``vcnd-policy``: the entry of the process that keeps network policies in force."""

import os
import pwd
from collections.abc import Iterator
from contextlib import suppress

import trio

from vcnd import entry, policy_daemon
from vcnd.config import Config
from vcnd.systemd import Systemd, listening_sockets

DAEMON = "vcnd"
"""The daemon's user; see ``systemd/vcnd.service``."""


def main() -> None:
    """Keep network policies in force until SIGTERM or SIGINT; then leave them so."""
    entry.main("vcnd-policy", __doc__, _serve)


async def _serve(config: Config, *, systemd: Systemd, stop: trio.Event) -> int:
    return await policy_daemon.run(
        config,
        listeners=listening_sockets(systemd, config.policy.socket),
        systemd=systemd,
        allowed_uids=[*_callers()],
        stop=stop,
    )


def _callers() -> Iterator[int]:
    """Yield the users who may call: this one, and the daemon's if it has its own."""
    yield os.geteuid()
    with suppress(KeyError):
        yield pwd.getpwnam(DAEMON).pw_uid


if __name__ == "__main__":
    main()
