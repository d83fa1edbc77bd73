"""A service of ours with its socket: one life after another, as systemd has it."""

import os
import socket
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

import trio

from fakeoci.fabric import netns

REPOSITORY = Path(__file__).parents[2]
READY_SECONDS = 60.0
LIKE_SYSTEMD = [
    *("/bin/sh", "-c"),
    'export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@" 3<&0 </dev/null',
    "like-systemd",
]
"""The socket is descriptor 3, LISTEN_PID the daemon's own: exec keeps both."""
STOP_SECONDS = 60.0
LIKE_THE_IMAGE = """
import sys
sys.modules["h2"] = None  # fakeoci's; httpcore2 imports it where it is
from vcnd.__main__ import main
main()
"""
"""What /usr/bin/vcnd is; the image has no HTTP/2, and no PYTHON… of ours counts."""


def environment_of(unit: str) -> dict[str, str]:
    """Return the environment that a unit of ours gives to its process.

    Args:
        unit: its name, such as ``vcnd.service``.
    """
    lines = (REPOSITORY / "systemd" / unit).read_text().splitlines()
    given = [
        x.removeprefix("Environment=") for x in lines if x.startswith("Environment=")
    ]
    return dict(one.split("=", 1) for some in given for one in some.split())


LIKE_THE_UNIT = environment_of("vcnd.service")
READ_ONLY_SETTINGS = [
    *("/usr/bin/unshare", "--mount", "--propagation", "private", "/bin/sh", "-ec"),
    'mount --bind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys; exec "$@"',
    "read-only-settings",
]
"""Does what ProtectKernelTunables= does."""


class Daemon(Protocol):
    """A daemon's process, whoever started it."""

    @property
    def pid(self) -> int:
        """Return its process id."""

    async def wait(self) -> int:
        """Return its exit status when it has ended."""

    def kill(self) -> None:
        """End it by SIGKILL."""

    def terminate(self) -> None:
        """Ask it to end, by SIGTERM."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """What a daemon is started with."""

    netns: Path
    listener: socket.socket
    """Its socket, which it gets as systemd passes one."""
    config: Path
    log: BinaryIO
    notify: Path
    """Its NOTIFY_SOCKET."""
    read_only_settings: bool = False
    """Let it have /proc/sys as under the unit."""


async def start_as_systemd_does(start: Start) -> Daemon:
    """Start a daemon by executing Python."""
    command = [
        *LIKE_SYSTEMD,
        *("/usr/bin/nsenter", f"--net={start.netns}"),
        *(READ_ONLY_SETTINGS if start.read_only_settings else []),
        *(sys.executable, "-I", "-c", LIKE_THE_IMAGE),
        *("--config", str(start.config)),
    ]
    return await trio.lowlevel.open_process(
        command,
        stdin=start.listener,
        stdout=start.log,
        stderr=start.log,
        env={**os.environ, **LIKE_THE_UNIT, "NOTIFY_SOCKET": str(start.notify)},
        process_group=0,  # Ctrl-C is for the lab, which ends it in its turn
    )


async def until_ready(process: Daemon, notify: trio.socket.SocketType) -> bool:
    """Wait for READY=1; return False if the process ends first or takes too long."""
    ready = False
    with trio.move_on_after(READY_SECONDS):
        async with trio.open_nursery() as race:

            async def wait_for_end() -> None:
                await process.wait()
                race.cancel_scope.cancel()

            race.start_soon(wait_for_end)
            while b"READY=1" not in await notify.recv(1024):
                pass
            ready = True
            race.cancel_scope.cancel()
    return ready


class Service:
    """A service, and the process of it that runs, if one does."""

    def __init__(
        self,
        name: str,
        *,
        node: str,
        directory: Path,
        socket_path: Path,
        config_path: Path,
        log_path: Path,
        launch: Callable[[Start], Awaitable[Daemon]],
    ) -> None:
        """Bind its socket, as the socket unit does: that outlives each process.

        Args:
            name: for errors.
            node: the name of the node's network namespace.
            directory: may have a socket for its notices.
            socket_path: of its socket.
            config_path: its configuration, which is read at each start.
            log_path: what it logs is added here.
            launch: starts a process.
        """
        self.launch = launch
        self.socket_path, self.config_path = socket_path, config_path
        self.log_path = log_path
        self._service, self._netns = name, netns.DIRECTORY / node
        self._notify_path = directory / f"{socket_path.stem}-notify.sock"
        self._process: Daemon | None = None
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(socket_path))
        self._listener.listen(1024)

    @property
    def runs(self) -> bool:
        """Return True if a process was started, and its end was not awaited."""
        return self._process is not None

    @property
    def pid(self) -> int:
        """Return the process id."""
        if self._process is None:
            raise RuntimeError(f"{self._service} does not run")
        return self._process.pid

    async def start(self, *, read_only_settings: bool = False) -> None:
        """Start a process with the socket passed; return at READY=1.

        Args:
            read_only_settings: let it have /proc/sys as under the unit.

        Raises:
            RuntimeError: it has ended, or takes too long; it does not run then.
        """
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as plain:
            plain.bind(str(self._notify_path))
            try:
                with self.log_path.open("ab") as log:
                    start = Start(
                        netns=self._netns,
                        listener=self._listener,
                        config=self.config_path,
                        log=log,
                        notify=self._notify_path,
                        read_only_settings=read_only_settings,
                    )
                    self._process = await self.launch(start)
                notify = trio.socket.from_stdlib_socket(plain)
                ready = await until_ready(self._process, notify)
            finally:
                self._notify_path.unlink()
        if not ready:
            await self.kill()
            text = self.log_path.read_text()
            raise RuntimeError(f"{self._service} is not ready:\n{text}")

    async def kill(self) -> None:
        """Kill the process by SIGKILL, if one runs."""
        if self._process is not None:
            self._process.kill()
            await self.ended()

    async def stop(self) -> None:
        """Stop the process as systemd does."""
        if self._process is None:
            return
        self._process.terminate()
        with trio.move_on_after(STOP_SECONDS):
            code = await self.ended()
            if code:
                text = self.log_path.read_text()
                raise RuntimeError(f"{self._service} ended with {code}:\n{text}")
            return
        await self.kill()
        raise RuntimeError(f"{self._service} did not stop within {STOP_SECONDS} s")

    async def ended(self) -> int:
        """Return the exit status of the process when it has ended; 0 if none runs."""
        code = 0
        if self._process is not None:
            code = await self._process.wait()
            self._process = None
        return code

    def close(self) -> None:
        """Close the socket and remove it, as the socket unit does."""
        self._listener.close()
        self.socket_path.unlink(missing_ok=True)
