"""What Flannel needs of the cluster and of each node, beside its manifest.

Flannel's own CNI plugin cannot be had here.  It only delegates: it reads what flanneld
found, and calls bridge and host-local.  The nodes get the configuration that it would
hand over, so that Flannel's pods start with one process less.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from integration.bench.datapath import delegate
from integration.build import components
from integration.kind import starts
from integration.kind.checks.stage import Stage
from integration.kind.flannel import manifest

FOUND = "/run/flannel/subnet.env"
"""Where flanneld writes what it found."""
ROLLOUT = "--timeout=120s"
OPEN = """
nft list table inet firewalld >/dev/null 2>&1 || exit 0
! nft list table inet firewalld | grep -q flannel.1 || exit 0
nft -f - <<'RULES'
insert rule inet firewalld filter_IN_public_allow udp dport 8472 accept
insert rule inet firewalld filter_IN_public_allow th dport 7800-7863 accept
insert rule inet firewalld filter_INPUT_ZONES iifname { "cni0", "flannel.1" } accept
insert rule inet firewalld filter_FORWARD_ZONES iifname { "cni0", "flannel.1" } accept
RULES
"""
"""Opens a node's firewall for Flannel's links and tunnel, as its documentation asks,
and for pathcost's own ports, host to host."""


def install(stage: Stage) -> None:
    """Install Flannel on all nodes; their pods stay with vcnd.

    The nodes get pod ranges, which Kubernetes lets nobody take away again.
    """
    cluster = stage.cluster
    cluster.load(manifest.archive(stage.cache))
    bridge = components.build(stage.cache, components.BRIDGE)
    for number, node in enumerate(cluster.nodes()):
        pod_range = f"10.244.{number}.0/24"
        spec = {"spec": {"podCIDR": pod_range, "podCIDRs": [pod_range]}}
        stage.kubectl("patch", "node", node, "-p", json.dumps(spec))
        put(stage, node, bridge, "/opt/cni/bin/bridge")
        stage.on_node(node, "/bin/bash", "-c", OPEN)
    listed = {"apiVersion": "v1", "kind": "List"}
    objects = {**listed, "items": manifest.objects(manifest.text(stage.cache))}
    stage.kubectl("apply", "-f", "-", given=json.dumps(objects))
    wait = ("rollout", "status", f"ds/{manifest.DAEMON_SET}", ROLLOUT)
    stage.kubectl("-n", manifest.NAMESPACE, *wait)


def put(stage: Stage, node: str, file: Path, path: str) -> None:
    """Copy a file onto a node."""
    stage.cluster.docker.run("cp", str(file), f"{node}:{path}")


@contextmanager
def using(stage: Stage, *nodes: str) -> Iterator[None]:
    """Let Flannel wire all pods that start on some nodes meanwhile."""
    lists = {node: conflist(stage.on_node(node, "cat", FOUND)) for node in nodes}
    with starts.plugins(stage, lists):
        yield


def conflist(found: str) -> dict[str, Any]:
    """Return the configuration list that stands for Flannel's.

    Args:
        found: what flanneld wrote.
    """
    portmap = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {**delegate.LIST, "plugins": [delegate.bridge(found), portmap]}
