"""A node: a network namespace with the real daemon in it, started as systemd would."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import httpx2
import msgspec
import trio

import vcnd
from fakeoci.fabric import netns
from integration.lab.cni_exec import NetworkList
from integration.lab.profile import Profile
from vcnd.model.status import NodeStatus

REPOSITORY = Path(__file__).parents[2]
SHIM_DIRECTORY = Path(vcnd.__file__).parent / "_shim"
READY_SECONDS = 20.0
LIKE_SYSTEMD = [
    *("/bin/sh", "-c"),
    'export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@" 3<&0 </dev/null',
    "like-systemd",
]
"""The socket is descriptor 3, LISTEN_PID the daemon's own: exec keeps both."""
STOP_SECONDS = 10.0
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


@dataclass(frozen=True, kw_only=True)
class NodeConfig:
    """The configuration of a node's daemon."""

    subnet_id: str
    nsg_ids: list[str]
    pool: dict[str, Any]
    services: str
    metadata: str
    families: tuple[str, ...] = ("IPv4",)
    allow: list[dict[str, Any]] = field(default_factory=list)
    """What pods may request (``[[allow]]``)."""
    express: bool = True
    """Whether established connections may take the express lane."""
    further: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """More settings, by section; they replace those above."""


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


class Node:
    """One node of the lab."""

    def __init__(
        self, name: str, directory: Path, config: NodeConfig, profile: Profile
    ) -> None:
        self.name = name
        self.profile = profile
        self.directory = directory / name
        self.socket_path = self.directory / "cni.sock"
        self.log_path = self.directory / "vcnd.log"
        self.config_path = self.directory / "vcnd.toml"
        self.launch: Callable[[Start], Awaitable[Daemon]] = start_as_systemd_does
        self._config = config
        self._process: Daemon | None = None
        self.directory.mkdir(parents=True)
        self.state_directory.mkdir()
        self._write_config(config)
        profile.boot(name)
        profile.set_up_vcnd(name)
        # The socket unit's part: it outlives the daemon.
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(self.socket_path))
        self._listener.listen(1024)

    @property
    def state_directory(self) -> Path:
        """Return where the daemon keeps its journal."""
        return self.directory / "state"

    def _write_config(self, config: NodeConfig) -> None:
        sections: dict[str, Mapping[str, Any]] = {
            "oci": {
                "subnet_id": config.subnet_id,
                "nsg_ids": config.nsg_ids,
                "cluster": "lab",
                "ip_families": list(config.families),
                "endpoint": config.services,
                "federation_endpoint": config.services,
                "metadata_url": config.metadata,
            },
            "pool": config.pool,
            "node": {
                "state_directory": str(self.state_directory),
                "express": config.express,
            },
            "log": {"format": "json"},
        }
        for name, more in config.further.items():
            sections[name] = {**sections.get(name, {}), **more}
        tables = [(f"[{name}]", values) for name, values in sections.items()]
        tables += [("[[allow]]", values) for values in config.allow]
        lines: list[str] = []
        for header, values in tables:
            lines.append(header)
            lines += [f"{k} = {json.dumps(v)}" for k, v in values.items()]
        self.config_path.write_text("\n".join(lines) + "\n")

    async def restart_with(self, **further: Mapping[str, Any]) -> None:
        """Start the daemon anew with these settings, by section, beside its own."""
        await self.stop()
        all_further = {**self._config.further, **further}
        self._write_config(replace(self._config, further=all_further))
        await self.start()

    @property
    def runs(self) -> bool:
        """Return True if a daemon was started, and its end was not awaited."""
        return self._process is not None

    @property
    def pid(self) -> int:
        """Return the daemon's process id."""
        if self._process is None:
            raise RuntimeError(f"{self.name}: no daemon runs")
        return self._process.pid

    async def start(self, *, read_only_settings: bool = False) -> None:
        """Start the daemon with its socket passed; return at READY=1.

        Args:
            read_only_settings: let it have /proc/sys as under the unit.
        """
        notify_path = self.directory / "notify.sock"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as plain:
            plain.bind(str(notify_path))
            notify = trio.socket.from_stdlib_socket(plain)
            with self.log_path.open("ab") as log:
                start = Start(
                    netns=netns.DIRECTORY / self.name,
                    listener=self._listener,
                    config=self.config_path,
                    log=log,
                    notify=notify_path,
                    read_only_settings=read_only_settings,
                )
                self._process = await self.launch(start)
            ready = await until_ready(self._process, notify)
        notify_path.unlink()
        if not ready:
            self._process.kill()
            await self.ended()
            text = self.log_path.read_text()
            raise RuntimeError(f"{self.name} is not ready:\n{text}")

    async def kill(self) -> None:
        """Kill the daemon by SIGKILL, if one runs."""
        if self._process is not None:
            self._process.kill()
            await self.ended()

    async def stop(self) -> None:
        """Stop the daemon as systemd does."""
        if self._process is None:
            return
        self._process.terminate()
        with trio.move_on_after(STOP_SECONDS):
            code = await self.ended()
            if code:
                text = self.log_path.read_text()
                raise RuntimeError(f"{self.name}: vcnd ended with {code}:\n{text}")
            return
        await self.kill()
        raise RuntimeError(f"{self.name}: vcnd did not stop within {STOP_SECONDS} s")

    async def ended(self) -> int:
        """Return the daemon's exit status when it has ended; 0 if none runs."""
        code = 0
        if self._process is not None:
            code = await self._process.wait()
            self._process = None
        return code

    def close(self) -> None:
        """Close the node's socket and remove it, as the socket unit does."""
        self._listener.close()
        self.socket_path.unlink(missing_ok=True)

    async def ctl(self, *arguments: str) -> str:
        """Return the output of vcndctl."""
        command = [sys.executable, "-m", "vcnd.ctl", "--socket", str(self.socket_path)]
        done = await trio.run_process(
            [*command, *arguments],
            capture_stdout=True,
            stderr=subprocess.STDOUT,
            check=False,
        )
        output = done.stdout.decode()
        if done.returncode:
            raise RuntimeError(f"{self.name}: vcndctl {' '.join(arguments)}: {output}")
        return output

    async def status(self) -> NodeStatus:
        """Return ``vcndctl status --json``."""
        return msgspec.json.decode(await self.ctl("status", "--json"), type=NodeStatus)

    async def until_warm(self, free: int, seconds: float = 40.0) -> None:
        """Return when a number of addresses is free."""
        held: NodeStatus | None = None
        with trio.move_on_after(seconds):
            while held is None or held.pool.free < free:
                await trio.sleep(0.2)
                held = await self.status()
            return
        raise RuntimeError(f"{self.name} did not get {free} addresses: {held}")

    async def instance_key(self) -> str:
        """Return the key of the node's instance principal, as its IMDS has it."""

        def fetch() -> str:
            response = httpx2.get(
                f"{self._config.metadata}/identity/key.pem",
                headers={"Authorization": "Bearer Oracle"},
            )
            return response.raise_for_status().text

        return await trio.to_thread.run_sync(netns.inside, self.name, fetch)

    def log_events(self) -> list[dict[str, Any]]:
        """Return the daemon's log lines."""
        lines = self.log_path.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def network(
        self, conflist: Path = REPOSITORY / "cni" / "10-vcnd.conflist"
    ) -> NetworkList:
        """Return the node's CNI network, with the plugins that are on this machine."""
        network = json.loads(conflist.read_text())
        path = f"{SHIM_DIRECTORY}:/usr/lib/cni:/opt/cni/bin"
        there = [
            p
            for p in network["plugins"]
            if any((Path(d) / p["type"]).exists() for d in path.split(":"))
        ]
        return NetworkList(
            configuration={**network, "plugins": there},
            node_netns=self.name,
            path=path,
            environment={"VCND_SOCKET": str(self.socket_path)},
        )
