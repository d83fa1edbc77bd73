"""The whole lab: the cloud, the nodes, and hosts outside the VCN."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trio

from fakeoci.fabric import netns
from fakeoci.fabric.vcn import LINK_LOCAL, LINK_LOCAL_V6, SERVICES
from fakeoci.world import worldfile
from integration import leaks
from integration.cloudview import named
from integration.lab import traffic
from integration.lab.cloud import Cloud, running_cloud
from integration.lab.node import Node, NodeConfig
from integration.lab.profile import Profile

ONPREM, PEER, INTERNET = "onprem-office", "peer-host", "internet"
POOL = {"batch": 12, "cooling_seconds": 2.0, "audit_seconds": 30.0}


@dataclass(kw_only=True)
class Lab:
    """A running lab."""

    cloud: Cloud
    nodes: list[Node]
    servers: trio.Nursery
    directory: Path
    addresses: dict[str, str] = field(default_factory=dict)
    """Namespace of a host that is no pod → its address."""


def world_text(
    *,
    nodes: int,
    seed: int,
    few_addresses: int | None = None,
    slow: bool = True,
    name: str = "default",
) -> str:
    """Return a bundled world with a number of nodes.

    Args:
        nodes: how many nodes.
        seed: seed of all made-up names.
        few_addresses: the number of objects that the last node's VNICs take.
        name: the bundled world.
        slow: keep the default world's durations; else they are very short.
    """
    text = worldfile.bundled(name)
    values: dict[str, float] = {"seed": seed}
    if not slow:
        values |= {"attach_seconds": 0.1, "detach_seconds": 0.1, "bulk_seconds": 0.05}
    for key, value in values.items():
        text = re.sub(rf"(?m)^{key} = [\d.]+", f"{key} = {value}", text, count=1)
    if few_addresses is None:
        return re.sub(r"(?m)^count = \d+$", f"count = {nodes}", text, count=1)
    text = re.sub(r"(?m)^count = \d+$", f"count = {nodes - 1}", text, count=1)
    return text + (
        f'\n[[instances]]\nname = "node{nodes}"\nsubnet = "nodes"\nocpus = 8.0\n'
        f"private_ips_per_vnic = {few_addresses}\n"
    )


def _imds(families: tuple[str, ...]) -> str:
    """Return the host of the metadata service: the IPv6 one if nodes have IPv6."""
    return f"[{LINK_LOCAL_V6}]" if "IPv6" in families else LINK_LOCAL


def _hosts(nodes: set[str]) -> list[str]:
    """Return the namespaces of hosts that are neither nodes nor routers."""
    names = netns.names() - nodes
    return sorted(n for n in names if not n.startswith("vcn-"))


@asynccontextmanager
async def _clean_namespaces() -> AsyncIterator[None]:
    """Remove the pods' namespaces that a run did not, when all else has ended."""
    before = netns.names()
    try:
        yield
    finally:
        for name in netns.names() - before:
            netns.remove(name)


@asynccontextmanager
async def _no_secret_written(
    directory: Path, secrets: Mapping[str, str]
) -> AsyncIterator[None]:
    """Search all that was written, if the run itself has found no fault (I12).

    Args:
        directory: where daemons and servers write.
        secrets: those of the run, by name; they may be added later.
    """
    yield
    await trio.to_thread.run_sync(leaks.refuse, directory, leaks.known(secrets))


@asynccontextmanager
async def running_lab(
    text: str,
    directory: Path,
    *,
    nodes: list[str],
    pool: dict[str, Any] | None = None,
    pod_subnet: str = "pods",
    pod_nsgs: tuple[str, ...] = ("pods",),
    allow: list[dict[str, Any]] | None = None,
    families: tuple[str, ...] = ("IPv4",),
    profile: Profile | None = None,
    express: bool = True,
    further: Mapping[str, Mapping[str, Any]] | None = None,
    console_socket: int | None = None,
) -> AsyncIterator[Lab]:
    """Run a world with named nodes; their daemons are not started.

    Raises:
        LeakError: at the end, one of them has written a secret.
    """
    secrets = dict[str, str]()
    world_file = directory / "world.toml"
    world_file.write_text(text)
    async with (
        _no_secret_written(directory, secrets),
        _clean_namespaces(),
        running_cloud(world_file, directory / "fakeoci.log", console_socket) as cloud,
    ):
        world = await cloud.world()
        config = NodeConfig(
            subnet_id=named(world, "Subnet", pod_subnet)["id"],
            nsg_ids=[named(world, "Nsg", n)["id"] for n in pod_nsgs],
            pool=pool or POOL,
            services=f"http://{SERVICES}",
            metadata=f"http://{_imds(families)}/opc/v2",
            families=families,
            allow=allow or [],
            express=express,
            further=further or {},
        )
        image = profile or Profile()
        made = [Node(name, directory, config, image) for name in nodes]
        async with trio.open_nursery() as servers:
            for node in made:
                await servers.start(image.treat_new_links, node.name)
            secrets |= {"the operator's key": cloud.private_key()}
            for node in made:
                secrets[f"{node.name}'s key"] = await node.instance_key()
            lab = Lab(cloud=cloud, nodes=made, servers=servers, directory=directory)
            lab.addresses = {ONPREM: "172.16.0.10", INTERNET: "198.51.100.80"}
            for vnic in world["Vnic"]:
                if vnic["isPrimary"]:
                    lab.addresses[vnic["displayName"]] = vnic["privateIp"]
            for host in await trio.to_thread.run_sync(_hosts, set(nodes)):
                await servers.start(traffic.serve, host, traffic.SERVICE_PORT)
            try:
                yield lab
            finally:
                with trio.CancelScope(shield=True):
                    for node in made:
                        await node.stop()
                        node.close()
            servers.cancel_scope.cancel()
