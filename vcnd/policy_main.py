"""``vcnd-policy``: the entry of the process that keeps network policies in force."""

import os

import trio

from vcnd import entry, policy_daemon
from vcnd.config import Config
from vcnd.systemd import Systemd, listening_sockets


def main() -> None:
    """Keep network policies in force until SIGTERM or SIGINT; then leave them so."""
    entry.main("vcnd-policy", __doc__, _serve)


async def _serve(config: Config, *, systemd: Systemd, stop: trio.Event) -> None:
    await policy_daemon.run(
        config,
        listeners=listening_sockets(systemd, config.policy.socket),
        systemd=systemd,
        allowed_uid=os.geteuid(),
        stop=stop,
    )


if __name__ == "__main__":
    main()
