"""Upgrade, reboot and end of a node."""

import json
import subprocess
import threading
import time

from integration.checking import CheckError, require
from integration.kind import install
from integration.kind.checks.demand import in_agreement, no_failed_sandboxes
from integration.kind.checks.stage import NAMESPACE, SERVICE_PORT, Stage, pod
from integration.kind.cloud import Cloud
from integration.kind.docker import DockerError
from integration.kind.settings import NETWORK

RATE = 10.0
"""Pods requested each second, and the most pods that have not started yet."""
QUIET_SECONDS = 10.0
ROLLOUT_SECONDS = 600
"""How long all nodes may take: on two slow cores, under this load, 80 s each."""
PLACEHOLDER = "vcnd-placeholder"


class Load(threading.Thread):
    """Starts short-lived pods: ten a second, or as fast as the cluster starts them."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(daemon=True)
        self._stage = stage
        self._stop_it = threading.Event()
        self.created = 0
        self.error = ""

    def run(self) -> None:
        """Each second, remove running pods and create new ones."""
        try:
            while not self._stop_it.is_set():
                began = time.monotonic()
                self._turn()
                self._stop_it.wait(max(0.0, 1.0 - (time.monotonic() - began)))
        except (DockerError, subprocess.SubprocessError) as error:
            self.error = str(error)

    def _turn(self) -> None:
        stage = self._stage
        pods = stage.pods("load=yes")
        running = [p for p in pods if p["status"]["phase"] == "Running"]
        old = [
            p["metadata"]["name"]
            for p in running
            if not p["metadata"].get("deletionTimestamp")
        ]
        # Without this limit pods pile up on a slow machine.
        room = int(RATE) - (len(pods) - len(running))
        if room > 0:
            stage.apply(*(self._pod(self.created + i) for i in range(room)))
            self.created += room
        if old:
            stage.delete("pod", *old, "--wait=false")

    def _pod(self, number: int) -> dict[str, object]:
        workers = self._stage.workers
        node = workers[number % len(workers)]
        return pod(f"load-{number}", node, labels={"load": "yes"})

    def end(self) -> None:
        """Stop creating pods."""
        self._stop_it.set()
        self.join()


def upgrade_under_load(stage: Stage) -> str:
    """The version changes on all nodes while pods start; one daemon is killed too."""
    following = _installed(stage) + 1
    stage.cluster.load_own(following)
    install.write_manifests(Cloud(stage.cluster.docker), number=following)
    near = stage.ip("near")
    load = Load(stage)
    quiet = time.time()
    load.start()
    try:
        # The cluster's rate under this load before the upgrade.
        time.sleep(QUIET_SECONDS)
        quiet_rate = _answered(stage, quiet)[0] / QUIET_SECONDS
        began = time.time()
        install.apply(stage.cluster)
        time.sleep(6)
        kill = ("systemctl", "kill", "-s", "KILL", "vcnd.service")
        stage.on_node(stage.workers[0], *kill)
        status = ("-n", "kube-system", "rollout", "status", "ds/vcnd")
        stage.kubectl(*status, f"--timeout={ROLLOUT_SECONDS}s")
        took = time.time() - began
        answer = stage.curl("far", f"{near}:{SERVICE_PORT}/hostname")
        require(answer == "near", f"a running pod answered {answer!r}")
    finally:
        load.end()
    require(not load.error, f"the load broke: {load.error}")
    adds, refused = _answered(stage, began)
    rate = adds / (time.time() - began)
    no_failed_sandboxes(stage, began)
    require(not refused, f"{len(refused)} ADDs refused: {refused[:1]}")
    stage.delete("pod", "-l", "load=yes")
    for node in stage.cluster.nodes():
        trees = stage.on_node(node, "ls", "/opt/vcnd").split()
        require(len(trees) == 1, f"{node}: {trees}")
    return (
        f"{len(stage.cluster.nodes())} nodes in {took:.0f} s; {adds} ADDs meanwhile, 0"
        f" failed, SIGKILL in the middle; {rate:.1f} a second of {RATE:.0f} asked for,"
        f" {quiet_rate:.1f} before the upgrade"
    )


def _installed(stage: Stage) -> int:
    """Return the number of this tree's image that the nodes run."""
    path = "jsonpath={.spec.template.spec.containers[0].image}"
    image = stage.kubectl("-n", "kube-system", "get", "ds", "vcnd", "-o", path)
    return int(image.rpartition(".")[2])


