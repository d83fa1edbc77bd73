"""``vcndctl top`` and ``vcndctl flows`` count real packets and connections."""

import json
from typing import Any

from integration.lab import pods, traffic
from integration.lab.lab import Lab
from integration.lab.node import Node

TCP = 6


async def counters(node: Node, pod: str) -> dict[str, int]:
    answer = json.loads(await node.ctl("top", "--json"))
    found: dict[str, int] = next(
        x["counters"] for x in answer["pods"] if x["pod"] == pod
    )
    return found


async def test_packets_and_connections_are_counted(lab: Lab) -> None:
    node = lab.nodes[0]
    web = await pods.start(node, "web", lab.servers)
    far = await pods.start(lab.nodes[1], "far", lab.servers)
    before = await counters(node, "default/web")
    assert await traffic.ask("web", far.address) == web.address
    after = await counters(node, "default/web")
    for name in ("sent_packets", "sent_bytes"):
        assert after[name] > before[name]
    flows: list[dict[str, Any]] = json.loads(await node.ctl("flows", "web", "--json"))[
        "flows"
    ]
    ends = [
        (x["source"], x["destination"], x["protocol"], x["port"])
        for x in flows
        if x["source_pod"] == "default/web"
    ]
    assert (web.address, far.address, TCP, traffic.SERVICE_PORT) in ends
    assert "default/web" in await node.ctl("top")
    assert far.address in await node.ctl("flows")
    await pods.stop(far)
    await pods.stop(web)
