"""``./vcn kind bench``: how long pods take to start, with our plugin and with ptp.

Both run in turn on the same node, so a busy machine is as busy for both.  The times
are those at which the API server's watch showed each step.
"""

import json
import statistics
import subprocess
import threading
import time
from typing import Any

from rich.console import Console

from integration.cloudview import named
from integration.kind.checks.stage import NAMESPACE, Stage, container

PODS = 60
ROUNDS = 3
START_SECONDS = 300.0
THEIRS = "/etc/cni/net.d/05-ptp.conflist"
"""Its name sorts before ours: the runtime takes the first."""
PTP = {
    "cniVersion": "0.4.0",
    "name": "bench",
    "plugins": [
        {
            "type": "ptp",
            "ipMasq": False,
            "ipam": {
                "type": "host-local",
                "dataDir": "/run/cni-ipam-state",
                "routes": [{"dst": "0.0.0.0/0"}],
                "ranges": [[{"subnet": "10.200.0.0/24"}]],
            },
        },
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ],
}
"""The configuration of kind itself."""


class Watcher(threading.Thread):
    """Records when each pod was bound, got its address and was ready."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(daemon=True)
        self.seen: dict[str, dict[str, float]] = {}
        command = stage.cluster.kubectl_command(
            *("-n", NAMESPACE, "get", "pods", "-l", "bench=yes", "--watch"),
            *("--output-watch-events", "-o", "json"),
        )
        self._process = subprocess.Popen(
            command, env=stage.cluster.environment, stdout=subprocess.PIPE, text=True
        )

    def run(self) -> None:
        """Read events until the end of the stream."""
        decoder, text = json.JSONDecoder(), ""
        for line in self._process.stdout or []:
            text += line
            try:
                event, _ = decoder.raw_decode(text)
            except ValueError:
                continue
            text = ""
            self._take_in(event["object"], time.monotonic())

    def _take_in(self, pod: dict[str, Any], now: float) -> None:
        times = self.seen.setdefault(pod["metadata"]["name"], {})
        status = pod.get("status", {})
        conditions = {c["type"]: c["status"] for c in status.get("conditions", [])}
        if pod["spec"].get("nodeName"):
            times.setdefault("bound", now)
        if status.get("podIP"):
            times.setdefault("address", now)
        if conditions.get("Ready") == "True":
            times.setdefault("ready", now)

    def ready(self) -> int:
        """Return how many pods are ready."""
        return sum("ready" in times for times in self.seen.values())

    def end(self) -> None:
        """Stop reading."""
        self._process.kill()
        self._process.wait()
        self.join()


def burst(stage: Stage, node: str) -> dict[str, float]:
    """Start all pods at once on a node; return medians and tails in seconds."""
    watcher = Watcher(stage)
    watcher.start()
    try:
        pods = [
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": f"bench-{n}", "labels": {"bench": "yes"}},
                "spec": {
                    "nodeName": node,
                    "terminationGracePeriodSeconds": 0,
                    "containers": [container("pause", "pause")],
                },
            }
            for n in range(PODS)
        ]
        stage.apply(*pods)
        stage.wait("all pods are ready", lambda: watcher.ready() == PODS, START_SECONDS)
    finally:
        watcher.end()
        stage.delete("pod", "-l", "bench=yes")
    out: dict[str, float] = {}
    for step in ("address", "ready"):
        taken = sorted(t[step] - t["bound"] for t in watcher.seen.values())
        out[f"bound_to_{step}_p50"] = round(statistics.median(taken), 2)
        out[f"bound_to_{step}_p99"] = round(taken[int(len(taken) * 0.99)], 2)
    return out


def _processor_seconds(stage: Stage, node: str) -> tuple[float, int]:
    """Return the daemon's processor seconds so far, and its resident KiB."""
    script = (
        "p=$(systemctl show -p MainPID --value vcnd);"
        " cat /proc/$p/stat; grep VmRSS /proc/$p/status"
    )
    stat, rss = stage.on_node(node, "/bin/bash", "-c", script).splitlines()
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100, int(rss.split()[1])


def _until_gone(stage: Stage, node: str, *, others: int, free: int) -> None:
    """Wait until only ``others`` leases are left, and ``free`` addresses are free."""

    def settled() -> bool:
        pool = stage.status(node).pool
        return pool.free >= free and pool.leased == others

    stage.wait("pods gone, addresses free", settled, 180)
    _until_sandboxes(stage, node, others)


def _until_sandboxes(stage: Stage, node: str, most: int) -> None:
    """Wait until at most ``most`` sandboxes are left."""
    stage.wait(
        "sandboxes gone",
        lambda: stage.on_node(node, "ls", "/run/netns").count("cni-") <= most,
        120,
    )


def run(stage: Stage, console: Console) -> dict[str, Any]:
    """Measure; return the figures."""
    node = stage.workers[-1]
    instance = named(stage.cloud.world(), "Instance", node)["id"]
    others = stage.status(node).pool.leased
    number = stage.cloud.last_request()
    before, _ = _processor_seconds(stage, node)
    console.print(f"  {PODS} pods at once on {node}, cold")
    cold = burst(stage, node)
    calls = [r for r in stage.cloud.requests(number) if r["principal"] == instance]
    after, rss = _processor_seconds(stage, node)
    ours, theirs = [], []
    for turn in range(ROUNDS):
        _until_gone(stage, node, others=others, free=PODS)
        console.print(f"  round {turn + 1}: warm, then ptp + host-local")
        ours.append(burst(stage, node))
        _until_gone(stage, node, others=others, free=0)
        theirs.append(_with_ptp(stage, node, others))
    warm = {k: round(statistics.median(r[k] for r in ours), 2) for k in cold}
    ptp = {k: round(statistics.median(r[k] for r in theirs), 2) for k in cold}
    return {
        "pods": PODS,
        "rounds": ROUNDS,
        "cold": cold,
        "warm": warm,
        "ptp_host_local": ptp,
        "warm_to_ptp": {k: round(warm[k] / ptp[k], 2) for k in warm},
        "cold_to_ptp": {k: round(cold[k] / ptp[k], 2) for k in cold},
        "cold_api_calls": len(calls),
        "daemon_rss_mib": round(rss / 1024, 1),
        "daemon_processor_ms_per_pod": round((after - before) / PODS * 1000, 1),
    }


def _with_ptp(stage: Stage, node: str, others: int) -> dict[str, float]:
    text = json.dumps(PTP)
    write = f"cat > {THEIRS}.new <<'C' && mv {THEIRS}.new {THEIRS}\n{text}\nC"
    stage.on_node(node, "/bin/bash", "-c", write)
    try:
        time.sleep(2)  # the runtime watches the folder
        figures = burst(stage, node)
        _until_sandboxes(stage, node, others)
    finally:
        stage.on_node(node, "rm", "-f", THEIRS)
        time.sleep(2)
    return figures
