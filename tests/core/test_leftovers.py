"""Which VNICs of a cluster belong to no node."""

import pytest

from vcnd.core.leftovers import Inventory, why_left
from vcnd.model.leftovers import LeftCause

INVENTORY = Inventory(existing={"a", "b"}, nodes={"a", "new"})


@pytest.mark.parametrize(
    ("attached", "tagged", "cause"),
    [
        ("a", "a", None),
        # Lists of instances may omit one that is new.
        ("new", "new", None),
        ("a", "b", LeftCause.MOVED),
        ("a", "", LeftCause.MOVED),
        ("b", "b", LeftCause.NO_NODE),
        ("gone", "gone", LeftCause.INSTANCE_GONE),
        ("gone", "a", LeftCause.INSTANCE_GONE),
    ],
)
def test_vnic_is_left_unless_a_node_uses_it(
    attached: str, tagged: str, cause: LeftCause | None
) -> None:
    assert why_left(attached, tagged, INVENTORY) is cause
