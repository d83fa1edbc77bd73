"""VNICs of others on this instance, and odd metadata of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest
from trio.testing import MockClock

from fakeoci.world.resources import Instance, Subnet
from fakeoci.world.vnics import NewVnic, attach
from sim.cloud import EPOCH, client, user
from sim.world import World, add, problems, settings, until_warm, world
from tests.doubles.metadata import EditedVnics
from vcnd.daemon import oci_cloud
from vcnd.node import Node

SIX_ONLY = {"privateIp": None, "subnetCidrBlock": None, "ipv6Addresses": ["fd00::5"]}


@asynccontextmanager
async def beside_another(w: World, fields: dict[str, Any]) -> AsyncIterator[Node]:
    """Run a node to whose instance somebody else attached a VNIC."""
    fake = w.service.world
    new = NewVnic(subnet_id=fake.named(Subnet, "pods").id)
    foreign = attach(fake, fake.named(Instance, "node1").id, new, now=EPOCH)
    assert foreign.vnic_id is not None
    async with client(w.service, w.address) as way:
        vnic_id = foreign.vnic_id
        edited = EditedVnics(
            way, lambda found: found | fields if found["vnicId"] == vnic_id else found
        )
        cloud = oci_cloud(
            settings(), edited, Random(1), w.service.clock, user(w.service)
        )
        async with w.node(through=lambda _: cloud) as node:
            yield node


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param(SIX_ONLY, id="no-ipv4"),
        pytest.param({"vlanTag": 7}, id="vlan"),
        pytest.param({"subnetCidrBlock": 5}, id="odd"),
    ],
)
async def test_audits_pass_over_odd_vnics_of_others(
    autojump_clock: MockClock, fields: dict[str, Any]
) -> None:
    async with beside_another(world(), fields) as node:
        await until_warm(node)
        await add(node, 1)
        assert node.pool.conditions.observed
        assert problems(node) == []
