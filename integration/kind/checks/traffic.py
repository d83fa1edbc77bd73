"""Traffic between pods and hosts outside the cluster; NSGs."""

from integration.checking import CheckError, require
from integration.cloudview import named
from integration.kind.checks.stage import BLOCKED_PORT, SERVICE_PORT, Stage, refused
from integration.kind.settings import CLOUD, ONPREM, ONPREM_HOST, PEER

SEEN_PORT = 7070
TELL_PEER = f"""
import socket
s = socket.create_server(("0.0.0.0", {SEEN_PORT}))
while True:
    c, peer = s.accept()
    try:
        c.sendall(f"HTTP/1.0 200 OK\\r\\n\\r\\n{{peer[0]}}".encode())
        c.shutdown(socket.SHUT_WR)
        c.recv(65536)
    except OSError:
        pass  # who only wants to know whether it is reached closes at once
    c.close()
"""


def from_peered_vcn(stage: Stage) -> str:
    """A host of a peered VCN reaches pods directly, and they see its address."""
    return _from(stage, PEER, "192.168.1.")


def from_onprem(stage: Stage) -> str:
    """A host on-premises reaches pods directly, and they see its address."""
    return _from(stage, ONPREM, ONPREM_HOST)


def _from(stage: Stage, where: str, source: str) -> str:
    seen = set()
    for pod in ("near", "far"):
        address = stage.ip(pod)
        answer = stage.fetch(where, f"{address}:{SERVICE_PORT}/clientip")
        require(answer.startswith(source), f"{pod} saw {answer}, and not {source}")
        seen.add(answer.partition(":")[0])
    return f"two pods on two nodes answered, and saw {', '.join(seen)}"


def egress_source_preserved(stage: Stage) -> str:
    """A server outside the VCN sees the pod's own address."""
    stage.cluster.docker.run(
        *("exec", "-d", CLOUD, "ip", "netns", "exec", ONPREM),
        *("timeout", "60", "python3", "-c", TELL_PEER),
    )
    before = stage.cloud.spoofed_packets()
    target = f"{ONPREM_HOST}:{SEEN_PORT}"
    seen = [_seen_by(stage, pod, target) for pod in ("near", "far")]
    spoofed = stage.cloud.spoofed_packets() - before
    require(not spoofed, f"{spoofed} packets had a source that is not the VNIC's")
    return (
        f"on-premises saw {', '.join(seen)}, the pods' own; spoofed packets: {spoofed}"
    )


def _seen_by(stage: Stage, pod: str, target: str) -> str:
    """Return the source address that a server sees; raise if it is not the pod's."""
    mine = stage.ip(pod)
    answer: str = stage.wait(
        f"{pod} reaches {target}", lambda: stage.curl(pod, target), 20
    )
    require(answer == mine, f"{target} saw {answer}, and the pod is {mine}")
    return answer


def nsg_blocks_pod(stage: Stage) -> str:
    """The pods' NSG blocks a port; a rule opens it."""
    target = f"{stage.ip('far')}:{BLOCKED_PORT}/clientip"
    open_one = f"{stage.ip('far')}:{SERVICE_PORT}/clientip"
    require(stage.curl("near", open_one), "the open port does not answer")
    shut = refused(lambda: stage.curl("near", target, 2))
    require(shut, f"{target} answers though no rule lets it in")
    nsg = named(stage.cloud.world(), "Nsg", "pods")["id"]
    ports = {"min": BLOCKED_PORT, "max": BLOCKED_PORT}
    rule = {
        "direction": "INGRESS",
        "protocol": "6",
        "source": "10.0.0.0/16",
        "tcpOptions": {"destinationPortRange": ports},
    }
    path = f"/networkSecurityGroups/{nsg}/actions"
    added = stage.cloud.call(
        "POST", f"{path}/addSecurityRules", {"securityRules": [rule]}
    )
    stage.cloud.spoofed_packets()  # it answers once packets follow the API
    answer = stage.curl("near", target)
    ids = [r["id"] for r in added["securityRules"]]
    stage.cloud.call("POST", f"{path}/removeSecurityRules", {"securityRuleIds": ids})
    stage.cloud.spoofed_packets()
    if not refused(lambda: stage.curl("near", target, 2)):
        raise CheckError("the port is open though the rule was removed")
    return f"port {BLOCKED_PORT} shut, opened by a rule (saw {answer}), shut again"
