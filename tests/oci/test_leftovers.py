"""What a cluster of several nodes left behind; the cloud is only read."""

from collections.abc import Set as AbstractSet

import pytest
import trio

from fakeoci.world.resources import Instance, PrivateIp, Subnet
from sim.cloud import KEY_ID, operator
from sim.world import World, until_warm, world
from vcnd.model.errors import CloudError
from vcnd.model.leftovers import LeftCause, SweepReport
from vcnd.oci import tags
from vcnd.oci.leftovers import Sweep
from vcnd.ociapi import wire
from vcnd.ociapi.kinds import PRIVATE_IP

Clock = trio.testing.MockClock
READS = ("List", "Get")


async def sweep(
    one: World, nodes: AbstractSet[str], *, cluster: str = "test"
) -> SweepReport:
    instance = one.service.world.named(Instance, "node1")
    async with operator(one.service) as (core, retry):
        one.service.records.clear()
        report = await Sweep(core=core, retry=retry, cluster=cluster).report(
            [instance.compartment_id], nodes, []
        )
        made = [r.operation for r in one.service.records]
        assert made
        assert all(operation.startswith(READS) for operation in made)
    return report


async def two_nodes() -> tuple[World, str, str]:
    """Return a cloud with VNICs of two nodes whose daemons have ended."""
    first = world(nodes=2)
    second = first.beside("node2")
    for one in (first, second):
        async with one.node() as node:
            await until_warm(node)
    named = [first.service.world.named(Instance, n).id for n in ("node1", "node2")]
    return first, named[0], named[1]


async def fixed(one: World) -> PrivateIp:
    """Return a fixed address of the cluster, on no VNIC."""
    details = wire.ReservePrivateIpDetails(
        subnet_id=one.service.world.named(Subnet, "pods").id,
        display_name="db",
        freeform_tags={tags.OWNER: "test", tags.FIXED: "shop/db"},
    )
    async with operator(one.service) as (core, _):
        made = await core.create_address(PRIVATE_IP, details, retry_token=KEY_ID[-5:])
    return one.service.world.get(PrivateIp, made.id)


async def test_vnics_of_nodes_are_not_left(autojump_clock: Clock) -> None:
    one, first, second = await two_nodes()
    report = await sweep(one, {first, second})
    assert report.leftovers == ()
    assert report.vnics == 2
    assert report.unread == {}


async def test_vnic_of_an_instance_without_a_node_is_left(
    autojump_clock: Clock,
) -> None:
    one, first, second = await two_nodes()
    report = await sweep(one, {first})
    (left,) = report.leftovers
    assert left.cause is LeftCause.NO_NODE
    assert left.instance_id == second
    assert left.id == one.beside("node2").pod_vnics()[0].id
    assert left.subnet_id == one.service.world.named(Subnet, "pods").id
    assert left.addresses
    assert report.vnics == 1


async def test_all_of_a_cluster_that_is_gone_is_left(autojump_clock: Clock) -> None:
    one, first, second = await two_nodes()
    report = await sweep(one, frozenset())
    assert {x.instance_id for x in report.leftovers} == {first, second}
    assert report.vnics == 0


async def test_fixed_address_is_left_once_the_cluster_is_gone(
    autojump_clock: Clock,
) -> None:
    one, first, second = await two_nodes()
    made = await fixed(one)
    assert (await sweep(one, {first, second})).leftovers == ()
    *_, left = (await sweep(one, frozenset())).leftovers
    assert left.id == made.id
    assert left.fixed == "shop/db"
    assert left.addresses == (made.ip_address,)


async def test_vnics_of_another_cluster_are_not_named(autojump_clock: Clock) -> None:
    one, _, _ = await two_nodes()
    report = await sweep(one, frozenset(), cluster="other")
    assert report.leftovers == ()
    assert report.vnics == 0


async def test_addresses_that_cannot_be_listed_are_told(
    autojump_clock: Clock,
) -> None:
    one, first, _ = await two_nodes()
    one.fault("ListIpv6s", status=404, code="NotAuthorizedOrNotFound")
    report = await sweep(one, {first})
    assert [what.split()[0] for what in report.unread] == ["Ipv6s"]
    assert report.leftovers


async def test_compartment_that_cannot_be_listed_is_an_error(
    autojump_clock: Clock,
) -> None:
    one, first, _ = await two_nodes()
    one.fault("ListInstances", status=404, code="NotAuthorizedOrNotFound")
    with pytest.raises(CloudError, match="ListInstances: 404"):
        await sweep(one, {first})
