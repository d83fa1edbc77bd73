"""A daemon's life on a simulated node."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random

import trio

from fakeoci.api.service import Service
from sim.cloud import client
from vcnd.config import Config
from vcnd.daemon import oci_cloud
from vcnd.node import Node
from vcnd.ociapi.http import Principal
from vcnd.ports import Cloud, Cluster, Host, Journal, KeptPods, Policies


@asynccontextmanager
async def running(
    config: Config,
    *,
    service: Service,
    address: str,
    host: Host,
    journal: Journal,
    principal: Callable[[str], Principal] | None = None,
    cluster: Cluster | None = None,
    policies: Policies | None = None,
    kept_pods: KeptPods | None = None,
    through: Callable[[Cloud], Cloud] = lambda cloud: cloud,
    seed: int = 1,
) -> AsyncIterator[Node]:
    """Run a node's daemon until the block ends.

    Args:
        config: the daemon's.
        service: the cloud.
        address: the node's own; IMDS identifies the node by it.
        host: its kernel.
        journal: its disk.
        principal: makes the principal that signs; None: the instance itself.
        cluster: its Kubernetes; None: there is none.
        policies: who brings network policies in force; None: nobody.
        kept_pods: tells which pods its kubelet keeps; None: nobody.
        through: wraps the cloud in a double.
        seed: the seed of its jitter.
    """
    random = Random(seed)
    async with client(service, address) as way, trio.open_nursery() as rooms:
        node = Node(
            config,
            cloud=through(oci_cloud(config, way, random, service.clock, principal)),
            host=host,
            journal=journal,
            random=random,
            cluster=cluster,
            policies=policies,
            kept_pods=kept_pods,
        )
        await node.start(rooms)
        yield node
        rooms.cancel_scope.cancel()
