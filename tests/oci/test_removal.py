"""What a cluster left behind is removed, unless somebody has begun to use it."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet

import pytest
import trio

from fakeoci.world.resources import Instance, Vnic
from sim.cloud import operator
from sim.world import World
from tests.oci.test_leftovers import fixed, two_nodes
from vcnd.ctl.sweep_reading import removed_of
from vcnd.model.leftovers import SweepReport
from vcnd.oci import tags
from vcnd.oci.leftovers import Sweep
from vcnd.oci.removal import SWEPT, Removal
from vcnd.ociapi.client import CoreClient
from vcnd.ociapi.retry import Retrier

Clock = trio.testing.MockClock
Event = Callable[[], None]


def nothing() -> None:
    """Do nothing."""


async def report_of(
    one: World, core: CoreClient, retry: Retrier, nodes: AbstractSet[str]
) -> SweepReport:
    compartment = one.service.world.named(Instance, "node1").compartment_id
    sweep = Sweep(core=core, retry=retry, cluster="test")
    return await sweep.report([compartment], nodes, [])


async def remove_all(
    one: World,
    nodes: AbstractSet[str],
    *,
    now: AbstractSet[str] | None = None,
    meanwhile: Event = nothing,
    after: tuple[str, Event] = ("", nothing),
) -> SweepReport:
    """Search, let something happen, and remove all that was found.

    Args:
        one: the cloud.
        nodes: the instances that are nodes while it is searched.
        now: those that are when it is removed.
        meanwhile: happens between the two.
        after: an operation, and what happens after its answer while it is removed.
    """

    async def nodes_now() -> AbstractSet[str]:
        await trio.lowlevel.checkpoint()
        return nodes if now is None else now

    async with operator(one.service) as (core, retry):
        found = await report_of(one, core, retry, nodes)
        meanwhile()
        async with operator(one.service, after=after) as (later, again):
            removal = Removal(core=later, retry=again, cluster="test", nodes=nodes_now)
            return await removed_of(found, [x.id for x in found.leftovers], removal)


def vnic_of(one: World, name: str) -> Vnic:
    (vnic,) = one.beside(name).pod_vnics()
    return vnic


async def test_vnic_of_no_node_is_detached(autojump_clock: Clock) -> None:
    one, first, _ = await two_nodes()
    gone, stays = vnic_of(one, "node2"), vnic_of(one, "node1")
    report = await remove_all(one, {first})
    assert [x.id for x in report.removed] == [gone.id]
    assert (report.leftovers, report.kept) == ((), {})
    assert one.beside("node2").pod_vnics() == []
    assert one.pod_vnics() == [stays]


async def test_all_of_a_gone_cluster_is_removed(autojump_clock: Clock) -> None:
    one, _, _ = await two_nodes()
    address = await fixed(one)
    report = await remove_all(one, frozenset())
    assert len(report.removed) == 3
    assert address.id not in one.service.world.objects
    assert one.pod_vnics() == one.beside("node2").pod_vnics() == []


async def test_vnic_of_an_instance_that_became_a_node_stays(
    autojump_clock: Clock,
) -> None:
    one, first, second = await two_nodes()
    report = await remove_all(one, {first}, now={first, second})
    assert report.removed == ()
    ((_, why),) = report.kept.items()
    assert why == f"instance {second} is a node now"
    assert vnic_of(one, "node2").freeform_tags[tags.NODE] == second


@pytest.mark.parametrize(
    ("tag", "value", "words"),
    [
        (tags.OWNER, "another", "names the cluster 'another' now"),
        (tags.NODE, "ocid1.instance.x", "names another instance than it did"),
    ],
)
async def test_vnic_that_was_adopted_meanwhile_stays(
    autojump_clock: Clock, tag: str, value: str, words: str
) -> None:
    one, first, _ = await two_nodes()
    vnic = vnic_of(one, "node2")

    def adopt() -> None:
        vnic.freeform_tags[tag] = value
        one.service.world.touch(vnic)

    report = await remove_all(one, {first}, meanwhile=adopt)
    assert words in report.kept[vnic.id]
    assert vnic_of(one, "node2") is vnic
    assert vnic.freeform_tags[tag] == value


async def test_vnic_that_is_adopted_after_it_was_read_stays(
    autojump_clock: Clock,
) -> None:
    one, first, _ = await two_nodes()
    vnic = vnic_of(one, "node2")

    def adopt() -> None:
        vnic.freeform_tags[tags.NODE] = "ocid1.instance.x"
        one.service.world.touch(vnic)

    report = await remove_all(one, {first}, after=("GetVnic", adopt))
    assert "412" in report.kept[vnic.id]
    assert vnic_of(one, "node2").freeform_tags[tags.NODE] == "ocid1.instance.x"


async def test_fixed_address_that_is_fetched_after_it_was_read_stays(
    autojump_clock: Clock,
) -> None:
    one, _, _ = await two_nodes()
    address, vnic = await fixed(one), vnic_of(one, "node1")

    def fetch() -> None:
        address.vnic_id = vnic.id
        one.service.world.touch(address)

    report = await remove_all(one, frozenset(), after=("GetPrivateIp", fetch))
    assert "412" in report.kept[address.id]
    assert address.id in one.service.world.objects
    report = await remove_all(one, frozenset(), meanwhile=fetch)
    assert address.id in one.service.world.objects


async def test_object_that_another_has_removed_counts_as_removed(
    autojump_clock: Clock,
) -> None:
    one, _, _ = await two_nodes()
    address = await fixed(one)
    report = await remove_all(
        one, frozenset(), meanwhile=lambda: one.service.world.drop(address)
    )
    assert address.id in {x.id for x in report.removed}


async def test_removal_that_failed_half_way_is_found_again(
    autojump_clock: Clock,
) -> None:
    one, first, _ = await two_nodes()
    vnic = vnic_of(one, "node2")
    one.fault("DetachVnic", status=400, code="InvalidParameter")
    report = await remove_all(one, {first})
    assert "DetachVnic: 400" in report.kept[vnic.id]
    assert vnic.freeform_tags[tags.NODE] == SWEPT
    report = await remove_all(one, {first})
    assert [x.id for x in report.removed] == [vnic.id]


async def test_what_was_not_chosen_stays(autojump_clock: Clock) -> None:
    one, first, _ = await two_nodes()
    async with operator(one.service) as (core, retry):
        found = await report_of(one, core, retry, {first})
        one.service.records.clear()

        async def no_look() -> AbstractSet[str]:
            raise AssertionError

        removal = Removal(core=core, retry=retry, cluster="test", nodes=no_look)
        assert await removed_of(found, [], removal) == found
    assert not one.service.records
