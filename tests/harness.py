"""The real core, flows and OCI client over the in-process fake, in virtual time."""

import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from ipaddress import IPv4Network
from random import Random
from typing import Any

import httpx2
import pytest
import trio
from cryptography.hazmat.primitives.asymmetric import rsa

from fakeoci.api.app import build
from fakeoci.api.service import Fault, Service
from fakeoci.transport import FakeTransport
from fakeoci.world import worldfile
from fakeoci.world.resources import Instance, Nsg, PrivateIp, Subnet, Vnic
from tests.doubles.host import MemoryHost
from tests.doubles.journal import MemoryJournal
from vcnd import config as configuration
from vcnd.daemon import oci_cloud
from vcnd.model.family import Family
from vcnd.model.sandbox import Lease, PodRef, SandboxKey
from vcnd.model.vnic import PRIMARY_INDEX
from vcnd.node import Node
from vcnd.ociapi.http import READ_SECONDS
from vcnd.ociapi.principals import ApiKey, Principal
from vcnd.ports import Cloud, Cluster

EPOCH = 1_800_000_000.0
KEY_ID = "ocid1.tenancy.oc1..test/ocid1.user.oc1..test/00:11"


@cache
def signing_key() -> rsa.RSAPrivateKey:
    """Return the one key of all tests; a short one signs in a fifth of the time."""
    return rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505


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
    """Whether nodes sign as instances, with certificate and token; else by a user's
    key, which costs no call and no new key."""

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
        return sum(
            operation in ("", r.operation)
            for r in self.service.records
            if r.operation != "IMDS"
        )

    def vnics(self) -> list[Vnic]:
        instance = self.service.world.named(Instance, self.instance)
        return self.service.world.vnics_of(instance.id)

    def pod_vnics(self) -> list[Vnic]:
        return [v for v in self.vnics() if not v.is_primary]

    def secondary(self) -> dict[str, PrivateIp]:
        """Return the objects behind the secondary addresses of the pod VNICs."""
        return {
            str(address): p
            for v in self.pod_vnics()
            for p in self.service.world.private_ips_of(v.id)
            if not p.is_primary
            for address in IPv4Network(f"{p.ip_address}/{p.prefix_length}")
        }

    def _principal(self) -> Callable[[str], Principal] | None:
        """Return what makes the nodes' principal; None for the configured one."""
        if self.federated:
            return None
        clock = self.service.clock
        fixed = ApiKey(key_id=KEY_ID, key=signing_key(), wall_clock=clock)
        return lambda _federation_url: fixed

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
        through: Callable[[Cloud], Cloud] = lambda cloud: cloud,
    ) -> AsyncIterator[Node]:
        """Run a daemon's life on the node, which meets its cloud through a double."""
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
        config = configuration.Config(
            oci=oci, pool=config.pool, cni=config.cni, allow=config.allow
        )
        app = build(self.service)
        async with (
            httpx2.AsyncClient(
                transport=FakeTransport(app, client_address=self.address),
                timeout=READ_SECONDS,
            ) as client,
            trio.open_nursery() as rooms,
        ):
            random = Random(1)
            node = Node(
                config,
                cloud=through(
                    oci_cloud(
                        config, client, random, self.service.clock, self._principal()
                    )
                ),
                host=self.host,
                journal=self.journal,
                random=random,
                cluster=cluster,
            )
            await node.start(rooms)
            yield node
            rooms.cancel_scope.cancel()


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
    service = Service(worldfile.parse(text), lambda: EPOCH + trio.current_time())
    service.identities.add_api_key(KEY_ID, signing_key().public_key())
    return World(service, blocks=blocks, federated=federated)


async def add(node: Node, number: int, *, netns: int | None = None) -> Lease:
    """Call ADD for a numbered sandbox."""
    lease, _ = await node.attacher.add(
        key(number),
        PodRef(name=f"pod{number}"),
        100 + number if netns is None else netns,
    )
    return lease


async def until_warm(node: Node, free: int = 4) -> None:
    """Wait until so many addresses are free."""
    with trio.fail_after(600):
        while node.pool.ledger.counts().free < free:
            await trio.sleep(0.5)


def check_invariants(w: World, node: Node) -> None:
    """I1 and I2: no address twice; every lease's address is ours in the cloud."""
    leases = node.pool.ledger.leases()
    assert len({x.address for x in leases}) == len(leases)
    listed = w.secondary()
    assert {x.address for x in leases} <= listed.keys()
    known = {a for p in node.pool.ledger.private_ips() for a in p.addresses}
    assert known <= listed.keys()
    assert all(s.index != PRIMARY_INDEX for s in node.pool.vnics.pod_slots)


def check_nothing_broke(capsys: pytest.CaptureFixture[str]) -> None:
    """Check the log: no task and no change ended by a defect.

    They are started again by themselves, so that nothing else would show it.
    """
    logged = capsys.readouterr().out
    assert "task_failed" not in logged
    assert "change_failed" not in logged
