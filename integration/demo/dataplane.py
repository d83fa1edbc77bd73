"""Checks of the node's rule set: spoofed answers, link-local services, NSGs."""

import trio

from fakeoci.fabric import netns
from integration.checking import require
from integration.cloudview import named
from integration.demo.stage import Stage, sees
from integration.lab import traffic
from integration.lab.lab import ONPREM
from integration.lab.pods import Pod
from vcnd.core.requests import NSG_IDS

NODELOCAL_DNS = "169.254.20.10"
UDP_PORT = 8080
"""UDP to it is open in the pods' NSG."""
OPEN_PORT = 30053
"""Images' firewalls let it in, as a NodePort."""
SILENCE_SECONDS = 0.5


async def spoofed_reply_dropped(stage: Stage) -> str:
    """A pod answers in its neighbour's name, on a connection that is there."""
    victim, attacker, remote = stage.pod(0, 0), stage.pod(0, 1), stage.pod(1)
    before = await stage.lab.cloud.spoofed_packets()
    await _forge(ONPREM, victim.address, victim, attacker)
    for address in victim.addresses:
        await _forge(remote.netns, address, victim, attacker)
    spoofed = await stage.lab.cloud.spoofed_packets() - before
    require(spoofed == 0, f"{spoofed} packets met the cloud's source check")
    tried = ", ".join(victim.addresses)
    return f"{attacker.name} cannot answer {ONPREM} or {remote.name} as {tried}"


async def _forge(client: str, address: str, victim: Pod, attacker: Pod) -> None:
    with (
        traffic.datagrams(client, six=":" in address) as asks,
        traffic.datagrams(victim.netns, address, UDP_PORT) as real,
    ):
        await asks.sendto(b"question", (address, UDP_PORT))
        with trio.fail_after(traffic.ANSWER_SECONDS):
            _, back = await real.recvfrom(64)
        netns.ip(attacker.netns, [f"addr add {address} dev lo"])
        try:
            with traffic.datagrams(attacker.netns, address, UDP_PORT) as forged:
                await forged.sendto(b"forged", back)
        finally:
            netns.ip(attacker.netns, [f"addr del {address} dev lo"])
        heard = b""
        with trio.move_on_after(SILENCE_SECONDS):
            heard = await asks.recv(64)
        require(heard == b"", f"{client} takes the forged answer for {victim.name}'s")
        # The real one gets through: the check above can fail.
        await real.sendto(b"answer", back)
        with trio.move_on_after(traffic.ANSWER_SECONDS):
            heard = await asks.recv(64)
        require(heard == b"answer", f"{client} does not hear {victim.name} itself")


async def nodelocal_dns(stage: Stage) -> str:
    """A service at a link-local address of the node itself answers pods."""
    pod, node = stage.pod(0), stage.nodes[0].name
    netns.ip(node, [f"addr add {NODELOCAL_DNS}/32 dev lo"])
    try:
        with trio.CancelScope() as serving:
            async with trio.open_nursery() as server:
                await server.start(traffic.serve, node, OPEN_PORT)
                seen = await sees(pod.netns, NODELOCAL_DNS, OPEN_PORT)
                serving.cancel()
    finally:
        netns.ip(node, [f"addr del {NODELOCAL_DNS}/32 dev lo"])
    require(seen == pod.address, f"the node sees {seen}")
    other = await traffic.connect(pod.netns, NODELOCAL_DNS, 80, seconds=SILENCE_SECONDS)
    require(other is None, "the address answers though no link has it")
    return f"{NODELOCAL_DNS} of the node sees {seen}"


async def nsg_between_classes_same_node(stage: Stage) -> str:
    """NSGs hold between pods of one node that are in different ones."""
    world = await stage.lab.cloud.world()
    nsg = named(world, "Nsg", "blocked-port")["id"]
    plain, node = stage.pod(0), stage.nodes[0]
    pod = await stage.start_pod(node, {NSG_IDS: nsg})
    try:
        await stage.lab.cloud.settled()
        port = traffic.BLOCKED_PORT
        seen = await sees(plain.netns, pod.address, port)
        require(seen == plain.address, f"it sees {seen}")
        back = await sees(pod.netns, plain.address)
        require(back == pod.address, f"{plain.name} sees {back}")
        answer = await traffic.ask(pod.netns, plain.address, port, SILENCE_SECONDS)
        require(answer is None, f"port {port} of {plain.name} answers {answer}")
        rejected = await stage.lab.cloud.flow_log(
            action="REJECT",
            sourceAddress=pod.address,
            destinationAddress=plain.address,
        )
        require(rejected, "the flow log has no REJECT of it")
    finally:
        await stage.stop_pod(pod)
    return f"{pod.address} → {plain.address}:{port} is silent; the flow log: REJECT"
