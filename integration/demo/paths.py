"""Checks of packets: who reaches whom, under which address, and who does not."""

from collections.abc import Callable

import trio

from fakeoci.fabric import netns
from integration.checking import CheckError, require
from integration.cloudview import addresses_of, named
from integration.demo.stage import Stage, sees
from integration.lab import traffic
from integration.lab.lab import INTERNET, ONPREM, PEER
from integration.lab.pods import Pod

RESTORE_SECONDS = 1.0
NODE_PORT = 30080


async def cross_node(stage: Stage) -> str:
    """Let the first pods of all nodes ask each other."""
    asked = 0
    for a in range(len(stage.nodes)):
        for b in range(len(stage.nodes)):
            if a != b:
                await sees(stage.pod(a).netns, stage.pod(b).address)
                asked += 1
    return f"{asked} pairs of pods on different nodes answer each other"


async def same_node(stage: Stage) -> str:
    """Let two pods of one node talk; the VCN never sees it."""
    a, b = stage.pod(0), stage.pod(0, 1)
    seen = await sees(a.netns, b.address)
    require(seen == a.address, f"{b.name} sees {seen}, not {a.address}")
    flows = [
        f
        for f in await stage.lab.cloud.flow_log()
        if {f["sourceAddress"], f["destinationAddress"]} == {a.address, b.address}
    ]
    require(not flows, f"the flow log has {flows}")
    return f"{a.address} → {b.address}: answered, and in no flow log"


async def source_preserved(stage: Stage) -> str:
    """The server on another node sees the pod's own address."""
    client, server = stage.pod(0), stage.pod(1)
    seen = await sees(client.netns, server.address)
    require(seen == client.address, f"{server.name} sees {seen}, not {client.address}")
    return f"{server.name} on {server.node.name} sees {seen}, the pod's own"


async def _from(stage: Stage, host: str) -> str:
    pod = stage.pod(0)
    seen = await sees(host, pod.address)
    require(seen == stage.lab.addresses[host], f"the pod sees {seen}")
    back = await sees(pod.netns, stage.lab.addresses[host])
    require(back == pod.address, f"{host} sees the pod as {back}")
    return f"{seen} → pod {pod.address}, and the pod → {seen} as itself"


async def from_peered_vcn(stage: Stage) -> str:
    """A host of a peered VCN and a pod reach each other."""
    return await _from(stage, PEER)


async def from_onprem(stage: Stage) -> str:
    """A host on-premises and a pod reach each other."""
    return await _from(stage, ONPREM)


async def to_internet_via_nat(stage: Stage) -> str:
    """A pod reaches the internet under the NAT gateway's address."""
    seen = await sees(stage.pod(0).netns, stage.lab.addresses[INTERNET])
    require(seen.startswith("203.0.113."), f"the internet sees {seen}")
    return f"the internet sees the NAT gateway's {seen}"


async def nsg_blocks(stage: Stage) -> str:
    """A port that no rule allows gets no answer across nodes, and is logged."""
    client, server = stage.pod(0), stage.pod(1)
    seen = await traffic.ask(
        client.netns, server.address, traffic.BLOCKED_PORT, seconds=1.0
    )
    require(seen is None, f"port {traffic.BLOCKED_PORT} answers {seen}")
    rejected = await stage.lab.cloud.flow_log(
        action="REJECT",
        sourceAddress=client.address,
        destinationPort=traffic.BLOCKED_PORT,
    )
    require(rejected, "the flow log has no REJECT of it")
    return f"{server.address}:{traffic.BLOCKED_PORT} is silent; the flow log: REJECT"


async def nsg_allows_after_rule_change(stage: Stage) -> str:
    """A rule added by the API opens the port, between pods of two nodes."""
    cloud = stage.lab.cloud
    nsg = named(await cloud.world(), "Nsg", "pods")["id"]
    port = traffic.BLOCKED_PORT
    rule = {
        "direction": "INGRESS",
        "protocol": "6",
        "source": nsg,
        "sourceType": "NETWORK_SECURITY_GROUP",
        "tcpOptions": {"destinationPortRange": {"min": port, "max": port}},
    }
    path = f"/networkSecurityGroups/{nsg}/actions"
    added = await cloud.call(
        "POST", f"{path}/addSecurityRules", {"securityRules": [rule]}
    )
    await cloud.settled()
    client, server = stage.pod(0), stage.pod(1)
    seen = await sees(client.netns, server.address, port)
    require(seen == client.address, f"{server.name} sees {seen}")
    ids = [r["id"] for r in added["securityRules"]]
    await cloud.call("POST", f"{path}/removeSecurityRules", {"securityRuleIds": ids})
    return f"with a rule from the pods' own NSG, port {port} answers"


async def imds_blocked_for_pods(stage: Stage) -> str:
    """Pods reach DNS at the link-local address, and nothing else there."""
    pod, node = stage.pod(0), stage.nodes[0].name
    for address, port in (("169.254.169.254", 80), ("169.254.0.2", 3260)):
        opened = await traffic.connect(pod.netns, address, port, seconds=1.0)
        if opened is not None:
            raise CheckError(f"a pod reaches {address}:{port}")
        reached = await traffic.connect(node, address, port)
        if reached is None:
            raise CheckError(f"the node itself does not reach {address}:{port}")
        reached.close()
    host = f"{node}.nodes.main.oraclevcn.com"
    answer = await traffic.resolve(pod.netns, host)
    require(answer == stage.lab.addresses[node], f"DNS says {answer} for {host}")
    return f"IMDS and iSCSI are shut for pods and open for the node; DNS says {answer}"


