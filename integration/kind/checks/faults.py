"""The daemon, the API server or the cloud is away: pods keep running, others start."""

import json
import time
from typing import Any

from integration.checking import require
from integration.kind import install
from integration.kind.checks.basics import scaled
from integration.kind.checks.demand import no_failed_sandboxes
from integration.kind.checks.stage import SERVICE_PORT, Stage, deployment

AWAY_SECONDS = 15
MANAGED_BY = "app.kubernetes.io/managed-by"
BY_HAND = """
set -e
ip netns add by-hand
trap 'ip netns del by-hand' EXIT
export CNI_CONTAINERID=by-hand-$$ CNI_NETNS=/run/netns/by-hand CNI_IFNAME=eth0
export CNI_PATH=/opt/cni/bin
conf='{"cniVersion":"1.0.0","name":"vcnd","type":"vcnd-cni"}'
CNI_COMMAND=ADD /opt/cni/bin/vcnd-cni <<<"$conf"
CNI_COMMAND=DEL /opt/cni/bin/vcnd-cni <<<"$conf"
"""
"""The runtime's calls for a sandbox, without a kubelet, which asks the API server."""


def daemon_killed(stage: Stage) -> str:
    """SIGKILL while pods start: no pod fails, and running pods keep their network."""
    node, began = stage.workers[0], time.time()
    stage.apply(deployment("killed", 20, node=node))
    kills = 0
    for _ in range(4):
        time.sleep(0.7)
        stage.on_node(node, "systemctl", "kill", "-s", "KILL", "vcnd.service")
        kills += 1
        answer = stage.curl("far", f"{stage.ip('near')}:{SERVICE_PORT}/hostname")
        require(answer == "near", f"a running pod answered {answer!r}")
    scaled(stage, "killed", 20, node=node)
    no_failed_sandboxes(stage, began)
    stage.delete("deploy", "killed")
    return f"{kills} kills while 20 pods started: no ADD failed, traffic went on"


def api_server_away(stage: Stage) -> str:
    """While the API server hangs, the node serves the runtime and pods talk."""
    control_plane, node = stage.cluster.nodes()[0], stage.workers[0]
    near, far = stage.ip("near"), stage.ip("far")
    hold = ("pkill", "-STOP", "-x", "kube-apiserver")
    go_on = ("pkill", "-CONT", "-x", "kube-apiserver")
    began = time.monotonic()
    stage.on_node(control_plane, *hold)
    try:
        answer = stage.on_node(node, "/bin/bash", "-c", BY_HAND)
        require('"ips"' in answer, f"ADD by hand: {answer}")
        for address in (near, far):
            answer = stage.from_onprem(f"{address}:{SERVICE_PORT}/hostname")
            require(answer in ("near", "far"), f"{address} answered {answer!r}")
        time.sleep(max(0.0, AWAY_SECONDS - (time.monotonic() - began)))
    finally:
        stage.on_node(control_plane, *go_on)
    stage.wait("the API server answers", lambda: stage.get("pods"), 60)
    scaled(stage, "after", 4, node=node)
    stage.delete("deploy", "after")
    return (
        f"stopped for {AWAY_SECONDS} s: ADD and DEL by hand, traffic; pods start after"
    )


def cloud_away(stage: Stage) -> str:
    """While OCI refuses everything, the warm pool serves; then it fills again."""
    node, began = stage.workers[0], time.time()

    def warm() -> int:
        return stage.status(node).pool.free

    stage.wait("a warm pool", lambda: warm() > 3, 60)  # noqa: PLR2004
    count = min(warm(), 6)
    fault = {"status": 503, "code": "ServiceUnavailable", "times": 10_000}
    stage.cloud.fault(operation="*", kind="before", **fault)
    try:
        scaled(stage, "warm", count, node=node)
    finally:
        stage.cloud.admin("DELETE", "/faults")
    no_failed_sandboxes(stage, began)
    scaled(stage, "warm", count + 10, node=node)
    stage.delete("deploy", "warm")
    return f"{count} pods started while it was away, 10 more when it was back"


def bad_network_is_told(stage: Stage) -> str:
    """Others' malformed NativePodNetwork is reported everywhere, then mended."""
    node, began = stage.workers[0], time.time()
    network = next(
        n
        for n in install.networks(stage.cluster)
        if n["metadata"]["ownerReferences"][0]["name"] == node
    )
    name, good = network["metadata"]["name"], network["spec"]
    restarts = _restarts(stage, node)

    def patch(labels: dict[str, str | None], spec: dict[str, Any]) -> None:
        patch = json.dumps({"metadata": {"labels": labels}, "spec": spec})
        stage.kubectl("patch", "npn", name, "--type=merge", "-p", patch)

    patch({MANAGED_BY: None}, {"podSubnetIds": []})
    try:
        stage.wait(
            "an event that names the field",
            lambda: [
                e
                for e in stage.events("PodNetworkProblem", began)
                if "podSubnetIds" in e["message"]
            ],
            30,
        )
        shown = stage.kubectl("get", "npn", name)
        require("podSubnetIds" in shown, f"kubectl get npn: {shown}")
        require("podSubnetIds" in stage.vcndctl(node, "status"), "vcndctl says nothing")
        scaled(stage, "still", 3, node=node)  # by the last valid network
        stage.delete("deploy", "still")
    finally:
        patch({MANAGED_BY: "vcnd"}, {"podSubnetIds": good["podSubnetIds"]})
    stage.wait("relief is told", lambda: stage.events("PodNetworkReady", began), 30)
    require(_restarts(stage, node) == restarts, "the daemon was restarted")
    return "event, kubectl get npn and vcndctl named the field; pods started; mended"


def _restarts(stage: Stage, node: str) -> str:
    return stage.on_node(node, "systemctl", "show", "-p", "NRestarts", "vcnd").strip()
