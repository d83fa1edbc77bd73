"""Uninstalling: it leaves a node as it was before."""

import json
import time

from integration.checking import require
from integration.kind import install
from integration.kind.checks.stage import NAMESPACE, Stage
from integration.kind.cluster import Cluster
from integration.kind.settings import state

Snapshot = dict[str, dict[str, list[str]]]

BASELINE = "baseline.json"
SETTLE_SECONDS = 30.0
FOLDERS = ("/etc", "/opt", "/usr", "/lib", "/run/vcnd", "/var/lib/vcnd", "/var/log")
PASSING = ("/etc/cni/net.d/", "/etc/kubernetes", "/var/log/")
"""Files of others: kubelet's, and the logs of containers."""
LOOK = f"""
echo '## links'; ip -br link | awk '{{print $1}}' | sed 's/@.*//' | sort
echo '## addresses'; ip -br -4 addr | awk '{{$2=""; print}}' | sort
echo '## rules'; ip rule
echo '## routes'; ip route show table all | grep -v ' table local ' | sort
echo '## nft'; nft list tables | grep -v kube-proxy | sort
echo '## files'; find {" ".join(FOLDERS)} -xdev 2>/dev/null | sort
echo '## units'
# systemd on a busy node may not answer at first: nothing is no list.
for _ in {{1..30}}; do
    units=$(systemctl list-unit-files --no-legend) && [ -n "$units" ] && break
    sleep 1
done
grep -v transient <<<"$units" | sort
echo '## users'; cut -d: -f1,3 /etc/passwd /etc/group /etc/shadow /etc/gshadow | sort
echo '## settings'; sysctl net.ipv4.ip_forward net.ipv4.conf.all net.ipv4.conf.default \
    net.ipv6.conf.all net.ipv6.conf.default \
    net.netfilter.nf_conntrack_tcp_be_liberal \
    net.netfilter.nf_conntrack_tcp_ignore_invalid_rst | sort
echo '## mounts'; findmnt -rno TARGET | grep -v -e /kubelet/ -e contai -e /netns | sort
"""


def snapshot(cluster: Cluster) -> Snapshot:
    """Return each node's links, routes, files and the like, by node and kind."""
    found: Snapshot = {}
    for node in cluster.nodes():
        text = cluster.docker.run("exec", node, "/bin/bash", "-c", LOOK)
        parts: dict[str, list[str]] = {}
        lines: list[str] = []
        for line in text.splitlines():
            if line.startswith("## "):
                lines = parts.setdefault(line.removeprefix("## "), [])
            elif not line.startswith(PASSING):
                lines.append(line)
        found[node] = parts
    return found


def keep_baseline(cluster: Cluster) -> None:
    """Record the nodes' state before vcnd is installed, once their start is complete.

    kube-proxy changes settings when it starts, and systemd answers late on a node that
    has just booted.
    """
    rollout = ("-n", "kube-system", "rollout", "status", "ds/kube-proxy")
    cluster.kubectl(*rollout, "--timeout=180s")
    rest = "timeout 120 systemctl is-system-running --wait || true"
    for node in cluster.nodes():
        cluster.docker.run("exec", node, "/bin/bash", "-c", rest)
    (state() / BASELINE).write_text(json.dumps(snapshot(cluster)))


def uninstall_leaves_nothing(stage: Stage) -> str:
    """After the uninstaller nodes and cloud are as they were before."""
    before: Snapshot = json.loads((state() / BASELINE).read_text())
    differences: list[str] = []

    def same() -> bool:
        differences[:] = _differences(before, snapshot(stage.cluster))
        return not differences

    require(not same(), "vcnd is there and the comparison does not see it")
    stage.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found")
    # No pod may hold an address: only CoreDNS is left.
    for what in ("deploy/coredns",):
        stage.kubectl("-n", "kube-system", "scale", what, "--replicas=0")
    stage.wait("no pod holds an address", lambda: not _holders(stage), 90)
    install.remove(stage.cluster)
    give_up_at = time.monotonic() + SETTLE_SECONDS
    while not same() and time.monotonic() < give_up_at:
        time.sleep(1)  # kernel and systemd follow a moment later
    require(not differences, f"left: {'; '.join(differences[:12])}")
    world = stage.cloud.world()
    tagged = [
        x["id"]
        for kind in ("Vnic", "PrivateIp")
        for x in world[kind]
        if "vcnd-instance" in x["freeformTags"]
    ]
    require(not tagged, f"left in the cloud: {tagged[:3]}")
    kinds = ", ".join(next(iter(before.values())))
    return (
        f"{len(stage.cluster.nodes())} nodes compared ({kinds}), and the cloud: equal"
    )


def _differences(before: Snapshot, after: Snapshot) -> list[str]:
    found: list[str] = []
    for node, parts in after.items():
        for kind, lines in parts.items():
            old = before[node][kind]
            found += [f"{node} {kind}: +{x}" for x in lines if x not in old]
            found += [f"{node} {kind}: -{x}" for x in old if x not in lines]
    return found


def _holders(stage: Stage) -> list[str]:
    return [
        p["metadata"]["name"]
        for p in stage.cluster.pod_list()
        if not p["spec"].get("hostNetwork")
    ]
