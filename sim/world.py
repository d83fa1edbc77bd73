"""Bundled worlds and their nodes, with which tests begin."""

import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from typing import Any

import msgspec
import trio

from fakeoci.api.service import Fault, Service
from fakeoci.world import worldfile
from fakeoci.world.resources import Instance, Nsg, PrivateIp, Subnet, Vnic
from sim.cloud import calls, cloud, user
from sim.host import MemoryHost
from sim.journal import MemoryJournal
from sim.node import running
from vcnd import config as configuration
from vcnd.flow import status
from vcnd.model.family import Family
from vcnd.model.sandbox import Lease, PodRef, SandboxKey
from vcnd.model.status import ProblemStatus
from vcnd.node import Node
from vcnd.ports import Cloud, Cluster, KeptPods, Policies


def key(number: int, network: str = "vcnd") -> SandboxKey:
    return SandboxKey(network, f"container{number}", "eth0")


def settings(
    *, allow: Sequence[configuration.AllowSection] = (), **pool: Any
) -> configuration.Config:
    return configuration.Config(
        allow=list(allow),
        pool=configuration.PoolSection(**{"batch": 4, **pool}),
        cni=configuration.CniSection(patience_seconds=20.0),
    )


@dataclass
class World:
    """A fake cloud of a test, and one node's view of it."""

    service: Service
    host: MemoryHost = field(default_factory=MemoryHost)
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    blocks: bool = True
    instance: str = "node1"
    federated: bool = False
    """True if nodes sign as instances, with certificate and token; otherwise they sign
    with a user's key, which costs no call and no new key."""

    def beside(self, instance: str) -> "World":
        """Return another node's view of the same cloud."""
        return World(
            self.service,
            blocks=self.blocks,
            instance=instance,
            federated=self.federated,
        )

    @property
    def address(self) -> str:
        """Return the node's own address."""
        primary = next(v for v in self.vnics() if v.is_primary)
        return self.service.world.primary_ip(primary.id)

    def fault(self, operation: str, kind: str = "before", **more: Any) -> None:
        self.service.faults.append(Fault(operation=operation, kind=kind, **more))

    def calls(self, operation: str = "") -> int:
        return calls(self.service, operation)

    def vnics(self) -> list[Vnic]:
        instance = self.service.world.named(Instance, self.instance)
        return self.service.world.vnics_of(instance.id)

    def pod_vnics(self) -> list[Vnic]:
        return [v for v in self.vnics() if not v.is_primary]

    def secondary(self) -> dict[str, PrivateIp]:
        """Return the private IP objects of the pod VNICs' secondary addresses."""
        return {
            str(address): p
            for v in self.pod_vnics()
            for p in self.service.world.private_ips_of(v.id)
            if not p.is_primary
            for address in IPv4Network(f"{p.ip_address}/{p.prefix_length}")
        }

    @asynccontextmanager
    async def node(
        self,
        config: configuration.Config | None = None,
        *,
        cluster: Cluster | None = None,
        name: str = "test",
        subnet: str | None = None,
        further: Sequence[str] = (),
        families: Sequence[Family] = (Family.IPV4,),
        policies: Policies | None = None,
        kept_pods: KeptPods | None = None,
        through: Callable[[Cloud], Cloud] = lambda cloud: cloud,
    ) -> AsyncIterator[Node]:
        """Run a daemon's life on the node; ``through`` wraps its cloud in a double."""
        if subnet is None:
            subnet = self.service.world.named(Subnet, "pods").id
        nsg = self.service.world.named(Nsg, "pods").id
        config = config or settings()
        oci = configuration.OciSection(
            subnet_id=subnet,
            further_subnet_ids=list(further),
            nsg_ids=[nsg],
            cluster=name,
            blocks=self.blocks,
            ip_families=tuple(families),
        )
        config = msgspec.structs.replace(config, oci=oci)
        async with running(
            config,
            service=self.service,
            address=self.address,
            host=self.host,
            journal=self.journal,
            principal=None if self.federated else user(self.service),
            cluster=cluster,
            policies=policies,
            kept_pods=kept_pods,
            through=through,
        ) as node:
            yield node


def world(
    changes: dict[str, str] | None = None,
    *,
    blocks: bool = True,
    bundled: str = "default",
    nodes: int = 1,
    federated: bool = False,
) -> World:
    """Return a bundled world of one node, with some lines of its file changed."""
    text = worldfile.bundled(bundled)
    text = re.sub(r"(?m)^count = \d+$", f"count = {nodes}", text)
    for old, new in (changes or {}).items():
        assert old in text, old
        text = text.replace(old, new)
    return World(cloud(text), blocks=blocks, federated=federated)


async def add(node: Node, number: int, *, netns: int | None = None) -> Lease:
    """Call ADD for a numbered sandbox."""
    lease, _ = await node.attacher.add(
        key(number),
        PodRef(name=f"pod{number}"),
        100 + number if netns is None else netns,
    )
    return lease


async def until_warm(node: Node, free: int = 4) -> None:
    """Wait until at least ``free`` addresses are free."""
    with trio.fail_after(600):
        while node.pool.ledger.counts().free < free:
            await trio.sleep(0.5)


def problems(node: Node) -> list[ProblemStatus]:
    """Return the node's problems, as its status has them."""
    return list(status.problems(node.pool))
