"""A node: a network namespace with the real daemon in it, started as systemd would."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import trio

import vcnd
from fakeoci.fabric import netns
from integration.lab.children import logged_lines
from integration.lab.cni_exec import NetworkList
from integration.lab.profile import Profile
from integration.lab.service import REPOSITORY, Service, start_as_systemd_does
from vcnd.model.status import NodeStatus

SHIM_DIRECTORY = Path(vcnd.__file__).parent / "_shim"


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


class Node(Service):
    """One node of the lab, and the daemon on it."""

    def __init__(
        self, name: str, directory: Path, config: NodeConfig, profile: Profile
    ) -> None:
        self.name, self.profile = name, profile
        self.directory = directory / name
        self._config = config
        self.directory.mkdir(parents=True)
        self.state_directory.mkdir()
        super().__init__(
            f"{name}: vcnd",
            node=name,
            directory=self.directory,
            socket_path=self.directory / "cni.sock",
            config_path=self.directory / "vcnd.toml",
            log_path=self.directory / "vcnd.log",
            launch=start_as_systemd_does,
        )
        self._write_config(config)
        profile.boot(name)
        profile.set_up_vcnd(name)

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

    async def until_warm(self, free: int, seconds: float = 90.0) -> None:
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
        lines = logged_lines(self.log_path)
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
