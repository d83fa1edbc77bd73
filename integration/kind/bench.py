"""``./vcn kind bench``: how long pods take to start, with our plugin and with ptp.

Both run in turn on the same node, so a busy machine is as busy for both.
"""

import statistics
from typing import Any

from rich.console import Console

from integration.bench.process import parse_stat
from integration.bench.samples import percentile
from integration.cloudview import named
from integration.kind.checks.stage import Stage
from integration.kind.starts import PODS, burst, plugins, until_gone, until_sandboxes

ROUNDS = 3
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


def figures(taken: dict[str, list[float]]) -> dict[str, float]:
    """Return medians and tails of a burst, in seconds."""
    out: dict[str, float] = {}
    for step, seconds in taken.items():
        out[f"bound_to_{step}_p50"] = round(statistics.median(seconds), 2)
        out[f"bound_to_{step}_p99"] = round(percentile(seconds, 99), 2)
    return out


def _processor_seconds(stage: Stage, node: str) -> tuple[float, int]:
    """Return the daemon's processor seconds so far, and its resident KiB."""
    script = (
        "p=$(systemctl show -p MainPID --value vcnd);"
        " cat /proc/$p/stat; grep VmRSS /proc/$p/status"
    )
    stat, rss = stage.on_node(node, "/bin/bash", "-c", script).splitlines()
    return parse_stat(stat), int(rss.split()[1])


def run(stage: Stage, console: Console) -> dict[str, Any]:
    """Measure; return the figures."""
    node = stage.workers[-1]
    instance = named(stage.cloud.world(), "Instance", node)["id"]
    others = stage.status(node).pool.leased
    number = stage.cloud.last_request()
    before, _ = _processor_seconds(stage, node)
    console.print(f"  {PODS} pods at once on {node}, cold")
    cold = figures(burst(stage, node))
    calls = [r for r in stage.cloud.requests(number) if r["principal"] == instance]
    after, rss = _processor_seconds(stage, node)
    ours, theirs = [], []
    for turn in range(ROUNDS):
        until_gone(stage, node, others=others, free=PODS)
        console.print(f"  round {turn + 1}: warm, then ptp + host-local")
        ours.append(figures(burst(stage, node)))
        until_gone(stage, node, others=others, free=0)
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
    with plugins(stage, {node: PTP}):
        taken = figures(burst(stage, node))
        until_sandboxes(stage, node, others)
    return taken
