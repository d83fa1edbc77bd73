"""ADD and DEL beside Debian's ptp + host-local: one run, interleaved."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import trio

from fakeoci.fabric import netns
from integration.bench.spawn import Plugin, one_by_one, side_by_side
from integration.lab.lab import running_lab, world_text
from integration.lab.node import SHIM_DIRECTORY, Node
from integration.lab.profile import Profile

CALLERS = 32
PLUGINS = Path("/usr/lib/cni")
NODE = "node1"
POOL = {"batch": 40, "minimum": 80, "cooling_seconds": 0.0}
WARM = 70


@dataclass
class Measured:
    """The times of one plugin's calls, in seconds."""

    add: list[float] = field(default_factory=list)
    delete: list[float] = field(default_factory=list)
    add_x32: list[float] = field(default_factory=list)
    add_rates: list[float] = field(default_factory=list)
    delete_rates: list[float] = field(default_factory=list)

    def summary(self) -> dict[str, float]:
        """Return milliseconds and rates."""
        return {
            "add_p50_ms": round(median(self.add) * 1e3, 3),
            "add_p99_ms": round(_p99(self.add) * 1e3, 3),
            "add_x32_p50_ms": round(median(self.add_x32) * 1e3, 3),
            "add_rate_x32": round(median(self.add_rates), 1),
            "del_p50_ms": round(median(self.delete) * 1e3, 3),
            "del_p99_ms": round(_p99(self.delete) * 1e3, 3),
            "del_rate_x32": round(median(self.delete_rates), 1),
            "calls": len(self.add) + len(self.add_x32),
        }


def _p99(values: list[float]) -> float:
    return quantiles(values, n=100)[98]


def _plugins(node: Node, directory: Path) -> tuple[Plugin, Plugin]:
    ours = Plugin(
        name="vcnd",
        binary=SHIM_DIRECTORY / "vcnd-cni",
        configuration={"cniVersion": "1.0.0", "name": "vcnd", "type": "vcnd-cni"},
        environment={"VCND_SOCKET": str(node.socket_path)},
        directory=directory / "ours",
    )
    theirs = Plugin(
        name="ptp",
        binary=PLUGINS / "ptp",
        configuration={
            "cniVersion": "1.0.0",
            "name": "ptp",
            "type": "ptp",
            "mtu": 9000,
            "ipMasq": False,
            "ipam": {
                "type": "host-local",
                "subnet": "10.244.0.0/16",
                "dataDir": str(directory / "host-local"),
            },
        },
        environment={},
        directory=directory / "theirs",
    )
    return ours, theirs


async def measure(
    directory: Path, *, rounds: int, calls: int, progress: Callable[[int], None]
) -> dict[str, Any]:
    """Return ratios (ours / theirs) and both sides' own figures."""
    text = world_text(nodes=1, seed=1)
    plain = Profile("plain")  # the same on every machine, for comparison over years
    async with running_lab(
        text, directory, nodes=[NODE], pool=POOL, profile=plain
    ) as lab:
        node = lab.nodes[0]
        await node.start()
        await node.until_warm(WARM)
        # A runtime never attaches the same namespace twice in a row.
        alone = [f"alone{n}" for n in range(calls)]
        together = [f"together{n}" for n in range(CALLERS)]
        for name in alone + together:
            netns.add(name)
        ours, theirs = Measured(), Measured()
        pairs = list(zip(_plugins(node, directory), (ours, theirs), strict=True))
        for plugin, _ in pairs:
            plugin.prepare()
        for number in range(rounds + 1):
            for plugin, measured in pairs:
                # The first round warms caches on both sides and does not count.
                into = measured if number else Measured()
                await trio.to_thread.run_sync(_round, plugin, into, alone, together)
            progress(number)
        await node.stop()
        return _compared(ours, theirs)


def _round(
    plugin: Plugin, into: Measured, alone: list[str], together: list[str]
) -> None:
    into.add += one_by_one(plugin, "ADD", NODE, alone)
    into.delete += one_by_one(plugin, "DEL", NODE, alone)
    seconds, whole = side_by_side(plugin, "ADD", NODE, together)
    into.add_x32 += seconds
    into.add_rates.append(CALLERS / whole)
    _, whole = side_by_side(plugin, "DEL", NODE, together)
    into.delete_rates.append(CALLERS / whole)


def _compared(ours: Measured, theirs: Measured) -> dict[str, Any]:
    a, b = ours.summary(), theirs.summary()

    def ratio(field_name: str) -> float:
        return round(a[field_name] / b[field_name], 3)

    return {
        "add_p50_ratio": ratio("add_p50_ms"),
        "add_p99_ratio": ratio("add_p99_ms"),
        "add_rate_x32_ratio": ratio("add_rate_x32"),
        "del_p50_ratio": ratio("del_p50_ms"),
        "ours": a,
        "theirs": b,
    }
