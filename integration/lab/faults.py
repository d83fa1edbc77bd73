"""Faults that operators meet, each planted in a lab while a block runs."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trio

from fakeoci.fabric import netns
from fakeoci.fabric.vcn import LINK_LOCAL
from integration.lab import outages, pods, small_disk
from integration.lab.cni_exec import CniError
from integration.lab.lab import Lab, running_lab, world_text
from integration.lab.node import Node
from integration.lab.pods import Pod

PATIENCE_SECONDS = 3.0
MOST_PODS = 30
POOL = {"batch": 2, "cooling_seconds": 0.2, "audit_seconds": 60.0}
MISSING_NSG = "ocid1.networksecuritygroup.oc1.iad.aaaamissing"
STATEMENTS = (
    "Allow any-user to {INSTANCE_INSPECT, INSTANCE_ATTACH_SECONDARY_VNIC,"
    " INSTANCE_DETACH_SECONDARY_VNIC, VNIC_ATTACHMENT_READ} in tenancy",
    "Allow any-user to use vnics in tenancy",
    "Allow any-user to use subnets in tenancy",
    "Allow any-user to use network-security-groups in tenancy",
)
"""All that a node needs but private-ips."""


@dataclass(kw_only=True)
class Scene:
    """A lab with a fault in it."""

    lab: Lab
    web: Pod | None
    """A pod that has run since before the fault; None: the fault was there first."""

    @property
    def node(self) -> Node:
        """Return the node."""
        return self.lab.nodes[0]


Plant = Callable[[Scene], AbstractAsyncContextManager[None]]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A fault, and in what world and configuration it is planted."""

    plant: Plant
    world: Callable[[str], str] = lambda text: text
    further: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    from_start: bool = False
    """True if it is there before the daemon starts, which then gets no address."""


@asynccontextmanager
async def nothing(_: Scene) -> AsyncIterator[None]:
    """Plant nothing: the world or the configuration has the fault."""
    yield


def refusing(**details: Any) -> Plant:
    """Return a fault in which OCI refuses calls.

    Args:
        details: of the fake's fault.
    """

    @asynccontextmanager
    async def plant(scene: Scene) -> AsyncIterator[None]:
        fault = {"kind": "before", "times": outages.ALL_TIMES, **details}
        await scene.lab.cloud.fault(**fault)
        try:
            yield
        finally:
            await scene.lab.cloud.clear_faults()

    return plant


@asynccontextmanager
async def imds_away(scene: Scene) -> AsyncIterator[None]:
    """Lose all packets to the metadata service."""
    with outages.silent(scene.node.name, LINK_LOCAL):
        yield


@asynccontextmanager
async def disk_full(scene: Scene) -> AsyncIterator[None]:
    """Fill the disk of the journal."""
    node = scene.node
    await node.stop()
    with small_disk.small_disk(node.state_directory):
        await node.start()
        filler = await trio.to_thread.run_sync(small_disk.fill, node.state_directory)
        await small_disk.use_what_is_left(node)
        yield
        filler.unlink()
        await node.stop()


@asynccontextmanager
async def vnic_detached(scene: Scene) -> AsyncIterator[None]:
    """Detach the pods' VNICs, as a person in the console does."""
    world, vnics = await scene.lab.cloud.world(), (await scene.node.status()).pod_vnics
    gone = {vnic.id for vnic in vnics}
    for attachment in world["VnicAttachment"]:
        if attachment["vnicId"] in gone:
            path = f"/vnicAttachments/{attachment['id']}"
            await scene.lab.cloud.call("DELETE", path)
    await scene.lab.cloud.settled()
    yield


@asynccontextmanager
async def api_server_away(scene: Scene) -> AsyncIterator[None]:
    """Let the daemon follow a Kubernetes whose API server does not answer."""
    node = scene.node
    kubeconfig = node.directory / "kubeconfig"
    kubeconfig.write_text(KUBECONFIG)
    await node.restart_with(
        kubernetes={"kubeconfig": str(kubeconfig), "node_name": node.name}
    )
    yield


KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: lab
contexts: [{name: lab, context: {cluster: lab, user: lab}}]
clusters: [{name: lab, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: lab, user: {token: none}}]
"""


@asynccontextmanager
async def rules_flushed(scene: Scene) -> AsyncIterator[None]:
    """Flush the daemon's nft table, as a firewall's reload does."""
    flush = "flush table inet vcnd\n"
    await trio.to_thread.run_sync(netns.nft, scene.node.name, flush)
    yield


@asynccontextmanager
async def mtu_wrong(scene: Scene) -> AsyncIterator[None]:
    """Change the MTU of a pod's link."""
    leases = (await scene.node.status()).leases
    link = next(x.host_ifname for x in leases if x.pod == "default/web")
    command = [f"link set {link} mtu 1400"]
    await trio.to_thread.run_sync(netns.ip, scene.node.name, command)
    yield


def small_subnet(text: str) -> str:
    """Return a world in which the pods' subnet has five addresses."""
    return text.replace('cidrs = ["10.1.0.0/20"]', 'cidrs = ["10.1.0.0/29"]')


def without_statement(text: str) -> str:
    """Return a world without the policy statement for private IPs."""
    quoted = ", ".join(f'"{s}"' for s in STATEMENTS)
    return f"policies = [{quoted}]\n{text}"


FAULTS = {
    "subnet full": Fault(plant=nothing, world=small_subnet),
    "NSG missing": Fault(
        plant=nothing, further={"oci": {"nsg_ids": [MISSING_NSG]}}, from_start=True
    ),
    "IMDS away": Fault(plant=imds_away, from_start=True),
    "429 storm": Fault(
        plant=refusing(operation="*", status=429, code="TooManyRequests"),
    ),
    "policy statement missing": Fault(
        plant=nothing, world=without_statement, from_start=True
    ),
    "disk full": Fault(plant=disk_full),
    "rules flushed": Fault(plant=rules_flushed),
    "VNIC detached": Fault(plant=vnic_detached),
    "API server away": Fault(plant=api_server_away),
    "MTU wrong": Fault(plant=mtu_wrong),
}


@asynccontextmanager
async def scene(fault: Fault, directory: Path) -> AsyncIterator[Scene]:
    """Run a node with a fault, and pods that meet it.

    Args:
        fault: the fault.
        directory: for the lab's files.
    """
    text = fault.world(world_text(nodes=1, seed=1, slow=False))
    further = {"cni": {"patience_seconds": PATIENCE_SECONDS}, **fault.further}
    async with running_lab(
        text, directory, nodes=["node1"], pool=POOL, further=further
    ) as lab:
        made = Scene(lab=lab, web=None)
        if not fault.from_start:
            await made.node.start()
            await made.node.until_warm(1)
            made.web = await pods.start(made.node, "web", lab.servers)
        async with fault.plant(made):
            if fault.from_start:
                await made.node.start()
            yield made


async def refused_pod(node: Node) -> str:
    """Add pods until one is refused; return its name."""
    for number in range(MOST_PODS):
        pod = await trio.to_thread.run_sync(pods.prepare, node, f"late{number}")
        try:
            await node.network().add(pod.attachment)
        except CniError:
            return pod.name
    raise RuntimeError(f"{node.name} served {MOST_PODS} pods")
