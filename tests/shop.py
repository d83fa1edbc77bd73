"""A world where pods of namespace ``shop`` may request everything."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fakeoci.world.resources import Nsg, PrivateIp, Subnet, Vnic
from sim.cluster import MemoryCluster
from sim.world import World, key, settings, until_warm, world
from vcnd.config import AllowSection
from vcnd.model.sandbox import Lease, PodRef
from vcnd.node import Node

EVERYTHING = AllowSection(
    namespace="shop", subnet_ids=["*"], nsg_ids=["*"], fixed_addresses=True
)


def shop(changes: dict[str, str] | None = None, *, nodes: int = 1) -> World:
    return world(changes, bundled="two-classes", nodes=nodes)


def ids(w: World) -> tuple[str, str]:
    """Return the second subnet and the second NSG."""
    cloud = w.service.world
    return cloud.named(Subnet, "shop").id, cloud.named(Nsg, "blocked-port").id


ONE = {"ocpus = 4.0": "ocpus = 2.0"}
"""The shape takes one VNIC for pods."""
TWO = {"ocpus = 4.0": "ocpus = 3.0"}
FEW = {"ocpus = 4.0": "ocpus = 3.0\nprivate_ips_per_vnic = 3"}
"""The shape takes two VNICs for pods, with three addresses each."""


def pod(name: str) -> PodRef:
    return PodRef(namespace="shop", name=name, uid=name)


def bind(cluster: MemoryCluster, **pods: dict[str, str]) -> None:
    """Bind pods with these annotations to the node."""
    for name, annotations in pods.items():
        cluster.annotations_of[name] = annotations
        cluster.bound[name] = pod(name)
    cluster.change()


async def add(node: Node, number: int, annotations: dict[str, str]) -> Lease:
    lease, _ = await node.attacher.add(
        key(number), pod(f"pod{number}"), 100 + number, annotations
    )
    return lease


def vnic_of(w: World, lease: Lease) -> Vnic:
    return w.service.world.get(Vnic, w.secondary()[lease.address].vnic_id or "")


def reserved(w: World) -> list[PrivateIp]:
    return [p for p in w.service.world.all(PrivateIp) if p.lifetime == "RESERVED"]


@asynccontextmanager
async def warm(
    w: World, *, cluster: MemoryCluster | None = None, **pool: float
) -> AsyncIterator[Node]:
    config = settings(allow=[EVERYTHING], cooling_seconds=1.0, **pool)
    async with w.node(config, cluster=cluster) as node:
        await until_warm(node)
        yield node
