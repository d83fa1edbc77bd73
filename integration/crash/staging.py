"""Makes the stage: a node with a pod whose packets go on all the time."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fakeoci.fabric import netns
from integration.crash.forked import running_stem
from integration.crash.observed import FOREIGN_LINK
from integration.crash.pool import BATCH, OBJECTS_PER_VNIC, OCI, POOL, until_holds
from integration.crash.stage import Stage
from integration.crash.tracing import running_tracer
from integration.crash.witness import witness
from integration.lab.lab import ONPREM, running_lab, world_text

NODE = "node1"
FOREIGN = [
    f"link add {FOREIGN_LINK} type veth peer name theirs",
    "addr add 198.18.9.1/24 dev theirs",
    f"link set {FOREIGN_LINK} up",
    "link set theirs up",
    "rule add pref 1010 from 198.18.9.77 lookup 77",
    "route add 198.18.9.128/25 dev theirs table 77",
]
FOREIGN_TABLE = "table inet others {\nset these { type ipv4_addr; }\n}\n"


def _world() -> str:
    text = world_text(nodes=1, seed=1, few_addresses=OBJECTS_PER_VNIC, slow=False)
    quick = {"attach_seconds": 0.02, "detach_seconds": 0.02, "latency_seconds": 0.0}
    for key, value in quick.items():
        text = re.sub(rf"(?m)^{key} = [\d.]+", f"{key} = {value}", text, count=1)
    return text


@asynccontextmanager
async def running_stage(directory: Path) -> AsyncIterator[Stage]:
    """Run a node with a pod whose packets go on all the time."""
    async with (
        running_stem() as stem,
        running_lab(
            _world(), directory, nodes=[NODE], pool=POOL, further={"oci": OCI}
        ) as lab,
        running_tracer() as tracer,
    ):
        node = lab.nodes[0]
        node.launch = stem.launch
        netns.ip(NODE, FOREIGN)
        netns.nft(NODE, FOREIGN_TABLE)
        stage = Stage(lab=lab, node=node, victim=node, stem=stem, tracer=tracer)
        stage.empty = await stage.take()
        await node.start()
        await node.until_warm(BATCH)
        neighbour = stage.neighbour = await stage.sandbox()
        await stage.add(neighbour)
        await lab.cloud.settled()
        with witness(
            neighbour.netns,
            neighbour.address,
            ONPREM,
            lab.addresses[ONPREM],
        ) as made:
            stage.witness = made
            # The first pod may have made it grow for a moment.
            await until_holds(lab, lambda vnics: vnics == [BATCH])
            await stage.agree()
            stage.baseline = await stage.take()
            yield stage
