"""What the tests of the express lane share."""

import pytest

from integration.lab import express
from integration.lab.bare import BarePod, BareStage

FAMILIES = pytest.mark.parametrize("six", [False, True], ids=["IPv4", "IPv6"])
KINDS = pytest.mark.parametrize("kind", [express.tcp, express.udp], ids=["TCP", "UDP"])

LASTS = 0.4
BRIEF = pytest.mark.parametrize("bare", [LASTS], indirect=True, ids=["brief"])
"""A flow counts as proven for less than half a second."""
LASTING = pytest.mark.parametrize("bare", [3600.0], indirect=True, ids=["lasting"])
"""Only an event makes a flow be proven anew."""


def two(
    stage: BareStage, second_on: int = 2, *, lane: bool = True
) -> tuple[BarePod, BarePod]:
    """Start a pod on node 1 and another one; the first may use the lane or not."""
    a = stage.pod(1, express=lane)
    b = stage.pod(second_on)
    express.until_attached(*stage.nodes)
    return a, b


def skip_without_lane(stage: BareStage) -> None:
    """Skip a test where this kernel, user or build has no express lane."""
    for node in stage.nodes:
        found = express.until_settled(node)
        if not found["on"]:
            pytest.skip(f"no express lane here: {found['why']['reason']}")
