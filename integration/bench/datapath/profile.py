"""Where the microseconds of a test go, by perf's samples."""

import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from integration.bench.datapath import parts, pathcost, stage
from integration.bench.datapath.bench import TESTS
from integration.bench.datapath.pathcost import Pathcost
from integration.bench.datapath.stage import BARE, CROSS, FLANNEL, HOST, OFF, OURS
from integration.bench.samples import Samples, turns
from integration.bench.stacked import Bar, svg
from integration.build.cache import Cache

SIDES = (BARE, HOST, OURS, OFF, FLANNEL)
HERTZ = 9973
"""A prime: no timer of the kernel runs in step with it."""
BLOCKS, LENGTH, PLAIN_BLOCKS = 5, 80, 80
"""Blocks under perf, and how many times a bench's block each has; blocks without."""
ATTACH_SECONDS = 1.0
COLOURS = dict(
    zip(
        (*parts.PARTS, parts.REST),
        (
            *("#1a7f37", "#b0413e", "#e08a4f", "#f0c79a", "#6a51a3", "#9e86c9"),
            *("#2f6fdb", "#7fb0ee", "#b9c4d0", "#d8dce1", "#eeeeee"),
        ),
        strict=True,
    )
)


class ProfileError(Exception):
    """perf did not work."""


def measure(
    directory: Path, cache: Cache, test: str, progress: Callable[[str], None]
) -> list[Bar]:
    """Measure a test's medians in turns, without perf; then let perf sample it."""
    block = TESTS[test][1]
    program = pathcost.compiled(cache)
    with (
        stage.running(directory, cache, (), progress) as there,
        pathcost.running(program) as cost,
    ):
        paths = there.paths[CROSS]
        opened = {
            side: cost.open(paths[side].client, paths[side].server, paths[side].address)
            for side in SIDES
            if side in paths
        }
        samples = Samples()
        for number, side in turns([*opened], PLAIN_BLOCKS):
            taken = cost.measure(test, opened[side], block)
            if number:
                samples.add(side, taken)
        bars = []
        for side, path in opened.items():
            progress(f"perf: {side}")
            shares = parts.shares(
                _sampled(
                    cost, partial(cost.measure, test, path, LENGTH * block), directory
                )
            )
            # By ratios of neighbouring blocks: all bars then have one scale.
            p50 = samples.summary(BARE).p50 * samples.ratio(side, BARE).p50
            in_us = {part: round(share * p50, 2) for part, share in shares.items()}
            bars.append(Bar(side=side, p50=round(p50, 2), parts=in_us))
        return bars


def picture(bars: Sequence[Bar], test: str) -> str:
    """Return the picture of what ``measure`` returned."""
    what = TESTS[test][0]
    heading = f"{what[0].upper()}{what[1:]}, between two nodes, microseconds"
    return svg({heading: bars}, COLOURS)


def _sampled(
    cost: Pathcost, run: Callable[[], object], directory: Path
) -> list[list[str]]:
    """Return the stacks of the kernel and the program while it measures."""
    data = directory / "perf.data"
    command = [
        *("perf", "record", "--quiet", "--event", "task-clock", "--call-graph", "fp"),
        *(
            "--freq",
            str(HERTZ),
            "--pid",
            str(cost.program.process.pid),
            "--output",
            str(data),
        ),
    ]
    try:
        perf = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    except FileNotFoundError:
        raise ProfileError("needs perf (Debian: linux-perf)") from None
    try:
        time.sleep(ATTACH_SECONDS)
        for _ in range(BLOCKS):
            run()
        perf.send_signal(signal.SIGINT)
        _, words = perf.communicate()
    finally:
        perf.kill()
        perf.wait()
    script = ["perf", "script", "--input", str(data), "--fields", "ip,sym"]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    stacks = list(parts.stacks(done.stdout.splitlines()))
    if not stacks:
        raise ProfileError(f"perf has no samples: {words} {done.stderr}")
    return stacks
