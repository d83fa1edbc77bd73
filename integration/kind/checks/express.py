"""The express lane on real nodes: which connections are in it, and its switch."""

from integration.checking import require
from integration.kind import install
from integration.kind.checks.stage import SERVICE_PORT, Stage, service

REQUESTS = 400
FEW = REQUESTS // 4
"""More packets than probes and the like send meanwhile."""


def express_lane(stage: Stage) -> str:
    """Two pods' connection is in the lane, a Service's is not; the switch holds."""
    node, far = stage.workers[0], stage.ip("far")
    state = stage.status(node).express
    if not install.express():
        require(not state.on, "the configuration forbids the lane, and it is on")
        return state.reason
    require(state.on, f"the express lane is off: {state.reason}")
    stage.apply(service("lane", {"app": "far"}))
    cluster_ip = stage.get("service", "lane")["spec"]["clusterIP"]

    def carried(target: str) -> int:
        """Return how many packets took the lane while one connection made requests."""
        before = stage.status(node).express.express_packets
        stage.exec(
            "near", "curl", "-sS", "-m", "30", f"http://{target}/?[1-{REQUESTS}]"
        )
        return stage.status(node).express.express_packets - before

    direct = carried(f"{far}:{SERVICE_PORT}")
    require(direct >= REQUESTS, f"{REQUESTS} requests: {direct} packets in the lane")
    by_service = carried(cluster_ip)
    require(by_service < FEW, f"of a Service's connection {by_service} are in the lane")
    stage.vcndctl(node, "express", "off")
    try:
        off = carried(f"{far}:{SERVICE_PORT}")
    finally:
        stage.vcndctl(node, "express", "on")
    require(not off, f"switched off, {off} packets took the lane")
    stage.delete("service", "lane")
    return (
        f"{direct} packets of {REQUESTS} requests to a pod, {by_service} by a Service"
    )
