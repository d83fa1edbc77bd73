"""VNICs of others on this instance, and odd metadata of them."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace
from trio.testing import MockClock

from fakeoci.world.resources import Instance, Subnet
from fakeoci.world.vnics import NewVnic, attach
from sim.cloud import EPOCH, client, user
from sim.world import World, add, problems, settings, until_warm, world
from vcnd.daemon import oci_cloud
from vcnd.node import Node
from vcnd.ociapi.network import Client, Reply, Request

SIX_ONLY = {"privateIp": None, "subnetCidrBlock": None, "ipv6Addresses": ["fd00::5"]}


class Edited:
    """A way to the cloud; IMDS tells other values of one VNIC."""

    def __init__(self, inner: Client, vnic_id: str, fields: dict[str, Any]) -> None:
        self._inner, self._vnic_id, self._fields = inner, vnic_id, fields

    async def send(self, request: Request) -> Reply:
        reply = await self._inner.send(request)
        if request.operation != "IMDS /vnics/":
            return reply
        vnics = json.loads(reply.body)
        for found in vnics:
            if found["vnicId"] == self._vnic_id:
                found.update(self._fields)
        return replace(reply, body=json.dumps(vnics).encode())


@asynccontextmanager
async def beside_another(w: World, fields: dict[str, Any]) -> AsyncIterator[Node]:
    """Run a node to whose instance somebody else attached a VNIC."""
    fake = w.service.world
    new = NewVnic(subnet_id=fake.named(Subnet, "pods").id)
    foreign = attach(fake, fake.named(Instance, "node1").id, new, now=EPOCH)
    assert foreign.vnic_id is not None
    async with client(w.service, w.address) as way:
        edited = Edited(way, foreign.vnic_id, fields)
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
