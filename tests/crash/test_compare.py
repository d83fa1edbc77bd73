"""A difference between two witnesses names its invariant."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from integration.crash.compare import differences
from integration.crash.observed import Kernel, Observed, Sandbox
from vcnd.model.status import NodeStatus

ADDRESS, OTHER, LINK, VNIC = "10.1.0.4", "10.1.0.5", "oci0123456789a", "ocid1.vnic.1"


def lease(container_id: str, address: str) -> dict[str, Any]:
    return {
        "network": "vcnd",
        "container_id": container_id,
        "ifname": "eth0",
        "address": address,
        "addresses": [address],
        "host_ifname": LINK,
        "pod": "",
        "express": True,
    }


def status(*leases: dict[str, Any], vnics: tuple[str, ...] = (VNIC,)) -> NodeStatus:
    counts = dict.fromkeys(("free", "leased", "cooling", "deleting", "doubted"), 0)
    more = dict.fromkeys(("demand", "target", "waiting"), 0)
    texts = dict.fromkeys(("mac", "address", "ipv6", "subnet_id", "subnet_cidr"), "")
    return msgspec.convert(
        {
            "pool": counts | more,
            "families": {},
            "vnics": [
                {"index": 2, "id": v, **texts, "class": "", "primary": False}
                | {"addresses": 2, "blocks": []}
                for v in vnics
            ],
            "vnic_limit": 4,
            "cloud_observed": True,
            "leases": leases,
            "express": {"on": False, "cause": None, "reason": "", "pods": 0}
            | {"flows": 0, "express_packets": 0, "ordinary_packets": 0},
            "broken": [],
            "problems": [],
        },
        NodeStatus,
    )


def kernel(*addresses: str, links: tuple[str, ...] = (LINK,)) -> Kernel:
    there = frozenset(addresses)
    return Kernel(links=frozenset(links), routes=there, elements=there)


def sandbox(container_id: str, address: str) -> Sandbox:
    return Sandbox(container_id=container_id, addresses=(address,), has=(address,))


RIGHT = Observed(
    status=status(lease("c", ADDRESS)),
    journal={"c": (ADDRESS,)},
    kernel=kernel(ADDRESS),
    listed={VNIC: frozenset({ADDRESS, OTHER})},
    sandboxes=(sandbox("c", ADDRESS),),
)


def test_agreeing_witnesses_differ_in_nothing() -> None:
    assert differences(RIGHT) == []


@pytest.mark.parametrize(
    ("seen", "names"),
    [
        (
            replace(
                RIGHT,
                status=status(lease("c", ADDRESS), lease("d", ADDRESS)),
                journal={"c": (ADDRESS,), "d": (ADDRESS,)},
                sandboxes=(sandbox("c", ADDRESS), sandbox("d", ADDRESS)),
            ),
            ["I1", "I1"],
        ),
        (replace(RIGHT, listed={VNIC: frozenset({OTHER, "10.1.0.6"})}), ["I2"]),
        (replace(RIGHT, journal={}), ["I4"]),
        (replace(RIGHT, sandboxes=(sandbox("c", OTHER),)), ["I4"]),
        (
            replace(RIGHT, sandboxes=(replace(RIGHT.sandboxes[0], has=()),)),
            ["I9"],
        ),
        (replace(RIGHT, sandboxes=()), ["leak"]),
        (replace(RIGHT, listed=RIGHT.listed | {"other": frozenset()}), ["I7"]),
        (replace(RIGHT, listed={VNIC: frozenset({ADDRESS})}), ["I7"]),
        (replace(RIGHT, status=status(lease("c", ADDRESS), vnics=())), ["I7"]),
        (replace(RIGHT, kernel=kernel(ADDRESS, OTHER)), ["leak", "leak"]),
        (replace(RIGHT, kernel=kernel(ADDRESS, links=(LINK, "oci1"))), ["leak"]),
        (replace(RIGHT, kernel=kernel(ADDRESS, links=())), ["I9"]),
        (replace(RIGHT, kernel=kernel()), ["I9", "I9"]),
    ],
)
def test_each_difference_names_its_invariant(seen: Observed, names: list[str]) -> None:
    assert [found.partition(":")[0] for found in differences(seen)] == names
