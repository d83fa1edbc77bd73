"""``vcnd-install``: put vcnd on the node and keep it there, or take it away."""

import argparse
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import trio

from vcnd.install.host import Host, InstallError
from vcnd.install.keeper import Keeper
from vcnd.install.removal import uninstall
from vcnd.log import log

GONE_FILE = "/run/vcnd-install.gone"
"""The readiness probe of the uninstaller looks for it."""


def main() -> None:
    """Run one of the verbs."""
    parser = argparse.ArgumentParser(prog="vcnd-install", description=__doc__)
    parser.add_argument("verb", choices=["run", "uninstall"])
    parser.add_argument(
        "--host", type=Path, default=Path("/host"), help="where the node's root is"
    )
    parser.add_argument(
        "--config", type=Path, default=Path("/config/vcnd.toml"), metavar="FILE"
    )
    parser.add_argument(
        "--force", action="store_true", help="uninstall though pods hold addresses"
    )
    arguments = parser.parse_args()
    log.set_up(level="info", form="logfmt", for_journal=False)
    host = Host(arguments.host)
    node_name = os.environ.get("NODE_NAME", "")
    if not node_name:
        sys.exit("vcnd-install: NODE_NAME is not set: the node's name in Kubernetes")
    if arguments.verb == "run":
        keeper = Keeper(
            host,
            node_name=node_name,
            configuration=arguments.config,
            api_server=os.environ.get("VCND_API_SERVER", ""),
        )
        refusal = trio.run(_until_signal, keeper.run)
    else:

        async def remove_and_stay() -> None:
            await trio.to_thread.run_sync(
                lambda: uninstall(host, force=arguments.force)
            )
            await trio.Path(GONE_FILE).touch()
            await trio.sleep_forever()  # a DaemonSet's pod that ends is started again

        refusal = trio.run(_until_signal, remove_and_stay)
    if refusal:
        sys.exit(f"vcnd-install: {refusal}")


async def _until_signal(work: Callable[[], Awaitable[None]]) -> str:
    refusal = ""
    async with trio.open_nursery() as nursery:

        async def stop_on_signal() -> None:
            with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
                async for _ in signals:
                    nursery.cancel_scope.cancel()

        nursery.start_soon(stop_on_signal)
        try:
            await work()
        except InstallError as error:
            refusal = str(error)
        nursery.cancel_scope.cancel()
    return refusal


if __name__ == "__main__":
    main()
