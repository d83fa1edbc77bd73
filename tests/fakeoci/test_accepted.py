"""Each operation accepts a good request, and refuses it with a stale etag."""

import pytest

from fakeoci.world.world import World
from tests.fakeoci.accepted import (
    ACCEPTED,
    METHODS,
    NEEDS_ETAG,
    MadeCloud,
    accepted,
    networks,
)
from tests.fakeoci.test_refusals import snapshot

WITHOUT_ETAG = (
    *("AddNetworkSecurityGroupSecurityRules", "ConnectLocalPeeringGateways"),
    *("UpdateNetworkSecurityGroupSecurityRules",),
    *("RemoveNetworkSecurityGroupSecurityRules",),
    *(f"Change{resource}Compartment" for resource in networks.MOVED),
)
"""Changes of one object that have no if-match (SDK docstrings)."""
WITH_ETAG = [
    operation
    for operation, method in METHODS.items()
    if method != "GET" and "{" in ACCEPTED[operation][0]
    if operation not in WITHOUT_ETAG
]


def etag(world: World, target: str) -> str:
    """Return the etag of the object that a target names."""
    ocid = target.split("/")[2].partition("?")[0]
    return world.objects[ocid].etag


def test_each_operation_has_a_request() -> None:
    assert ACCEPTED.keys() == METHODS.keys()


@pytest.mark.matrix(fast=6)
@pytest.mark.parametrize("operation", METHODS)
async def test_a_good_request_is_accepted(operation: str, cloud: MadeCloud) -> None:
    method, target, body = accepted(operation, cloud.ids)
    headers = {"if-match": "*"} if operation in NEEDS_ETAG else {}
    answer = await cloud.ask(method, target, body, headers)
    assert answer.is_success, answer.text
    assert cloud.service.records[-1].operation == operation


@pytest.mark.matrix(fast=6)
@pytest.mark.parametrize("operation", WITH_ETAG)
async def test_a_stale_etag_changes_nothing(operation: str, cloud: MadeCloud) -> None:
    method, target, body = accepted(operation, cloud.ids)
    world = cloud.service.world
    before, right = snapshot(world), etag(world, target)
    for stale in ("nothing", f"{right}0", f'"{right}"', f"{right}, {right}", ""):
        answer = await cloud.ask(method, target, body, {"if-match": stale})
        assert answer.status_code == 412, (stale, answer.text)
        assert answer.json()["code"] == "NoEtagMatch"
        assert snapshot(world) == before


@pytest.mark.matrix(fast=6)
@pytest.mark.parametrize("operation", WITH_ETAG)
@pytest.mark.parametrize("anything", [False, True])
async def test_the_right_etag_lets_a_change_through(
    operation: str, anything: bool, cloud: MadeCloud
) -> None:
    method, target, body = accepted(operation, cloud.ids)
    right = "*" if anything else etag(cloud.service.world, target)
    answer = await cloud.ask(method, target, body, {"if-match": right})
    assert answer.is_success, answer.text