async def flow_log_names_pod_address(stage: Stage) -> str:
    """The flow log has a record with the pod's own address."""
    client, server = stage.pod(0), stage.pod(1)
    await sees(client.netns, server.address)
    found = await stage.lab.cloud.flow_log(
        action="ACCEPT",
        sourceAddress=client.address,
        destinationAddress=server.address,
        destinationPort=traffic.SERVICE_PORT,
    )
    require(found, f"no ACCEPT of {client.address} → {server.address}")
    last = found[-1]
    return (
        f"{last['sourceAddress']}:{last['sourcePort']} →"
        f" {last['destinationAddress']}:{last['destinationPort']}"
        f" {last['packets']} packets {last['action']}"
    )


async def answers_by_ingress(stage: Stage) -> str:
    """Ports of node addresses, DNATed like a NodePort: answers leave as they came."""
    node = stage.nodes[-1]
    status = await node.status()
    primary = next(v.address for v in status.vnics if v.primary)
    secondary = next(v.address for v in status.vnics if v.index == 2)  # noqa: PLR2004
    world = await stage.lab.cloud.world()
    first_vnic = next(v.id for v in status.vnics if v.index == 2)  # noqa: PLR2004
    vnic_by_address = {
        address: p["vnicId"] for p in world["PrivateIp"] for address in addresses_of(p)
    }
    mine = stage.pods[node.name]
    backends = {
        "local pod": _one(mine, lambda p: vnic_by_address[p.address] == first_vnic),
        "remote pod": stage.pod(0),
        "pod of another VNIC": _one(
            mine, lambda p: vnic_by_address[p.address] != first_vnic
        ),
    }
    before = await stage.lab.cloud.spoofed_packets()
    netns.nft(node.name, _node_ports([primary, secondary], list(backends.values())))
    _accept_as_kube_proxy(node.name)
    try:
        asked = 0
        for address in (primary, secondary):
            for number, (kind, pod) in enumerate(backends.items()):
                port = NODE_PORT + number
                for client in (ONPREM, stage.pod(0, 1).netns):
                    seen = await traffic.ask(client, address, port)
                    require(
                        seen is not None,
                        f"{client} → {address}:{port} ({kind} {pod.address}) is silent",
                    )
                    asked += 1
    finally:
        netns.nft(node.name, "delete table ip lab_node_ports\n")
        _accept_as_kube_proxy(node.name, undo=True)
    dropped = await stage.lab.cloud.spoofed_packets() - before
    require(dropped == 0, f"the source check dropped {dropped} packets")
    return (
        f"{asked} of {asked}: ports of {primary} and {secondary} to a local pod, a"
        " remote pod, a pod of another VNIC; the source check dropped nothing"
    )


def _one(pods: list[Pod], fits: Callable[[Pod], bool]) -> Pod:
    for pod in pods:
        if fits(pod):
            return pod
    raise CheckError("the node has no pod on that VNIC")


def _node_ports(addresses: list[str], backends: list[Pod]) -> str:
    """Return what kube-proxy would set up, for a few ports."""
    rules = [
        f"ip daddr {address} tcp dport {NODE_PORT + number} dnat to"
        f" {pod.address}:{traffic.SERVICE_PORT}"
        for address in addresses
        for number, pod in enumerate(backends)
    ]
    body = "\n    ".join(rules)
    return f"""table ip lab_node_ports {{
  chain prerouting {{
    type nat hook prerouting priority dstnat;
    {body}
  }}
  chain postrouting {{
    type nat hook postrouting priority srcnat;
    ct status dnat oifname != "oci*" masquerade
  }}
}}
"""


def _accept_as_kube_proxy(node: str, *, undo: bool = False) -> None:
    """Do what KUBE-FORWARD does if an image's FORWARD chain ends in REJECT."""
    if "chain FORWARD" not in netns.nft_output(node, "list chains ip"):
        return
    if not undo:
        rule = 'ct status dnat counter accept comment "kube-proxy"'
        netns.nft(node, f"insert rule ip filter FORWARD {rule}\n")
        return
    for line in netns.nft_output(node, "-a list chain ip filter FORWARD").splitlines():
        if "kube-proxy" in line:
            handle = line.rpartition("handle ")[2]
            netns.nft(node, f"delete rule ip filter FORWARD handle {handle}\n")


async def rules_restored(stage: Stage) -> str:
    """Flush the ruleset and bounce the VNIC's link; packets flow within a second."""
    node, pod, other = stage.nodes[0], stage.pod(0), stage.pod(1)
    status = await node.status()
    mac = next(v.mac for v in status.vnics if v.index == 2)  # noqa: PLR2004
    link = next(
        line.split("@")[0].split()[0]
        for line in netns.ip_output(node.name, "-br", "link").splitlines()
        if mac in line
    )

    def flush() -> None:
        # A firewall's restart: all goes, and only its own rules come back.
        netns.nft(node.name, "flush ruleset\n")
        node.profile.load_firewall(node.name)

    def bounce() -> None:
        netns.ip(node.name, [f"link set {link} down", f"link set {link} up"])

    took = {}
    for what, harm in (("nft flush ruleset", flush), (f"{link} down and up", bounce)):
        await sees(pod.netns, other.address)
        await trio.to_thread.run_sync(harm)
        began = trio.current_time()
        seen = None
        while seen is None and trio.current_time() - began < 5 * RESTORE_SECONDS:
            seen = await traffic.ask(pod.netns, other.address, seconds=0.1)
        took[what] = trio.current_time() - began
        require(seen == pod.address, f"after {what}: {seen!r} for 5 s")
        require(took[what] < RESTORE_SECONDS, f"after {what}: {took[what]:.2f} s")
    text = ", ".join(f"{what}: {t * 1000:.0f} ms" for what, t in took.items())
    return f"packets flow again ({text})"
