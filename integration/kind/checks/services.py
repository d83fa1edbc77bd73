"""kube-proxy and our data plane side by side; DNS; portmap."""

import json
import time
from typing import Any

from integration.checking import require
from integration.kind.checks.stage import (
    NAMESPACE,
    SERVICE_PORT,
    Stage,
    refused,
    server,
    service,
)
from integration.kind.settings import ONPREM_HOST

HOST_PORT = 8888
CALLS = 8


def _cluster_ip(stage: Stage, name: str) -> str:
    address: str = stage.get("service", name)["spec"]["clusterIP"]
    return address


def _node_port(stage: Stage, name: str) -> int:
    port: int = stage.get("service", name)["spec"]["ports"][0]["nodePort"]
    return port


def service_clusterip(stage: Stage) -> str:
    """Through a ClusterIP a backend sees the pod's own address, local or remote."""
    mine = stage.ip("near")
    stage.apply(
        service("to-local", {"app": "local"}),
        service("to-far", {"app": "far"}),
        service("to-itself", {"app": "near"}),
    )
    for name in ("to-local", "to-far"):
        answer = _answer(stage, "near", f"{_cluster_ip(stage, name)}/clientip")
        require(answer.startswith(f"{mine}:"), f"{name}: the backend saw {answer}")
    itself = _answer(stage, "near", f"{_cluster_ip(stage, 'to-itself')}/clientip")
    kept = _session_affinity(stage)
    return f"local and remote backends saw {mine}; itself by {itself}; {kept}"


def _answer(stage: Stage, pod: str, target: str) -> str:
    """Fetch a page; a new Service may take a moment."""
    answer: str = stage.wait(
        f"{pod} reaches {target}", lambda: stage.curl(pod, target, 2), 30
    )
    return answer


def _from_onprem(stage: Stage, target: str) -> str:
    """Fetch a page from on-premises; a new Service may take a moment."""
    answer: str = stage.wait(
        f"on-premises reaches {target}", lambda: stage.from_onprem(target, 2), 30
    )
    return answer


def _session_affinity(stage: Stage) -> str:
    """Check that one client's calls all reach the same backend."""
    both = {"pair": "yes"}
    for name in ("local", "far"):
        stage.kubectl("-n", NAMESPACE, "label", "pod", name, "pair=yes", "--overwrite")
    stage.apply(
        service("spread", both), service("sticky", both, sessionAffinity="ClientIP")
    )
    heard = {}
    for name in ("spread", "sticky"):
        target = f"{_cluster_ip(stage, name)}/hostname"
        _answer(stage, "near", target)
        heard[name] = {stage.curl("near", target) for _ in range(CALLS)}
    require(len(heard["sticky"]) == 1, f"affinity: {heard['sticky']} answered")
    return f"affinity kept to one of {len(heard['spread'])}"


def service_nodeport(stage: Stage) -> str:
    """A NodePort answers on every node, for callers outside the cluster."""
    stage.apply(service("port", {"app": "far"}, type="NodePort"))
    port = _node_port(stage, "port")
    nodes = stage.cluster.nodes()
    for node in nodes:
        target = f"{stage.node_address(node)}:{port}/clientip"
        _from_onprem(stage, target)
    # A pod may use the port of its own node too.
    own = f"{stage.node_address(stage.workers[0])}:{port}/clientip"
    require(stage.curl("near", own), f"{own} from a pod of that node")
    # A pod VNIC's own address is an address of the node too.
    vnic = stage.status(stage.workers[0]).pod_vnics[0]
    answer = stage.from_onprem(f"{vnic.address}:{port}/clientip")
    require(answer, f"NodePort on the VNIC's own address {vnic.address}")
    return f"port {port} of {len(nodes)} nodes, and of a VNIC's address, answered"


