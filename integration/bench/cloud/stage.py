"""One cloud for all rows: the same latencies and throttles for all callers."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from fakeoci.api.app import build
from fakeoci.api.service import Service
from fakeoci.transport import FakeTransport
from fakeoci.world.resources import Instance, Nsg, Subnet
from sim import cloud
from sim.host import MemoryHost
from sim.journal import MemoryJournal
from sim.node import running
from vcnd import config as configuration
from vcnd.node import Node
from vcnd.ociapi.http import Principal
from vcnd.ociapi.network import READ_SECONDS

TIMING: dict[str, Any] = {
    # Medians.  OCI publishes none; known are a VNIC that was still attaching after
    # 20 s and a time-out of 55 s for one create (docs/oci.md#rates-and-latencies).
    "attach_seconds": 15.0,
    "detach_seconds": 10.0,
    "bulk_seconds": 2.0,
    # It is unknown how much later than the API metadata shows a VNIC: one row of the
    # bench has another value.
    "imds_seconds": 0.0,
    "latency_seconds": 0.15,
    "latency_sigma": 0.3,
    "latencies": {
        "IMDS": 0.01,
        "AttachVnic": 1.0,
        "CreatePrivateIp": 0.8,
        "BulkCreatePrivateIps": 0.8,
        "DeletePrivateIp": 0.6,
    },
}
LIMITS = {"calls_per_second": 10.0, "burst": 20}


def _toml(table: dict[str, Any]) -> str:
    lines = []
    for name, value in table.items():
        if isinstance(value, dict):
            inner = ", ".join(f"{k} = {v}" for k, v in value.items())
            lines.append(f"{name} = {{ {inner} }}")
        else:
            lines.append(f"{name} = {value}")
    return "\n".join(lines)


def world_text(
    nodes: int, limits: dict[str, float], seed: int, imds_seconds: float
) -> str:
    """Return the file of a world whose nodes take five VNICs each."""
    return f"""
[world]
seed = {seed}
[timing]
{_toml(TIMING | {"imds_seconds": imds_seconds})}
[limits]
{_toml(limits)}
[[vcns]]
name = "main"
cidrs = ["10.0.0.0/16", "10.1.0.0/16"]
[[vcns.nsgs]]
name = "pods"
[[vcns.subnets]]
name = "nodes"
cidrs = ["10.0.0.0/20"]
[[vcns.subnets]]
name = "pods"
cidrs = ["10.1.0.0/16"]
[[instances]]
name = "node"
count = {nodes}
subnet = "nodes"
ocpus = 5.0
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A cloud, and the principal of its callers."""

    service: Service
    principal: Callable[[str], Principal] | None = None
    """Makes the principal that signs for all nodes; None: each node is its own."""

    @property
    def calls(self) -> int:
        """Return the number of API calls, without IMDS."""
        return cloud.calls(self.service)

    @property
    def metadata_reads(self) -> int:
        """Return how often instance metadata was read; these are no API calls."""
        return sum(r.operation == "IMDS" for r in self.service.records)

    def subnet(self, name: str = "pods") -> str:
        """Return a subnet's OCID."""
        return self.service.world.named(Subnet, name).id

    def nsg(self) -> str:
        """Return the OCID of the pods' NSG."""
        return self.service.world.named(Nsg, "pods").id

    def client(self, node: str) -> httpx2.AsyncClient:
        """Return a client of the cloud with a node's address."""
        app, address = build(self.service), self._address(node)
        return httpx2.AsyncClient(
            transport=FakeTransport(app, client_address=address), timeout=READ_SECONDS
        )

    def _address(self, node: str) -> str:
        world = self.service.world
        vnic = world.vnics_of(world.named(Instance, node).id)[0]
        return world.primary_ip(vnic.id)

    @asynccontextmanager
    async def node(
        self, name: str, pool: configuration.PoolSection, *, blocks: bool, seed: int = 1
    ) -> AsyncIterator[Node]:
        """Run a node's daemon; its kernel and its disk are doubles."""
        oci = configuration.OciSection(
            subnet_id=self.subnet(), nsg_ids=[self.nsg()], blocks=blocks
        )
        async with running(
            configuration.Config(oci=oci, pool=pool),
            service=self.service,
            address=self._address(name),
            host=MemoryHost(),
            journal=MemoryJournal(),
            principal=self.principal,
            seed=seed,
        ) as node:
            yield node


def stage(
    *,
    nodes: int = 1,
    shared: bool = False,
    limits: dict[str, float] | None = None,
    seed: int = 1,
    imds_seconds: float = 0.0,
) -> Stage:
    """Return a new cloud; the caller's run must have a virtual clock."""
    service = cloud.cloud(world_text(nodes, limits or LIMITS, seed, imds_seconds))
    return Stage(service=service, principal=cloud.user(service) if shared else None)
