"""How long pods take to start on a node: bursts, and other plugins in turn.

The times are those at which the API server's watch showed each step.
"""

import json
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from integration.kind.checks.stage import NAMESPACE, Stage, pod

PODS = 60
START_SECONDS = 300.0
STEPS = ("address", "ready")
THEIRS = "/etc/cni/net.d/05-theirs.conflist"
"""Its name sorts before ours: the runtime takes the first."""
RELOAD_SECONDS = 2.0
"""In this time the runtime, which watches the folder, has read its configuration."""


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
        with self._process as process:
            for line in process.stdout or []:
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
        self.join()


def burst(stage: Stage, node: str) -> dict[str, list[float]]:
    """Start all pods at once on a node; return seconds from bound to each step."""
    watcher = Watcher(stage)
    watcher.start()
    try:
        label = {"bench": "yes"}
        stage.apply(*(pod(f"bench-{n}", node, labels=label) for n in range(PODS)))
        stage.wait("all pods are ready", lambda: watcher.ready() == PODS, START_SECONDS)
    finally:
        watcher.end()
        stage.delete("pod", "-l", "bench=yes")
    seen = watcher.seen.values()
    return {step: [t[step] - t["bound"] for t in seen] for step in STEPS}


def until_gone(stage: Stage, node: str, *, others: int, free: int) -> None:
    """Wait until only ``others`` leases are left, and ``free`` addresses are free."""

    def settled() -> bool:
        pool = stage.status(node).pool
        return pool.free >= free and pool.leased == others

    stage.wait("pods gone, addresses free", settled, 180)
    until_sandboxes(stage, node, others)


def until_sandboxes(stage: Stage, node: str, most: int) -> None:
    """Wait until at most ``most`` sandboxes are left."""
    stage.wait(
        "sandboxes gone",
        lambda: stage.on_node(node, "ls", "/run/netns").count("cni-") <= most,
        120,
    )


@contextmanager
def plugins(stage: Stage, lists: Mapping[str, dict[str, Any]]) -> Iterator[None]:
    """Let other plugins wire all pods that start on some nodes meanwhile.

    Args:
        stage: the cluster.
        lists: node → configuration list.
    """
    for node, conflist in lists.items():
        text = json.dumps(conflist)
        write = f"cat > {THEIRS}.new <<'C' && mv {THEIRS}.new {THEIRS}\n{text}\nC"
        stage.on_node(node, "/bin/bash", "-c", write)
    try:
        time.sleep(RELOAD_SECONDS)
        yield
    finally:
        for node in lists:
            stage.on_node(node, "rm", "-f", THEIRS)
        time.sleep(RELOAD_SECONDS)