def nodeport_local_keeps_source(stage: Stage) -> str:
    """ExternalTrafficPolicy Local: the caller's address is kept, other nodes silent."""
    stage.apply(
        service("kept", {"app": "far"}, type="NodePort", externalTrafficPolicy="Local")
    )
    port = _node_port(stage, "kept")
    with_pod, without = stage.workers[1], stage.workers[0]
    target = f"{stage.node_address(with_pod)}:{port}/clientip"
    answer = _from_onprem(stage, target)
    require(answer.startswith(f"{ONPREM_HOST}:"), f"the backend saw {answer}")
    other = f"{stage.node_address(without)}:{port}/clientip"
    silent = refused(lambda: stage.from_onprem(other, 2))
    require(silent, f"{without} answers though it has no backend")
    return f"the backend saw {ONPREM_HOST}; {without}, without a backend, is silent"


def hostport(stage: Stage) -> str:
    """A hostPort leads to the pod (the portmap plugin, chained behind ours)."""
    node = stage.workers[0]
    ported = server("ported", node)
    ported["spec"]["containers"][0]["ports"] = [
        {"containerPort": SERVICE_PORT, "hostPort": HOST_PORT}
    ]
    stage.apply(ported)
    stage.wait_ready("ported")
    target = f"{stage.node_address(node)}:{HOST_PORT}/hostname"
    answer = _from_onprem(stage, target)
    require(answer == "ported", f"{target} answered {answer}")
    stage.delete("pod", "ported")
    # The Pod object goes first, the sandbox and its port a moment later.
    stage.wait(
        f"{target} is shut, its pod being gone",
        lambda: refused(lambda: stage.from_onprem(target, 2)),
        30,
    )
    return f"{target} led to the pod, and nowhere when it was gone"


def dns(stage: Stage) -> str:
    """CoreDNS resolves names of Services, and the names of the VCN's resolver."""
    far = stage.ip("far")
    headless = service("headless", {"app": "far"}, clusterIP="None")
    stage.apply(headless, service("named", {"app": "far"}))

    expected = {
        "headless": far,
        "named.vcnd-test.svc.cluster.local": _cluster_ip(stage, "named"),
        f"{stage.workers[0]}.nodes.main.oraclevcn.com": stage.node_address(
            stage.workers[0]
        ),
    }
    for name, address in expected.items():
        found = _looked_up(stage, name)
        require(found == address, f"{name} is {found}, not {address}")
    return f"{', '.join(expected)}: as they should be"


def _looked_up(stage: Stage, name: str) -> str:
    """Return the first address that a pod finds for a name."""

    def look_up() -> str:
        both = {
            way: stage.exec("near", "dig", way, "+short", "+search", name).split()
            for way in ("+notcp", "+tcp")
        }
        first, second = (answers[:1] for answers in both.values())
        return first[0] if first and first == second else ""

    return str(stage.wait(f"a pod looks up {name}", look_up, 30))


def services_nftables(stage: Stage) -> str:
    """The checks of Services pass with kube-proxy in its nftables mode too."""
    _proxy_mode(stage, "nftables")
    try:
        checks = (service_clusterip, service_nodeport, nodeport_local_keeps_source)
        seen = [check(stage) for check in (*checks, hostport, dns)]
        tables = stage.on_node(stage.workers[0], "nft", "list", "tables")
        require("table ip kube-proxy" in tables, f"no table of kube-proxy: {tables}")
    finally:
        _proxy_mode(stage, "iptables")
    return f"{len(seen)} checks passed; table ip kube-proxy is there"


def _proxy_mode(stage: Stage, mode: str) -> None:
    service: dict[str, Any] = json.loads(
        stage.kubectl("-n", "kube-system", "get", "cm", "kube-proxy", "-o", "json")
    )
    # By default its nftables mode serves NodePorts on the node's first address alone.
    changed = {"mode": mode, "nodePortAddresses": '["0.0.0.0/0"]'}
    lines = service["data"]["config.conf"].splitlines()
    kept = [x for x in lines if x.partition(":")[0] not in changed]
    kept += [f"{key}: {value}" for key, value in changed.items()]
    service["data"]["config.conf"] = "\n".join(kept) + "\n"
    stage.kubectl("apply", "-f", "-", given=json.dumps(service))
    stage.kubectl("-n", "kube-system", "rollout", "restart", "ds/kube-proxy")
    limit = "--timeout=120s"
    stage.kubectl("-n", "kube-system", "rollout", "status", "ds/kube-proxy", limit)
    time.sleep(2)  # until the last kube-proxy has written its rules
