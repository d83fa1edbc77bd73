"""The metrics of a simulated node agree with its state."""

from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack

import msgspec
import trio

from fakeoci.world.resources import Subnet
from sim.world import World, add, key, settings, until_warm, world
from tests.flow.test_broken import delete_behind
from vcnd.core.classes import named_class
from vcnd.core.repairs import Repair
from vcnd.flow.metrics import METRICS, MOST_CLASSES, MOST_SUBNETS, OWN
from vcnd.model.cause import Cause, Fault
from vcnd.model.drift import DriftKind
from vcnd.model.express import ExpressState
from vcnd.model.family import Family
from vcnd.model.metrics import OTHERS, Reading
from vcnd.model.request import Grant
from vcnd.model.sandbox import PodRef
from vcnd.node import Node
from vcnd.node_metrics import NodeMetrics
from vcnd.oci.cloud import OciCloud
from vcnd.ports import Cloud

Clock = trio.testing.MockClock
NOW = 1_800_000_000.0
RESTORED = {DriftKind.ROUTE: 2, DriftKind.TAGS: 1}
Values = Mapping[str, Mapping[tuple[str, ...], float]]


async def read(w: World, node: Node) -> Values:
    found = NodeMetrics(
        pool=node.pool,
        express=w.host.express,
        restored=lambda: RESTORED,
        others=[],
        wall_clock=lambda: NOW,
    )
    told = msgspec.json.encode(await found.reading())
    reading = msgspec.json.decode(told, type=Reading)  # as vcndctl gets it
    assert list(reading.families) == [*await found.read()]
    return {
        family.metric.shown_name: {s.labels: s.value for s in family.samples}
        for family in reading.families
    }


async def test_pool_is_told_by_class_family_and_state(autojump_clock: Clock) -> None:
    w = world()
    async with w.node(settings(batch=4)) as node:
        await until_warm(node)
        await add(node, 1)
        found = await read(w, node)
        counts = node.pool.ledger.counts()
        addresses = found["vcnd_pool_addresses"]
        assert addresses[OWN, "IPv4", "leased"] == 1
        assert addresses[OWN, "IPv4", "free"] == counts.free
        assert sum(addresses.values()) == counts.total
        assert found["vcnd_pool_demand_pods"] == {(): 1}
        assert found["vcnd_pool_target_addresses"] == {(): node.pool.target}
        assert found["vcnd_vnics"] == {(OWN,): len(node.pool.vnics.pod_slots)}
        assert found["vcnd_serving"] == {(): 1}
        assert found["vcnd_cni_calls_waiting"] == {(): 0}


async def test_subnet_has_its_size_and_what_is_held(autojump_clock: Clock) -> None:
    w = world()
    async with w.node() as node:
        await until_warm(node)
        found = await read(w, node)
    (vnic,) = w.pod_vnics()
    subnet = w.service.world.get(Subnet, vnic.subnet_id)
    size = 2 ** (32 - int(subnet.cidr_blocks[0].partition("/")[2])) - 3
    assert found["vcnd_subnet_size_addresses"] == {(vnic.subnet_id,): size}
    assert found["vcnd_subnet_held_addresses"] == {
        (vnic.subnet_id,): len(w.secondary()) + 1
    }


async def test_age_of_the_last_audit_is_told(autojump_clock: Clock) -> None:
    w = world()
    w.fault("ListVnicAttachments", times=1000, status=503)
    async with w.node() as node:
        await trio.sleep(5)
        assert (await read(w, node))["vcnd_cloud_audit_timestamp_seconds"] == {(): 0}
        w.service.faults.clear()
        await until_warm(node)
        await trio.sleep(40)
        (at,) = (await read(w, node))["vcnd_cloud_audit_timestamp_seconds"].values()
        assert at == NOW - trio.current_time() + node.pool.conditions.confirmed_at
        assert at <= NOW - 40


