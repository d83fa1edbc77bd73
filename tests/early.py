"""A node that tells addresses early, and calls for its pods."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any

import trio
from msgspec.structs import replace

from sim.cluster import MemoryCluster
from sim.world import World, settings, until_warm
from vcnd.config import AllowSection, PolicySection
from vcnd.model.errors import TryAgainError
from vcnd.model.family import Family
from vcnd.model.sandbox import Lease, PodRef, SandboxKey
from vcnd.node import Node

SOON = 0.05
"""Seconds from the binding to the write."""


def pod(name: str) -> PodRef:
    return PodRef(namespace="default", name=name, uid=name)


def sandbox(name: str) -> SandboxKey:
    return SandboxKey("vcnd", f"sandbox-of-{name}", "eth0")


def names(count: int) -> list[str]:
    return [f"pod{n}" for n in range(count)]


async def add(node: Node, name: str) -> Lease:
    """Call ADD for a pod that is bound, or for a stranger whose name begins with s."""
    annotations: dict[str, str] | None = {} if name.startswith("s") else None
    lease, _ = await node.attacher.add(
        sandbox(name), pod(name), hash(name) & 0xFFFF, annotations
    )
    return lease


async def add_at_last(node: Node, name: str) -> Lease:
    while True:
        try:
            return await add(node, name)
        except TryAgainError:
            await trio.sleep(1)


@asynccontextmanager
async def early(
    w: World,
    cluster: MemoryCluster,
    *,
    policy: PolicySection | None = None,
    families: Collection[Family] = (Family.IPV4,),
    allow: Collection[AllowSection] = (),
    **pool: Any,
) -> AsyncIterator[Node]:
    """Run a node that tells addresses early, once it has some that are free."""
    config = replace(
        settings(allow=[*allow], **pool),
        policy=policy or PolicySection(enforcement="strict"),
    )
    async with w.node(config, cluster=cluster, families=[*families]) as node:
        await until_warm(node)
        yield node
