"""``vcndctl path`` says what real packets do, and what the fabric's flow log has."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fakeoci.fabric import netns
from integration.lab import pods, traffic
from integration.lab.ctl import ask
from integration.lab.lab import ONPREM, Lab, running_lab, world_text
from integration.lab.node import Node
from vcnd.ctl.exits import Exit

NTP_AND_DNS = "169.254.169.254"
RULE = "pref 5 from {} blackhole"


async def path(
    node: Node, pod: str, destination: str, *port: str
) -> tuple[int, dict[str, Any]]:
    """Return vcndctl's exit code, and the way of the first family.

    Without a port it is the pods' service.
    """
    ports = port or (str(traffic.SERVICE_PORT),)
    code, answer = await ask(node, "path", pod, destination, *ports)
    return code, answer["ways"][0]["way"]


@pytest.fixture
async def web(lab: Lab) -> AsyncIterator[pods.Pod]:
    """A pod of the first node; the second has a pod far."""
    pod = await pods.start(lab.nodes[0], "web", lab.servers)
    far = await pods.start(lab.nodes[1], "far", lab.servers)
    yield pod
    await pods.stop(far)
    await pods.stop(pod)


async def far_address(lab: Lab) -> str:
    (lease,) = (await lab.nodes[1].status()).leases
    return lease.address


async def test_packets_leave_by_the_vnic_that_path_names(
    lab: Lab, web: pods.Pod
) -> None:
    node, target = lab.nodes[0], await far_address(lab)
    code, way = await path(node, "default/web", target)
    assert (code, way["carrier"], way["cause"]) == (Exit.FINE, "vnic", None)
    vnic = next(v for v in (await node.status()).vnics if v.id == way["vnic_id"])
    assert vnic.subnet_id == way["subnet_id"]
    assert way["kernel"]["out"] != ""
    assert await traffic.ask("web", target) == web.address
    assert await lab.cloud.flow_log(
        sourceAddress=web.address, destinationAddress=target, action="ACCEPT"
    )


async def test_rules_and_routes_of_the_vcn_are_told(lab: Lab, web: pods.Pod) -> None:
    node, target = lab.nodes[0], await far_address(lab)
    _, way = await path(node, "web", target)
    stages = {s["stage"]: s for s in way["vcn"]}
    assert [*stages] == ["egress", "route", "ingress"]
    assert {s["ruling"] for s in stages.values()} == {way["vcn_ruling"]} == {"allowed"}
    assert "the pods' service" in stages["ingress"]["why"]
    assert stages["ingress"]["at"] in {
        v.id for v in (await lab.nodes[1].status()).vnics
    }
    assert way["vcn_unread"] == []
    _, office = await path(node, "web", lab.addresses[ONPREM])
    assert "172.16.0.0/24 by the DRG" in office["vcn"][1]["why"]


async def test_port_that_no_rule_allows_is_told(lab: Lab, web: pods.Pod) -> None:
    node, target = lab.nodes[0], await far_address(lab)
    code, way = await path(node, "web", target, "9999")
    assert (code, way["carrier"], way["vcn_ruling"]) == (Exit.WRONG, "vnic", "denied")
    assert "no rule allows tcp 9999" in way["vcn"][-1]["why"]
    assert await traffic.ask("web", target, port=9999, seconds=0.4) is None
    code, answer = await ask(node, "path", "web", target)
    assert code == Exit.UNSURE
    assert answer["ways"][0]["way"]["vcn_ruling"] == "unknown"


async def test_packets_between_pods_of_a_node_stay_there(
    lab: Lab, web: pods.Pod
) -> None:
    near = await pods.start(lab.nodes[0], "near", lab.servers)
    code, way = await path(lab.nodes[0], "web", "near")
    assert (code, way["carrier"]) == (Exit.FINE, "pod")
    assert (way["to_pod"], way["nsg_ids"]) == ("default/near", [])
    assert await traffic.ask("web", near.address) == web.address
    assert not await lab.cloud.flow_log(destinationAddress=near.address)
    await pods.stop(near)


async def test_dropped_packets_are_told(lab: Lab, web: pods.Pod) -> None:
    node, target = lab.nodes[0], await far_address(lab)
    rule = RULE.format(web.address)
    netns.ip(node.name, [f"rule add {rule}"])
    try:
        code, way = await path(node, "web", target)
        assert (code, way["carrier"]) == (Exit.WRONG, "dropped")
        assert (way["cause"], "blackhole" in way["reason"]) == ("kernel_refused", True)
        assert await traffic.ask("web", target, seconds=1.0) is None
    finally:
        netns.ip(node.name, [f"rule del {rule}"])
    assert (await path(node, "web", target))[0] == Exit.FINE


@pytest.mark.parametrize(
    ("destination", "code", "carrier"),
    [
        (NTP_AND_DNS, Exit.FINE, "primary"),
        ("169.254.7.7", Exit.WRONG, "dropped"),
        ("172.16.0.10", Exit.FINE, "vnic"),
    ],
)
async def test_way_follows_the_destination(
    lab: Lab, web: pods.Pod, destination: str, code: Exit, carrier: str
) -> None:
    assert lab.addresses[ONPREM] == "172.16.0.10"
    found, way = await path(lab.nodes[0], web.name, destination)
    assert (found, way["carrier"]) == (code, carrier)


async def test_address_of_the_node_is_told(lab: Lab, web: pods.Pod) -> None:
    primary = (await lab.nodes[0].status()).primary
    assert primary is not None
    code, way = await path(lab.nodes[0], web.name, primary.address)
    assert (code, way["carrier"]) == (Exit.FINE, "node")


async def test_translated_packets_are_told(tmp_path: Path) -> None:
    text = world_text(nodes=1, seed=1, slow=False)
    further = {"node": {"snat": "outside-vcn"}}
    async with running_lab(text, tmp_path, nodes=["node1"], further=further) as lab:
        (node,) = lab.nodes
        await node.start()
        await node.until_warm(1)
        web = await pods.start(node, "web", lab.servers)
        primary = (await node.status()).primary
        assert primary is not None
        code, way = await path(node, "web", lab.addresses[ONPREM])
        assert (code, way["carrier"]) == (Exit.FINE, "primary")
        assert "in the node's name" in way["kernel"]["note"]
        assert await traffic.ask("web", lab.addresses[ONPREM]) == primary.address
        await pods.stop(web)
