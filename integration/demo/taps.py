"""Check of a VTAP: it mirrors what pods say."""

import struct
from ipaddress import IPv4Address
from typing import Any

import trio

from integration.checking import require
from integration.cloudview import named
from integration.demo.stage import Stage, private_ip_of, sees
from integration.lab.frames import Watch
from integration.lab.node import Node
from integration.lab.vxlan import Inner

IDENTIFIER = 4242
BEGINNING = struct.pack("!II", 0x08 << 24, IDENTIFIER << 8)
"""VXLAN's header of the check's packets."""
OUTER = 28
"""The size of IPv4 and UDP header before it."""
ARRIVE_SECONDS = 2.0


async def vtap_sees_pod(stage: Stage) -> str:
    """A VTAP of a pod's VNIC sends a copy of its packets to another node."""
    pod, other, collector = stage.pod(0), stage.pod(1), stage.nodes[-1]
    cloud = stage.lab.cloud
    vtap = await _started(stage, collector)
    with Watch(collector.name, "eth0") as watch:
        await sees(pod.netns, other.address)
        copies: set[tuple[str, str]] = set()
        wanted = {(pod.address, other.address), (other.address, pod.address)}
        with trio.move_on_after(ARRIVE_SECONDS):
            while not wanted <= copies:
                copies |= {(i.source, i.destination) for i in _copies(watch)}
                await trio.sleep(0.02)
    await cloud.call("DELETE", f"/vtaps/{vtap['id']}")
    await cloud.call("DELETE", f"/captureFilters/{vtap['captureFilterId']}")
    await cloud.settled()
    require(wanted <= copies, f"{collector.name} got copies of {copies}")
    return (
        f"{collector.name} gets both directions of {pod.address} ↔ {other.address} as"
        f" VXLAN {IDENTIFIER}"
    )


async def _started(stage: Stage, collector: Node) -> dict[str, Any]:
    """Start a VTAP from the first pod's VNIC to a node's; it mirrors TCP alone."""
    cloud = stage.lab.cloud
    world = await cloud.world()
    vnics = world["Vnic"]
    target = next(
        v for v in vnics if v["isPrimary"] and v["displayName"] == collector.name
    )
    compartment = {"compartmentId": target["compartmentId"]}
    rules = [
        {"trafficDirection": way, "protocol": "6"} for way in ("INGRESS", "EGRESS")
    ]
    body = compartment | {"filterType": "VTAP", "vtapCaptureFilterRules": rules}
    captures = await cloud.call("POST", "/captureFilters", body)
    body = compartment | {
        "vcnId": named(world, "Vcn", "main")["id"],
        "sourceId": private_ip_of(world, stage.pod(0).address)["vnicId"],
        "targetId": target["id"],
        "captureFilterId": captures["id"],
        "vxlanNetworkIdentifier": IDENTIFIER,
        "isVtapEnabled": True,
    }
    vtap: dict[str, Any] = await cloud.call("POST", "/vtaps", body)
    await cloud.settled()
    return vtap


def _copies(watch: Watch) -> list[Inner]:
    return [
        Inner.of(str(IPv4Address(packet[12:16])), packet[OUTER:])
        for packet in watch.packets(BEGINNING)
    ]
