"""Options that want another cluster than the one that is up."""

import pytest

from integration.kind.up import what_differs

HAS = {"nodes": 3, "express": True, "policy": "strict", "helm": False}


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({}, ""),
        ({"policy": "strict", "nodes": 3, "offline": True}, ""),
        ({"policy": "off"}, "policy is strict, not off"),
        ({"helm": True}, "helm is False, not True"),
        (
            {"express": False, "nodes": 5},
            "nodes is 3, not 5, express is True, not False",
        ),
    ],
)
def test_it_is_told_what_differs(wanted: dict[str, object], told: str) -> None:
    assert what_differs(wanted, HAS) == told
