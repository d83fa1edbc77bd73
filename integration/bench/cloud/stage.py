"""One cloud for all rows: the same latencies and throttles, whoever calls."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

import httpx2
import trio
from cryptography.hazmat.primitives.asymmetric import rsa

from fakeoci.api.app import build
from fakeoci.api.service import Service
from fakeoci.transport import FakeTransport
from fakeoci.world import worldfile
from fakeoci.world.resources import Instance, Nsg, Subnet
from tests.doubles.host import MemoryHost
from tests.doubles.journal import MemoryJournal
from vcnd import config as configuration
from vcnd.daemon import oci_cloud
from vcnd.node import Node
from vcnd.ociapi.principals import ApiKey

EPOCH = 1_800_000_000.0
KEY_ID = "ocid1.tenancy.oc1..bench/ocid1.user.oc1..bench/00:11"

TIMING: dict[str, Any] = {
    # Medians.  OCI publishes none: what is known are a VNIC still attaching past
    # 20 s and a time-out of 55 s for one create (docs/oci.md#rates-and-latencies).
    "attach_seconds": 15.0,
    "detach_seconds": 10.0,
    "bulk_seconds": 2.0,
    # Nothing is known of how much later than the API metadata shows a VNIC.
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


def world_text(nodes: int, limits: dict[str, float], seed: int) -> str:
    """Return a world of so many nodes with five VNICs each."""
    return f"""
[world]
seed = {seed}
[timing]
{_toml(TIMING)}
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
    """A cloud, and who may call it."""

    service: Service
    shared_key: rsa.RSAPrivateKey | None = None
    """All nodes sign with this user's key; None: each is its own principal."""

    @property
    def calls(self) -> int:
        """Return how many API calls were made; IMDS is none."""
        return len(self.service.records) - self.metadata_reads

    @property
    def metadata_reads(self) -> int:
        """Return how often instance metadata was read; that costs the API nothing."""
        return sum(r.operation == "IMDS" for r in self.service.records)

    def subnet(self, name: str = "pods") -> str:
        """Return a subnet's OCID."""
        return self.service.world.named(Subnet, name).id

    def nsg(self) -> str:
        """Return the pods' NSG."""
        return self.service.world.named(Nsg, "pods").id

    @asynccontextmanager
    async def client(self, node: str) -> AsyncIterator[httpx2.AsyncClient]:
        """Return a way to the cloud from a node."""
        world = self.service.world
        vnic = world.vnics_of(world.named(Instance, node).id)[0]
        transport = FakeTransport(
            build(self.service), client_address=world.primary_ip(vnic.id)
        )
        async with httpx2.AsyncClient(transport=transport, timeout=60.0) as made:
            yield made

    @asynccontextmanager
    async def node(
        self, name: str, pool: configuration.PoolSection, *, blocks: bool, seed: int = 1
    ) -> AsyncIterator[Node]:
        """Run a node's daemon: the real core, flows and client, its kernel a double."""
        random = Random(seed)  # noqa: S311 - jitter, no secret
        oci = configuration.OciSection(
            subnet_id=self.subnet(), nsg_ids=[self.nsg()], blocks=blocks
        )
        config = configuration.Config(oci=oci, pool=pool)
        async with self.client(name) as client, trio.open_nursery() as rooms:
            clock, key, principal = self.service.clock, self.shared_key, None
            if key is not None:
                shared = ApiKey(key_id=KEY_ID, key=key, wall_clock=clock)
                principal = lambda _url: shared  # noqa: E731 - one for all nodes
            cloud = oci_cloud(config, client, random, clock, principal)
            node = Node(
                config,
                cloud=cloud,
                host=MemoryHost(),
                journal=MemoryJournal(),
                random=random,
            )
            await node.start(rooms)
            yield node
            rooms.cancel_scope.cancel()


def stage(
    *,
    nodes: int = 1,
    shared: bool = False,
    limits: dict[str, float] | None = None,
    seed: int = 1,
) -> Stage:
    """Return a fresh cloud; to be called in a run with a virtual clock."""
    world = worldfile.parse(world_text(nodes, limits or LIMITS, seed))
    service = Service(world, lambda: EPOCH + trio.current_time())
    if not shared:
        return Stage(service=service)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    service.identities.add_api_key(KEY_ID, key.public_key())
    return Stage(service=service, shared_key=key)
