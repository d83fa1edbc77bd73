"""IPv6 prefixes that IMDS does not tell, on their way to the node's kernel."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest
import trio
from msgspec import UNSET
from msgspec.structs import replace
from trio.testing import MockClock

from fakeoci.world.resources import Subnet
from sim.cloud import client, user
from sim.world import World, problems, settings, world
from tests.doubles.metadata import EditedVnics
from vcnd.config import NodeSection, OciSection
from vcnd.daemon import oci_cloud
from vcnd.model.family import Family
from vcnd.model.ids import SubnetId, VnicId
from vcnd.model.vnic import Vnic
from vcnd.node import Node
from vcnd.oci.prefixes import Prefixes
from vcnd.oci.vcns import Vcns

BOTH = (Family.IPV4, Family.IPV6)
ALIKE = NodeSection(outside_mtu=0)
"""Nothing needs the VCN's CIDRs, so only prefixes cost calls."""
AUDITS = 60.0


def without_prefix(found: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in found.items() if k != "ipv6SubnetCidrBlock"}


@asynccontextmanager
async def untold(w: World) -> AsyncIterator[Node]:
    """Run a node to which IMDS tells no prefix."""
    config = replace(settings(audit_seconds=AUDITS), node=ALIKE)
    config = replace(config, oci=OciSection(ip_families=BOTH))
    async with client(w.service, w.address) as way:
        edited = EditedVnics(way, without_prefix)
        cloud = oci_cloud(config, edited, Random(1), w.service.clock, user(w.service))
        async with w.node(config, families=BOTH, through=lambda _: cloud) as node:
            await trio.sleep(2 * AUDITS)
            yield node


def seen(w: World) -> set[str]:
    return {s.vnic.ipv6_cidr for s in w.host.slots}


def expected(w: World) -> set[str]:
    subnets = {s.vnic.subnet_id for s in w.host.slots}
    return {w.service.world.get(Subnet, s).ipv6_cidr_blocks[0] for s in subnets}


async def test_prefix_that_imds_does_not_tell_is_asked_for_once(
    autojump_clock: MockClock,
) -> None:
    w = world(bundled="dual-stack")
    async with untold(w) as node:
        assert node.pool.counts(Family.IPV6).free
        assert seen(w) == expected(w)
        assert problems(node) == []
        asked = w.calls("GetSubnet")
        assert asked == len({s.vnic.subnet_id for s in w.host.slots})
        await trio.sleep(10 * AUDITS)
        assert w.calls("GetSubnet") == asked
    assert not any(s.vnic.vcn_cidrs is not UNSET for s in w.host.slots)


@pytest.mark.slow
async def test_prefix_that_stays_unknown_is_a_problem(
    autojump_clock: MockClock,
) -> None:
    w = world(bundled="dual-stack")
    w.fault("GetSubnet", status=404, code="NotAuthorizedOrNotFound", times=10**6)
    async with untold(w) as node:
        assert seen(w) == {""}
        (found,) = problems(node)
        assert (found.kind, found.family) == ("vcn", Family.IPV6)
        assert "GetSubnet: 404" in found.reason
        w.service.faults.clear()
        await trio.sleep(2 * AUDITS)
        assert seen(w) == expected(w)
        assert problems(node) == []
    w.fault("GetSubnet", status=404, code="NotAuthorizedOrNotFound", times=10**6)
    async with untold(w):  # the journal has the pod VNICs'
        pods = {s.vnic.ipv6_cidr for s in w.host.slots if not s.is_primary}
        assert "" not in pods


def vnic(**fields: str) -> Vnic:
    made = Vnic(
        id=VnicId("v"),
        mac="02:00:00:00:00:01",
        address="10.0.0.2",
        subnet_id=SubnetId("s"),
        subnet_cidr="10.0.0.0/24",
        virtual_router="10.0.0.1",
    )
    return replace(made, **fields)


@pytest.mark.parametrize(
    "fields",
    [{}, {"ipv6": "fd00::5", "ipv6_cidr": "fd00::/64", "ipv6_router": "fe80::1"}],
)
def test_vnic_that_lacks_nothing_stays_as_it_is(fields: dict[str, str]) -> None:
    assert Prefixes().add_to(vnic(**fields)) == vnic(**fields)


def test_prefix_of_a_vnic_is_kept_while_the_journal_may_lack_it() -> None:
    prefixes = Vcns(needed=False).prefixes
    known = vnic(ipv6="fd00::5", ipv6_cidr="fd00::/64")
    prefixes.add_to(known)
    prefixes.recall([])  # a list that was made before
    assert prefixes.of(known.id) == "fd00::/64"
    prefixes.recall([])
    assert prefixes.of(known.id) == ""
    prefixes.recall([known])
    bare = replace(known, ipv6_cidr="")
    assert prefixes.add_to(bare).ipv6_cidr == "fd00::/64"
