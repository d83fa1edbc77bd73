"""Checks of ``[node] snat``: under which address pods leave the VCN."""

from typing import Any

import trio

from integration.checking import require
from integration.demo.stage import Stage, connect, sees
from integration.lab.lab import INTERNET, ONPREM, PEER

READ_SECONDS = 20.0
"""How soon a node that needs the VCN's CIDRs has read them."""


async def snat_none(stage: Stage) -> str:
    """Without SNAT pods keep their address, also outside the VCN."""
    pod = stage.pod(0)
    for host in (PEER, ONPREM):
        seen = await sees(pod.netns, stage.lab.addresses[host])
        require(seen == pod.address, f"{host} sees {seen}, not {pod.address}")
    return f"a peered VCN and on-premises see the pod's own {pod.address}"


async def snat_outside_vcn(stage: Stage) -> str:
    """With it the node's address is seen outside the VCN; connections go on."""
    node, pod, far = stage.nodes[0], stage.pod(0), stage.pod(1)
    own, office = stage.lab.addresses[node.name], stage.lab.addresses[ONPREM]
    live = await connect(pod, office)
    require(await live.ask() == pod.address, "on-premises sees another address")
    exempt = ["192.168.0.0/16"]
    snat: dict[str, Any] = {"snat": "outside-vcn", "snat_exempt": exempt}
    await stage.restart_with(node, node=snat)
    try:
        require(await live.ask() == pod.address, "a live connection broke")
        seen = await sees(pod.netns, office)
        with trio.move_on_after(READ_SECONDS):  # the VCN's CIDRs are read first
            while seen != own:
                await trio.sleep(0.2)
                seen = await sees(pod.netns, office)
        require(seen == own, f"on-premises sees {seen}, not {own}")
        await sees(pod.netns, stage.lab.addresses[INTERNET])
        for address in (far.address, stage.lab.addresses[PEER]):
            seen = await sees(pod.netns, address)
            require(seen == pod.address, f"{address} sees {seen}, not {pod.address}")
        back = await sees(ONPREM, pod.address)
        require(back == office, f"the pod sees on-premises as {back}")
    finally:
        await stage.restart_with(node)
        live.close()
    seen = await sees(pod.netns, office)
    require(seen == pod.address, f"switched off, on-premises sees {seen}")
    return (
        f"on-premises sees the node's {own}; the VCN and the exempt"
        f" {exempt[0]} see the pod's {pod.address}; a live connection went on"
    )
