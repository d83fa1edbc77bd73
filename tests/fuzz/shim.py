"""The plugin, compiled with traps where C leaves behaviour undefined, and its servers.

Each input starts it once, before a server in the same thread.
"""

import importlib.util
import os
import socket
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import trio
from rich.console import Console

from integration.build.c import compiled
from integration.build.cache import Cache

ROOT = Path(__file__).parents[2]
TRAPS = ("-fsanitize=undefined,bounds-strict", "-fsanitize-undefined-trap-on-error")

Serve = Callable[[socket.socket, trio.Nursery], Awaitable[Any]]


@cache
def program() -> Path:
    """Return the plugin; compile it if it is new."""
    path = ROOT / "cni" / "build_hook.py"
    spec = importlib.util.spec_from_file_location("build_hook", path)
    assert spec is not None
    assert spec.loader is not None
    hook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hook)
    source = ROOT / "cni" / "vcnd-cni.c"
    return compiled(Cache(Console(stderr=True)), source, *hook.SHIM_FLAGS, *TRAPS)


def call(
    serve: Serve, environment: Mapping[bytes, bytes], stdin: bytes
) -> subprocess.CompletedProcess[bytes]:
    """Start the plugin before a server; return how it ended."""
    return trio.run(_call, serve, environment, stdin)


async def _call(
    serve: Serve, environment: Mapping[bytes, bytes], stdin: bytes
) -> subprocess.CompletedProcess[bytes]:
    with (
        tempfile.TemporaryDirectory(dir="/dev/shm") as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener,
    ):
        path = f"{folder}/s"
        listener.settimeout(0.0)
        listener.bind(path)
        listener.listen(8)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve, listener, nursery)
            done = await trio.run_process(
                [program()],
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
