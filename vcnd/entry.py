"""What the entries of both processes have in common: arguments, log, signals, end."""

import argparse
import os
import signal
import sys
from collections.abc import Awaitable
from functools import partial
from pathlib import Path
from typing import Protocol

import trio

from vcnd import __version__, ending
from vcnd.config import Config
from vcnd.config_reading import ConfigError, load
from vcnd.config_text import render
from vcnd.log import log
from vcnd.model.errors import VcndError
from vcnd.systemd import Systemd

DEFAULT_CONFIG = Path("/etc/vcnd/vcnd.toml")


class Process(Protocol):
    """Serves."""

    def __call__(
        self, config: Config, *, systemd: Systemd, stop: trio.Event
    ) -> Awaitable[int]:
        """Serve until ``stop``; return the exit status."""


def main(name: str, description: str | None, process: Process) -> None:
    """Run a process until SIGTERM or SIGINT.

    Args:
        name: the program's.
        description: for its help.
        process: does the work.
    """
    parser = argparse.ArgumentParser(prog=name, description=description)
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG, metavar="FILE")
    parser.add_argument(
        "--print-config", action="store_true", help="print the effective configuration"
    )
    parser.add_argument("--version", action="version", version=f"{name} {__version__}")
    arguments = parser.parse_args()
    try:
        config = load(
            arguments.config,
            os.environ.get("VCND_NODE_NAME", ""),
            os.environ.get("VCND_POLICY_KUBECONFIG", ""),
        )
        if arguments.print_config:
            sys.stdout.write(render(config))
            return
        log.set_up(
            level=config.log.level,
            form=config.log.format,
            for_journal="JOURNAL_STREAM" in os.environ,
        )
    except ConfigError as error:
        sys.exit(f"{name}: {error}")
    refusals: list[str] = []
    status = 0
    try:
        status = trio.run(_to_the_end, partial(process, config))
    except* VcndError as group:
        # Foreseen, and final: an unusable journal, say.  In words, not as a trace;
        # and not from in here, where an exit would be wrapped in a group.
        refusals = [f"{name}: {error}" for error in _leaves(group)]
    finally:
        ending.go_on()
    if refusals:
        sys.exit("\n".join(refusals))
    sys.exit(status)


def _leaves(group: BaseExceptionGroup[VcndError]) -> list[str]:
    found: list[str] = []
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            found += _leaves(error)
        else:
            found.append(str(error))
    return found


async def _to_the_end(process: partial[Awaitable[int]]) -> int:
    """Let a process work; once it has ended, let the kernel see to its end."""
    try:
        return await _until_signal(process)
    finally:
        ending.end_within(ending.END_SECONDS)


async def _until_signal(process: partial[Awaitable[int]]) -> int:
    systemd = Systemd.from_environment(os.environ)
    stop = trio.Event()
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with trio.open_nursery() as nursery:

            async def wait_for_signal() -> None:
                async for _ in signals:
                    stop.set()

            nursery.start_soon(wait_for_signal)
            status = await process(systemd=systemd, stop=stop)
            nursery.cancel_scope.cancel()
    return status
