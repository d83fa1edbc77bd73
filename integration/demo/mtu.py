"""Check of ``[node] outside_mtu``: how long packets of pods are, by where they go."""

from integration.checking import require
from integration.demo.stage import Stage, connect
from integration.lab.lab import ONPREM

INSIDE, OUTSIDE = 9000, 1500
HEADERS = 52
"""Of IPv4 and TCP, with time stamps."""


async def mtu_per_destination(stage: Stage) -> str:
    """Packets are long inside the VCN, and short to what is behind its gateways."""
    pod, far = stage.pod(0), stage.pod(1)
    found: list[int] = []
    for address in (far.address, stage.lab.addresses[ONPREM]):
        conversation = await connect(pod, address)
        require(await conversation.ask() == pod.address, f"{address} does not answer")
        found.append(conversation.segment_bytes + HEADERS)
        conversation.close()
    require(found == [INSIDE, OUTSIDE], f"packets have up to {found} bytes")
    return f"packets to a pod have up to {INSIDE} bytes, to on-premises {OUTSIDE}"
