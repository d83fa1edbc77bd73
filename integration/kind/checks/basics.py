"""Nodes, addresses, NativePodNetworks; and packets without encapsulation."""

import re
import subprocess
import time

from integration.checking import require
from integration.kind import install
from integration.kind.checks.stage import (
    NAMESPACE,
    SERVICE_PORT,
    Stage,
    addresses,
    container,
    deployment,
    server,
)
from integration.kind.settings import STARTUP_TAINT

CAPTURE_SECONDS = 6.0
TUNNELS = "udp port 4789 or udp port 8472 or udp port 6081 or proto 4 or proto 47"
PACKET = re.compile(r"^\S+ +(\S+) +(\S+) +IP (\S+) > (\S+):", re.MULTILINE)


def play(stage: Stage) -> None:
    """Make the pods that most checks act on: two on one worker, one on another."""
    first, second = stage.workers[:2]
    front = {"role": "front"}
    stage.apply(
        server("near", first, labels=front),
        server("local", first),
        server("far", second),
    )
    stage.wait_ready("near", "local", "far")


def nodes_ready(stage: Stage) -> str:
    """All nodes are ready, and the start-up taint is gone."""

    def tainted() -> list[str]:
        return [
            n["metadata"]["name"]
            for n in stage.get("nodes")["items"]
            if STARTUP_TAINT in {t["key"] for t in n["spec"].get("taints", [])}
        ]

    # The taint goes a moment after the node serves: a write names the version read.
    stage.wait("no node has the start-up taint", lambda: not tainted(), 45)
    nodes = stage.get("nodes")["items"]
    for node in nodes:
        name = node["metadata"]["name"]
        conditions = {c["type"]: c["status"] for c in node["status"]["conditions"]}
        require(conditions.get("Ready") == "True", f"{name} is not ready")
        require(conditions.get("NetworkUnavailable") == "False", f"{name}: no network")
        require("podCIDR" not in node["spec"], f"{name} has a podCIDR")
    return f"{len(nodes)} nodes, no start-up taint, no pod range per node"


def pods_have_private_ips(stage: Stage) -> str:
    """Every pod's address is a secondary private IP of a VNIC of its own node."""
    seen = 0
    given = {node: stage.private_ips(node) for node in stage.cluster.nodes()}
    for pod in stage.cluster.pod_list():
        if pod["spec"].get("hostNetwork") or not pod["status"].get("podIP"):
            continue
        address, node = pod["status"]["podIP"], pod["spec"]["nodeName"]
        name = pod["metadata"]["name"]
        require(address in given[node], f"{name}: {address} is no address of {node}")
        seen += 1
    require(seen >= 5, f"only {seen} pods have addresses")  # noqa: PLR2004
    return f"{seen} pods, each with a private IP of a VNIC of its node"


def get_npn_shows_success(stage: Stage) -> str:
    """``kubectl get npn`` shows SUCCESS for every node, and its VNICs and addresses."""
    table = stage.kubectl("get", "npn").splitlines()
    require("STATE" in table[0] and "REASON" in table[0], f"columns: {table[0]}")
    found = install.networks(stage.cluster)
    nodes = stage.cluster.nodes()
    owners = {n["metadata"]["ownerReferences"][0]["name"] for n in found}
    require(owners == set(nodes), f"NativePodNetworks of {sorted(owners)}")

    def agrees() -> bool:
        for network in install.networks(stage.cluster):
            status = network["status"]
            listed = {a for v in status["vnics"] for a in v["addresses"]}
            node = network["metadata"]["ownerReferences"][0]["name"]
            good = status["state"] == "SUCCESS"
            if not good or listed != stage.private_ips(node).keys():
                return False
        return True

    stage.wait("status as the cloud has it", agrees, 30)
    return f"{len(found)} of {len(nodes)} SUCCESS; addresses as the cloud has them"


