"""Check that pods' paths work under the nodes' image, also when applied again."""

from pathlib import Path

import trio

from fakeoci.fabric import netns
from integration.checking import require
from integration.demo.paths import RESTORE_SECONDS
from integration.demo.stage import Stage, sees
from integration.lab import traffic
from integration.lab.lab import INTERNET, ONPREM, PEER
from integration.lab.node import Node

IN_FORCE = {
    "plain": (0, 0, ""),
    "ubuntu": (2, 2, "reject with icmp host-prohibited"),
    "oracle-linux": (1, 1, "fib saddr . mark . iif oif missing drop"),
}
"""Image → rp_filter of all links and of new ones, and a rule of its firewall."""


async def rp_filter_profiles(stage: Stage) -> str:
    """Reach other nodes, peers, on-prem and the internet; again after an upgrade."""
    image = stage.nodes[0].profile
    for node in stage.nodes:
        _expect_in_force(node)
    asked = await _all_paths(stage)
    for node in stage.nodes:
        image.sysctl_system(node.name)
        image.load_firewall(node.name)
    began = trio.current_time()
    seen = None
    while seen is None and trio.current_time() - began < 5 * RESTORE_SECONDS:
        client, server = stage.pod(0), stage.pod(1)
        seen = await traffic.ask(client.netns, server.address, seconds=0.1)
    took = trio.current_time() - began
    require(took < RESTORE_SECONDS, f"pods are silent for {took:.2f} s")
    for node in stage.nodes:
        _expect_in_force(node)
    asked += await _all_paths(stage)
    everywhere, _, _ = IN_FORCE[image.name]
    return (
        f"{asked} of {asked} paths work with rp_filter {everywhere} and the firewall of"
        f" {image.name}, before and after `sysctl --system` and the firewall's reload"
        f" ({took * 1000:.0f} ms)"
    )


def _expect_in_force(node: Node) -> None:
    """Fail unless the node has its image's settings and firewall."""
    everywhere, fresh, rule = IN_FORCE[node.profile.name]
    conf = Path("/proc/sys/net/ipv4/conf")
    for name, wanted in (("all", everywhere), ("default", fresh)):
        value = netns.inside(node.name, (conf / name / "rp_filter").read_text).strip()
        require(value == str(wanted), f"{node.name}: {name}/rp_filter is {value}")
    listed = netns.nft_output(node.name, "-s list ruleset")
    require(rule in listed, f"{node.name}: the firewall lacks {rule!r}")
    if rule:
        require("prohibited" in listed, f"{node.name}: no chain ends in REJECT")


async def _all_paths(stage: Stage) -> int:
    """Ask along each path in both directions; return how many were asked."""
    pod, far = stage.pod(0), stage.pod(1)
    asked = [(pod.netns, far.address), (far.netns, pod.address)]
    for host in (PEER, ONPREM):
        asked += [(host, pod.address), (pod.netns, stage.lab.addresses[host])]
    asked.append((pod.netns, stage.lab.addresses[INTERNET]))
    if len(pod.addresses) > 1:
        asked += [(pod.netns, far.ipv6), (far.netns, pod.ipv6)]
    for client, address in asked:
        await sees(client, address)
    return len(asked)
