"""``vcnd``: the daemon's entry."""

import os

import trio

from vcnd import daemon, entry
from vcnd.config import Config
from vcnd.systemd import Systemd, listening_sockets


def main() -> None:
    """Run the daemon until SIGTERM or SIGINT."""
    entry.main("vcnd", __doc__, _serve)


async def _serve(config: Config, *, systemd: Systemd, stop: trio.Event) -> int:
    await daemon.run(
        config,
        listeners=listening_sockets(systemd, config.cni.socket),
        systemd=systemd,
        allowed_uid=os.geteuid(),
        stop=stop,
    )
    return 0


if __name__ == "__main__":
    main()