def cross_node_unencapsulated(stage: Stage) -> str:
    """On both nodes' VNICs: plain packets from pod to pod, and no tunnel anywhere."""
    mine, theirs = stage.ip("near"), stage.ip("far")
    captures = [
        subprocess.Popen(
            _tcpdump(stage, node, f"host {theirs} or {TUNNELS}"),
            env=stage.cluster.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for node in stage.workers[:2]
    ]
    time.sleep(1)
    answer = stage.curl("near", f"{theirs}:{SERVICE_PORT}/clientip")
    texts = [c.communicate(timeout=CAPTURE_SECONDS * 3)[0] for c in captures]
    require(answer.startswith(f"{mine}:"), f"{theirs} saw {answer}")
    for node, text in zip(stage.workers, texts, strict=False):
        vnics = _pod_links(stage, node)
        packets = PACKET.findall(text)
        crossing = [p for p in packets if p[0] in vnics and mine in p[2] + p[3]]
        require(crossing, f"{node}: no packet of {mine} on {vnics}: {text[:300]}")
        strange = [x for x in text.splitlines() if "VXLAN" in x or "Geneve" in x]
        require(not strange, f"{node}: {strange[:1]}")
        foreign = [p for p in packets if theirs not in p[2] + p[3]]
        require(not foreign, f"{node}: encapsulated: {foreign[:1]}")
    return f"{mine} > {theirs} as it is on both nodes' VNICs; no VXLAN, Geneve, IPIP"


def _tcpdump(stage: Stage, node: str, what: str) -> list[str]:
    docker = [stage.cluster.docker.client, "exec", node]
    limit = ["timeout", f"{CAPTURE_SECONDS:.0f}"]
    return [*docker, *limit, "tcpdump", "-ni", "any", "-l", what]


def _pod_links(stage: Stage, node: str) -> set[str]:
    """Return the names of the links of a node's pod VNICs."""
    lines = stage.on_node(node, "ip", "-br", "link").splitlines()
    macs = {v.mac for v in stage.status(node).pod_vnics}
    return {x.split()[0].partition("@")[0] for x in lines if x.split()[2] in macs}


def probes_exec_logs(stage: Stage) -> str:
    """Probes of the kubelet reach the pod; exec, logs and port-forward work."""
    page = {"httpGet": {"path": "/healthz", "port": SERVICE_PORT}, "periodSeconds": 1}
    serve = container(
        *("serve", "netexec", f"--http-port={SERVICE_PORT}"),
        readinessProbe=page,
        livenessProbe=page,
        startupProbe={"exec": {"command": ["/bin/true"]}, "periodSeconds": 1},
    )
    probed = server("probed", stage.workers[0], containers=[serve])
    stage.apply(probed)
    stage.wait_ready("probed")
    answer = stage.exec("probed", "echo", "hello").strip()
    require(answer == "hello", f"exec printed {answer!r}")
    logs = stage.kubectl("-n", NAMESPACE, "logs", "probed")
    require("Started HTTP server" in logs, f"logs: {logs[:200]}")
    forwarded = _port_forward(stage)
    stage.delete("pod", "probed")
    return f"ready by its probes; exec, logs; port-forward fetched {forwarded!r}"


def _port_forward(stage: Stage) -> str:
    command = stage.cluster.kubectl_command(
        "-n", NAMESPACE, "port-forward", "pod/probed", f"18080:{SERVICE_PORT}"
    )
    fetch = ["/usr/bin/curl", "-sS", "-m", "5", "http://127.0.0.1:18080/echo?msg=hi"]
    with subprocess.Popen(
        command,
        env=stage.cluster.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as forward:
        try:
            line = forward.stdout.readline() if forward.stdout else ""
            require("Forwarding" in line, f"port-forward: {line.strip()}")
            done = subprocess.run(
                stage.cluster.docker.wrap(fetch),
                capture_output=True,
                text=True,
                check=False,
            )
            require(done.stdout == "hi", f"through it: {done.stdout}{done.stderr}")
            return done.stdout
        finally:
            forward.kill()


def scaled(stage: Stage, name: str, replicas: int, *, node: str = "") -> dict[str, str]:
    """Scale a Deployment of idle pods; return their addresses once all are ready."""
    stage.apply(deployment(name, replicas, node=node))
    stage.kubectl(
        *("-n", NAMESPACE, "rollout", "status", f"deploy/{name}"), "--timeout=240s"
    )
    return addresses(stage.pods(f"app={name}"))
