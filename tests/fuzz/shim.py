"""The plugin, compiled with traps where C leaves behaviour undefined, and its servers.

Each input starts it once, before a server in the same thread.
"""

import os
import socket
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

import trio
from rich.console import Console

from integration.build.cache import Cache
from integration.build.machines import Machine, here
from integration.build.plugin import plugin

TRAPS = ("-fsanitize=undefined,bounds-strict", "-fsanitize-undefined-trap-on-error")

Serve = Callable[[socket.socket, trio.Nursery], Awaitable[Any]]


_MACHINE = ContextVar[Machine]("machine")


@contextmanager
def of(machine: Machine) -> Iterator[None]:
    """Let the plugin be another machine's, run by its emulator."""
    token = _MACHINE.set(machine)
    try:
        yield
    finally:
        _MACHINE.reset(token)


@cache
def command(machine: Machine) -> list[str | Path]:
    """Return the command that starts the plugin; compile it if it is new."""
    program = plugin(Cache(Console(stderr=True)), *TRAPS, machine=machine)
    return [*machine.runs(), program]


def call(
    serve: Serve, environment: Mapping[bytes, bytes], stdin: bytes
) -> subprocess.CompletedProcess[bytes]:
    """Start the plugin before a server; return how it ended."""
    return trio.run(_call, serve, environment, stdin)


async def _call(
    serve: Serve, environment: Mapping[bytes, bytes], stdin: bytes
) -> subprocess.CompletedProcess[bytes]:
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener,
    ):
        path = f"{folder}/s"
        listener.settimeout(0.0)
        listener.bind(path)
        listener.listen(8)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve, listener, nursery)
            done = await trio.run_process(
                command(_MACHINE.get(here())),
                stdin=stdin,
                env={**_texts(environment), "VCND_SOCKET": path},
                capture_stdout=True,
                capture_stderr=True,
                check=False,
            )
            nursery.cancel_scope.cancel()
    return done


def _texts(environment: Mapping[bytes, bytes]) -> dict[str, str]:
    """Return variables as Python passes them on byte by byte."""
    return {os.fsdecode(k): os.fsdecode(v) for k, v in environment.items()}
