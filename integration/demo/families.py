"""Checks of IPv6 beside IPv4."""

from integration.checking import require
from integration.cloudview import named
from integration.demo.stage import Stage, private_ip_of, sees
from integration.lab import traffic
from integration.lab.lab import ONPREM
from vcnd.core.requests import IP_FAMILIES

IMDS = "fd00:c1::a9fe:a9fe"
ONPREM_IPV6 = "2001:db8:ac10::10"
BOTH = ("IPv4", "IPv6")


async def ipv6_cross_node(stage: Stage) -> str:
    """Pods of two nodes meet by IPv6, each seen with its own address."""
    one, two = stage.pod(0), stage.pod(1)
    world = await stage.lab.cloud.world()
    prefix = named(world, "Subnet", "pods")["ipv6CidrBlock"]
    for here, there in ((one, two), (two, one)):
        seen = await sees(here.netns, there.ipv6)
        require(seen == here.ipv6, f"{there.name} sees {seen}")
    blocked, seconds = traffic.BLOCKED_PORT, traffic.SILENCE_SECONDS
    refused = await traffic.ask(one.netns, two.ipv6, blocked, seconds)
    require(refused is None, "a port that the NSG does not allow answers")
    imds = await traffic.ask(one.netns, IMDS, 80, seconds)
    require(imds is None, "a pod reaches the metadata service")
    return f"{one.ipv6} ↔ {two.ipv6} of {prefix}; the NSG holds; IMDS is out of reach"


async def ipv6_from_onprem(stage: Stage) -> str:
    """A host on-premises and a pod reach each other by IPv6."""
    pod = stage.pod(0)
    seen = await sees(ONPREM, pod.ipv6)
    require(seen == ONPREM_IPV6, f"the pod sees {seen}")
    back = await sees(pod.netns, ONPREM_IPV6)
    require(back == pod.ipv6, f"{ONPREM} sees the pod as {back}")
    return f"{seen} → pod {pod.ipv6}, and the pod → {seen} as itself"


async def ipv6_same_node(stage: Stage) -> str:
    """Two pods of a node meet by IPv6, and the node meets them as itself."""
    node = stage.nodes[0]
    one, two = stage.pod(0), stage.pod(0, -1)
    seen = await sees(one.netns, two.ipv6)
    require(seen == one.ipv6, f"{two.name} sees {seen}")
    own = {v.ipv6 for v in (await node.status()).vnics if v.primary and v.ipv6}
    seen = await sees(node.name, one.ipv6)
    require({seen} == own, f"{one.name} sees its node as {seen}, not {own}")
    return f"veth to veth; the node asks as {seen}, its primary VNIC's"


async def ipv6_alone(stage: Stage) -> str:
    """A pod that wants IPv6 alone has it alone."""
    pod = await stage.start_pod(stage.nodes[0], {IP_FAMILIES: "IPv6"})
    require(pod.addresses == [pod.ipv6], f"it has {pod.addresses}")
    other = stage.pod(1)
    await stage.lab.cloud.settled()
    seen = await sees(pod.netns, other.ipv6)
    require(seen == pod.ipv6, f"{other.name} sees {seen}")
    seconds = traffic.SILENCE_SECONDS
    answer = await traffic.ask(pod.netns, other.address, seconds=seconds)
    require(answer is None, f"by IPv4 it reaches {other.address}")
    await stage.stop_pod(pod)
    return f"{pod.ipv6}, and no way to IPv4"


async def families_are_listed(stage: Stage) -> str:
    """Each pod's IPv4 address is a private IP, its IPv6 address an IPv6 object's."""
    world = await stage.lab.cloud.world()
    for pod in stage.all_pods():
        private_ip_of(world, pod.address)
        private_ip_of(world, pod.ipv6, kind="Ipv6")
    blocks = [x for x in world["Ipv6"] if x["cidrPrefixLength"] < 128]  # noqa: PLR2004
    return f"{len(stage.all_pods())} pods; {len(blocks)} IPv6 blocks hold them"
