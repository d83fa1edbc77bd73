"""The lab searches what its nodes wrote for the run's own secrets (I12)."""

from pathlib import Path

import pytest

from integration.lab.lab import running_lab, world_text
from integration.leaks import LeakError


async def plant(directory: Path) -> None:
    """Run a node, and write a line of its key where its journal is."""
    text = world_text(nodes=1, seed=1, slow=False)
    async with running_lab(text, directory, nodes=["node1"]) as lab:
        (node,) = lab.nodes
        line = (await node.instance_key()).splitlines()[-3]
        (node.state_directory / "journal").write_text(f"kept: {line}")


async def test_part_of_a_nodes_key_in_its_state_is_found(tmp_path: Path) -> None:
    with pytest.raises(LeakError, match="state/journal: a part of node1's key"):
        await plant(tmp_path)