def _answered(stage: Stage, since: float) -> tuple[int, list[str]]:
    """Return the number of answered ADDs, and the log lines of refused ones."""
    adds, refused = 0, []
    for node in stage.workers:
        lines = stage.log_of(node, since)
        adds += sum("event=call command=ADD" in x for x in lines)
        refused += [x for x in lines if "call_refused" in x and "code=50" not in x]
    return adds, refused


def node_reboot(stage: Stage) -> str:
    """A node restarts under another address: its VNICs follow, its pods come back."""
    node, docker = stage.workers[0], stage.cluster.docker
    before = stage.node_address(node)
    vnics = {v.id for v in stage.status(node).vnics}
    docker.run("stop", "-t", "20", node)
    # Another container takes its address meanwhile.
    image = docker.run("inspect", "-f", "{{.Image}}", "vcnd-cloud").strip()
    docker.run(
        *("run", "-d", "--rm", "--name", PLACEHOLDER, "--network", NETWORK),
        *("--ip", before, "--entrypoint", "sleep", image, "600"),
    )
    try:
        docker.run("start", node)
        stage.wait("the node is ready again", lambda: _ready(stage, node), 120)
    finally:
        docker.run("rm", "-f", PLACEHOLDER)
    after = stage.node_address(node)
    require(after != before, f"the address is {after} as before")
    stage.wait("the pods are back", lambda: _back(stage, node, "near", "local"), 180)
    answer = stage.curl("far", f"{stage.ip('near')}:{SERVICE_PORT}/hostname")
    require(answer == "near", f"the pod answered {answer!r}")
    require({v.id for v in stage.status(node).vnics} == vnics, "other VNICs")
    stage.wait("books and cloud agree", lambda: in_agreement(stage), 90)
    return f"{before} became {after}; same VNICs, pods back, nothing leaked"


def _ready(stage: Stage, node: str) -> bool:
    """Return True if a node has reported itself ready since its restart."""
    started = _started(stage, node)
    node_object = json.loads(stage.kubectl("get", "node", node, "-o", "json"))
    for condition in node_object["status"]["conditions"]:
        if condition["type"] == "Ready":
            fresh = condition["lastHeartbeatTime"] > started
            return bool(condition["status"] == "True" and fresh)
    return False


def _back(stage: Stage, node: str, *pods: str) -> bool:
    """Return True if pods have started since their node restarted.

    "Ready" alone may be the status of before: kubelet corrects it a moment after the
    node is ready, and removes the address until there is a sandbox.
    """
    started = _started(stage, node)
    for name in pods:
        status = stage.get("pod", name)["status"]
        containers = status.get("containerStatuses", [])
        running = [
            c["state"].get("running", {}).get("startedAt", "") for c in containers
        ]
        ready = all(c["ready"] for c in containers)
        if not (status.get("podIP") and ready and running and min(running) > started):
            return False
    return True


def _started(stage: Stage, node: str) -> str:
    """Return when a node last started, to the second."""
    started = stage.cluster.docker.run("inspect", "-f", "{{.State.StartedAt}}", node)
    return started.strip()[:19]


def node_deleted(stage: Stage) -> str:
    """A node is drained, deleted, terminated; the cloud keeps none of its objects."""
    # The rebooted node: only the others can be compared with their baseline.
    node = stage.workers[0]
    held = len(stage.private_ips(node))
    stage.kubectl(
        *("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--force"),
        "--timeout=120s",
    )
    stage.kubectl("delete", "node", node)
    stage.cluster.docker.run("rm", "-f", "-v", node)

    def gone() -> bool:
        world = stage.cloud.world()
        ours = {
            i["id"]: i["lifecycleState"]
            for i in world["Instance"]
            if i["displayName"] == node
        }
        attached = [
            a
            for a in world["VnicAttachment"]
            if a["instanceId"] in ours and a["lifecycleState"] != "DETACHED"
        ]
        tagged = [
            x
            for kind in ("Vnic", "PrivateIp")
            for x in world[kind]
            if x["freeformTags"].get("vcnd-instance") in ours
        ]
        ended = set(ours.values()) == {"TERMINATED"}
        return ended and not attached and not tagged

    stage.wait("the instance and all that it had are gone", gone, 60)

    def network_gone() -> bool:
        names = [
            n["metadata"]["ownerReferences"][0]["name"]
            for n in install.networks(stage.cluster)
        ]
        return node not in names

    stage.wait("its NativePodNetwork is gone", network_gone, 60)
    left = stage.get("pods")["items"]
    if any(p["spec"].get("nodeName") == node for p in left):
        raise CheckError(f"pods of {node} are left in {NAMESPACE}")
    return f"{held} addresses and their VNICs went with {node}, its object too"
