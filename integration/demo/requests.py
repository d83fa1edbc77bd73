"""Checks of what pods ask for: other NSGs, another subnet, an address of their own."""

from typing import Any

import trio

from integration.checking import require
from integration.cloudview import named
from integration.demo.stage import Stage, private_ip_of, sees
from integration.lab import traffic
from vcnd.core.requests import FIXED_ADDRESS, NSG_IDS, SUBNET_IDS

ALLOW: list[dict[str, Any]] = [
    {
        "namespace": "default",
        "subnet_ids": ["*"],
        "nsg_ids": ["*"],
        "fixed_addresses": True,
    }
]
RELEASE_SECONDS = 10


async def pod_nsg_annotation(stage: Stage) -> str:
    """A pod in another NSG is reached where its neighbours are not."""
    world = await stage.lab.cloud.world()
    nsg = named(world, "Nsg", "blocked-port")["id"]
    client, plain = stage.pod(1), stage.pod(0)
    pod = await stage.start_pod(stage.nodes[0], {NSG_IDS: nsg})
    world = await stage.lab.cloud.world()
    vnic_id = private_ip_of(world, pod.address)["vnicId"]
    vnic = next(v for v in world["Vnic"] if v["id"] == vnic_id)
    require(vnic["nsgIds"] == [nsg], f"its VNIC is in {vnic['nsgIds']}")
    await stage.lab.cloud.settled()
    seen = await sees(client.netns, pod.address, traffic.BLOCKED_PORT)
    require(seen == client.address, f"it sees the client as {seen}")
    blocked, seconds = traffic.BLOCKED_PORT, traffic.SILENCE_SECONDS
    answer = await traffic.ask(client.netns, plain.address, blocked, seconds)
    require(
        answer is None, "its neighbour of the node's own class is reached there too"
    )
    await stage.stop_pod(pod)
    return f"port {traffic.BLOCKED_PORT} of it answers, of its neighbours it does not"


async def pod_subnet_annotation(stage: Stage) -> str:
    """A pod asks for another subnet and is seen with an address of it."""
    world = await stage.lab.cloud.world()
    subnet = named(world, "Subnet", "shop")
    pod, other = (
        await stage.start_pod(stage.nodes[0], {SUBNET_IDS: subnet["id"]}),
        stage.pod(1),
    )
    world = await stage.lab.cloud.world()
    private_ip = private_ip_of(world, pod.address)
    require(private_ip["subnetId"] == subnet["id"], f"{pod.address} is of another")
    await stage.lab.cloud.settled()
    seen = await sees(pod.netns, other.address)
    require(seen == pod.address, f"{other.name} sees {seen}")
    back = await sees(other.netns, pod.address)
    require(back == other.address, f"{pod.name} sees {back}")
    await stage.stop_pod(pod)
    return f"{pod.address} of {subnet['cidrBlock']}, across nodes and back"


async def fixed_address_survives(stage: Stage) -> str:
    """A pod ends, and comes again on another node with the address that it had."""
    annotations = {FIXED_ADDRESS: "web-0"}
    one, two, client = stage.nodes[0], stage.nodes[1], stage.pod(-1)
    pod = await stage.start_pod(one, annotations)
    world = await stage.lab.cloud.world()
    before = private_ip_of(world, pod.address)
    require(before["lifetime"] == "RESERVED", f"it is {before['lifetime']}")
    await stage.lab.cloud.settled()
    await sees(client.netns, pod.address)
    await stage.stop_pod(pod)
    again = await stage.start_pod(two, annotations)
    require(again.address == pod.address, f"{pod.address} became {again.address}")
    after = private_ip_of(await stage.lab.cloud.world(), again.address)
    require(after["id"] == before["id"], "it is another private IP object")
    require(after["vnicId"] != before["vnicId"], "it is on the VNIC of before")
    await stage.lab.cloud.settled()
    seen = await sees(client.netns, again.address)
    require(seen == client.address, f"it sees the client as {seen}")
    await stage.stop_pod(again)
    await _give_up(stage, before["id"])
    return f"{pod.address} went with its pod from {one.name} to {two.name}"


async def _give_up(stage: Stage, private_ip_id: str) -> None:
    """Delete a fixed address, as an operator does, once no node has it."""
    held: dict[str, Any] = {"vnicId": "…"}
    with trio.move_on_after(RELEASE_SECONDS):
        while held.get("vnicId") is not None:
            await trio.sleep(0.2)
            held = await stage.lab.cloud.call("GET", f"/privateIps/{private_ip_id}")
    require(held.get("vnicId") is None, f"no pod has it, and it is on {held['vnicId']}")
    await stage.lab.cloud.call("DELETE", f"/privateIps/{private_ip_id}")
