"""The choice of a pod's address among the free ones."""

import pytest

from vcnd.core.next_free import next_free
from vcnd.model.ids import PrivateIpId, VnicId
from vcnd.model.vnic import PrivateIp


def private_ip(address: str, prefix_length: int = 0) -> PrivateIp:
    return PrivateIp(
        id=PrivateIpId(address),
        address=address,
        vnic_id=VnicId("v"),
        prefix_length=prefix_length,
    )


SINGLE, OTHER = private_ip("10.0.0.1"), private_ip("10.0.0.2")
BLOCK, WHOLE = private_ip("10.0.1.0", 30), private_ip("10.0.2.0", 30)
EVERY = (SINGLE, OTHER, BLOCK, WHOLE)
BEHIND = {a: p for p in EVERY for a in p.addresses}


@pytest.mark.parametrize(
    ("free", "used", "expected"),
    [
        # Of one kind, the address that has been free longest comes first.
        (["10.0.0.2", "10.0.0.1"], {}, "10.0.0.2"),
        (["10.0.1.3", "10.0.1.2"], {"10.0.1.0"}, "10.0.1.3"),
        (["10.0.2.1", "10.0.1.1"], {}, "10.0.2.1"),
        # A block in use comes before a single, a single before an unused block.
        (["10.0.0.1", "10.0.1.3"], {"10.0.1.0"}, "10.0.1.3"),
        (["10.0.2.0", "10.0.0.1"], {}, "10.0.0.1"),
        (["10.0.2.0", "10.0.0.1", "10.0.1.3"], {"10.0.1.0"}, "10.0.1.3"),
        (["10.0.2.0", "10.0.1.3"], {"10.0.1.0"}, "10.0.1.3"),
        # A single that is in use itself stays a single.
        (["10.0.0.1", "10.0.1.3"], {"10.0.0.1", "10.0.1.0"}, "10.0.1.3"),
        ([], {"10.0.1.0"}, None),
    ],
)
def test_blocks_in_use_go_before_singles_and_whole_blocks(
    free: list[str], used: set[str], expected: str | None
) -> None:
    assert next_free(free, BEHIND, EVERY, set(used)) == expected


@pytest.mark.parametrize(
    ("eligible", "expected"),
    [
        ((OTHER,), "10.0.0.2"),
        ((WHOLE,), "10.0.2.3"),
        ((SINGLE, WHOLE), "10.0.0.1"),
        ((), None),
    ],
)
def test_only_eligible_objects_serve(
    eligible: tuple[PrivateIp, ...], expected: str | None
) -> None:
    free = ["10.0.1.1", "10.0.2.3", "10.0.0.1", "10.0.0.2"]
    assert next_free(free, BEHIND, eligible, {"10.0.1.0"}) == expected