async def test_problems_are_told_by_place_and_cause(autojump_clock: Clock) -> None:
    w = world()
    w.fault("AttachVnic", times=1000, status=403)
    async with w.node() as node:
        await trio.sleep(30)
        found = await read(w, node)
        assert found["vcnd_problems"] == {("attach", "not_authorized"): 1}
        reported = found["vcnd_problems_reported_total"]
        assert reported["attach", "not_authorized"] >= 1
        w.service.faults.clear()
        await until_warm(node)
        later = await read(w, node)
        assert later["vcnd_problems"] == {}
        assert later["vcnd_problems_reported_total"].keys() == reported.keys()


async def test_broken_pods_are_told_by_cause(autojump_clock: Clock) -> None:
    w = world(blocks=False)
    async with w.node(settings(audit_seconds=60.0)) as node:
        await until_warm(node)
        lost = await add(node, 1)
        delete_behind(w, lost.address)
        await trio.sleep(120)
        found = await read(w, node)
    assert found["vcnd_broken_pods"] == {("address_gone",): 1}


async def test_repairs_of_pool_and_kernel_are_added_up(autojump_clock: Clock) -> None:
    w = world()
    async with w.node() as node:
        node.pool.repairs.note(
            Repair(kind=DriftKind.TAGS, number=4, what="vnic", at=0.0)
        )
        repairs = (await read(w, node))["vcnd_repairs_total"]
    assert repairs.keys() == {(kind,) for kind in DriftKind}
    assert {kind: n for (kind,), n in repairs.items() if n} == {"route": 2, "tags": 5}


async def test_express_lane_is_told(autojump_clock: Clock) -> None:
    w = world()
    w.host.express_state = ExpressState(
        on=False,
        why=Fault(Cause.NOT_PERMITTED, "no"),
        pods=2,
        flows=3,
        express_packets=7,
        ordinary_packets=9,
    )
    async with w.node() as node:
        found = await read(w, node)
    assert found["vcnd_express_on"] == {(): 0}
    assert found["vcnd_express_packets_total"] == {("express",): 7, ("ordinary",): 9}


async def test_labels_are_bounded_however_many_classes(autojump_clock: Clock) -> None:
    """Each set of NSGs is a class of its own."""
    w, most = world(), {"class": MOST_CLASSES, "subnet_id": MOST_SUBNETS}
    async with w.node() as node:
        await until_warm(node)
        with ExitStack() as waiting:
            for number in range(60):
                grant = Grant(
                    pod_class=named_class(("subnet",), [f"nsg{number}"]),
                    families=(Family.IPV4,),
                )
                pod = PodRef(namespace="shop", name="web", uid=str(number))
                waiting.enter_context(
                    node.pool.demand.waiting_for(key(number), pod, grant)
                )
            found = await read(w, node)
    for metric in METRICS:
        for label, bound in most.items():
            if label in metric.labels:
                at = metric.labels.index(label)
                values = {labels[at] for labels in found[metric.shown_name]}
                assert len(values - {OTHERS}) <= bound
    assert (OTHERS, "IPv4", "free") in found["vcnd_pool_addresses"]
    assert (OWN, "IPv4", "free") in found["vcnd_pool_addresses"]


async def test_each_call_to_the_cloud_is_counted_once(autojump_clock: Clock) -> None:
    """Also those for tokens, which the fake's own list of calls has."""
    w = world(federated=True)
    clouds: list[OciCloud] = []

    def through(cloud: Cloud) -> Cloud:
        assert isinstance(cloud, OciCloud)
        clouds.append(cloud)
        return cloud

    async with w.node(through=through) as node:
        await until_warm(node)
        await trio.sleep(60)
        (cloud,) = clouds
        families = {f.metric.shown_name: f for f in cloud.families()}
    counted = Counter[str]()
    for sample in families["vcnd_oci_calls_total"].samples:
        operation, result = sample.labels
        assert result == "ok"
        if not operation.startswith("IMDS"):
            counted[operation] += int(sample.value)
    assert counted == Counter(
        r.operation for r in w.service.records if r.operation != "IMDS"
    )
    assert counted["Federate"] == 1
