"""ADD and DEL beside Debian's ptp + host-local: one run, interleaved."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import trio

from integration.bench import crowd
from integration.bench.noise import Meter
from integration.bench.report import Report, row
from integration.bench.samples import Samples, turns
from integration.bench.spawn import (
    PLUGINS,
    Plugin,
    namespaces,
    one_by_one,
    ours,
    side_by_side,
)
from integration.lab.lab import running_lab, world_text
from integration.lab.node import Node
from integration.lab.profile import Profile
from vcnd.model.phases import CallTrace, Phase
from vcnd.serve.ask import ask_for
from vcnd.serve.verbs import TRACE

CALLERS = 32
OURS, THEIRS = "vcnd", "ptp"
NODE = "node1"
POOL = {"batch": 40, "minimum": 80, "cooling_seconds": 0.0}
WARM = 70
VERBS = ("ADD", "DEL")
WHOLE, PHASE = "{}, one caller", "{}: {}"
"""Names of rows, by verb and phase."""
PROCESS = "process"
"""What the caller waits for beside the phases: the kernel starts the plugin, wakes it
for the reply, and ends it."""


@dataclass
class Calls:
    """The times of both sides' calls, in seconds, and rates a second."""

    add: Samples = field(default_factory=Samples)
    delete: Samples = field(default_factory=Samples)
    add_x32: Samples = field(default_factory=Samples)
    add_rate: Samples = field(default_factory=Samples)
    delete_rate: Samples = field(default_factory=Samples)
    phases: dict[str, Samples] = field(default_factory=lambda: defaultdict(Samples))
    """Of our calls, by row, in microseconds: as the daemon's traces have them."""

    def note(self, traces: Sequence[CallTrace]) -> None:
        """Count the phases of the calls of our latest block.

        Args:
            traces: its calls, the latest first.
        """
        for verb, samples in zip(VERBS, (self.add, self.delete), strict=True):
            mine = [t.microseconds for t in reversed(traces) if t.command == verb]
            for phase in Phase:
                block = [told[phase] for told in mine if phase in told]
                self.phases[PHASE.format(verb, phase)].add(OURS, block)
            rest = [
                seconds * 1e6 - sum(told.values())
                for seconds, told in zip(samples.blocks[OURS][-1], mine, strict=True)
            ]
            self.phases[PHASE.format(verb, PROCESS)].add(OURS, rest)


def _plugins(node: Node, directory: Path) -> tuple[Plugin, Plugin]:
    theirs = Plugin(
        name=THEIRS,
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
    return ours(node.socket_path, directory), theirs


async def measure(
    directory: Path, *, rounds: int, calls: int, progress: Callable[[int], None]
) -> Report:
    """Return both sides' figures and their ratios."""
    text = world_text(nodes=1, seed=1)
    plain = Profile("plain")  # the same on every machine, for comparison over years
    async with running_lab(
        text, directory, nodes=[NODE], pool=POOL, profile=plain
    ) as lab:
        node = lab.nodes[0]
        await node.start()
        await node.until_warm(WARM)
        plugins = _plugins(node, directory)
        for plugin in plugins:
            plugin.prepare()
        # A link goes some time after DEL: no namespace is attached twice in a row,
        # and none by both sides.
        names = {
            (side, turn): namespaces(f"{side}{turn}-", calls + CALLERS)
            for side in (OURS, THEIRS)
            for turn in (0, 1)
        }
        counted, meter = Calls(), Meter()
        for number, plugin in turns(plugins, rounds):
            into = counted if number else Calls()
            mine = names[plugin.name, number % 2]
            alone, together = mine[:calls], mine[calls:]
            meter.tick()
            await trio.to_thread.run_sync(_alone, plugin, into, alone)
            if plugin is plugins[0]:
                path = str(node.socket_path)
                traces = await trio.to_thread.run_sync(ask_for, path, TRACE)
                into.note(traces[: 2 * calls])
            await trio.to_thread.run_sync(_together, plugin, into, together)
            if plugin is plugins[0]:
                progress(number)
        await node.stop()
    crowded = await crowd.measure(
        directory / "crowd", rounds=rounds, calls=calls, progress=progress
    )
    return _report(counted, crowded, meter)


def _alone(plugin: Plugin, into: Calls, names: list[str]) -> None:
    into.add.add(plugin.name, one_by_one(plugin, "ADD", NODE, names))
    into.delete.add(plugin.name, one_by_one(plugin, "DEL", NODE, names))


def _together(plugin: Plugin, into: Calls, together: list[str]) -> None:
    side = plugin.name
    seconds, whole = side_by_side(plugin, "ADD", NODE, together)
    into.add_x32.add(side, seconds)
    into.add_rate.add(side, [CALLERS / whole])
    _, whole = side_by_side(plugin, "DEL", NODE, together)
    into.delete_rate.add(side, [CALLERS / whole])


def _report(calls: Calls, crowded: Samples, meter: Meter) -> Report:
    pair = (OURS, THEIRS)
    add, delete = calls.add.ratio(*pair), calls.delete.ratio(*pair)
    rate = calls.add_rate.ratio(*pair)
    crowd_pair = (crowd.FULL, crowd.EMPTY)
    return Report(
        bench="add",
        rows=[
            row(WHOLE.format("ADD"), "ms", calls.add, pair, scale=1e3),
            row(WHOLE.format("DEL"), "ms", calls.delete, pair, scale=1e3),
            row(f"ADD, {CALLERS} callers", "ms", calls.add_x32, pair, scale=1e3),
            row(f"ADDs, {CALLERS} callers", "a second", calls.add_rate, pair),
            row(f"DELs, {CALLERS} callers", "a second", calls.delete_rate, pair),
            row("ADD, crowded node", "ms", crowded, crowd_pair, scale=1e3),
            *(row(name, "µs", samples) for name, samples in calls.phases.items()),
        ],
        values={
            "add_p50_ratio": round(add.p50, 3),
            "add_p99_ratio": round(add.p99, 3),
            "add_rate_x32_ratio": round(rate.p50, 3),
            "del_p50_ratio": round(delete.p50, 3),
            "add_p50_250_pods_of_0": round(crowded.ratio(*crowd_pair).p50, 3),
        },
        noise=meter.noise(),
    )
