"""One lab for all tests: two nodes, started once.

pytest runs these inside the enclosure (``integration.verify``): network, mount
and process namespaces of their own, as root or as a plain user.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from integration.lab.lab import Lab, running_lab, world_text

POOL = {"batch": 6, "cooling_seconds": 0.2, "audit_seconds": 2.0}


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    """Two nodes with their daemons, warm."""
    text = world_text(nodes=2, seed=1, slow=False)
    async with running_lab(text, tmp_path, nodes=["node1", "node2"], pool=POOL) as made:
        async with trio.open_nursery() as starting:
            for node in made.nodes:
                starting.start_soon(node.start)
        for node in made.nodes:
            await node.until_warm(4)
        yield made
