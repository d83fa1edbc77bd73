"""Where the microseconds of a test go, by perf's samples."""

import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from integration.bench.datapath import parts, pathcost, stage
from integration.bench.datapath.bench import TESTS
from integration.bench.datapath.pathcost import Pathcost
from integration.bench.datapath.stage import BARE, CROSS, FLANNEL, HOST, OFF, OURS
from integration.bench.samples import Samples, turns
from integration.build.cache import Cache

SIDES = (BARE, HOST, OURS, OFF, FLANNEL)
HERTZ = 9973
"""A prime: no timer of the kernel runs in step with it."""
BLOCKS, LENGTH, PLAIN_BLOCKS = 5, 80, 80
"""Blocks under perf, and how many times a bench's block each has; blocks without."""
ATTACH_SECONDS = 1.0


class ProfileError(Exception):
    """perf did not work."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One side of a test: its median and the parts of that, in microseconds."""

    side: str
    p50: float
    parts: dict[str, float]


def measure(
    directory: Path, cache: Cache, test: str, progress: Callable[[str], None]
) -> list[Profile]:
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
        profiles = []
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
            profiles.append(Profile(side=side, p50=round(p50, 2), parts=in_us))
        return profiles


def _sampled(
    cost: Pathcost, run: Callable[[], object], directory: Path
) -> list[list[str]]:
    """Return the stacks of the kernel and the program while it measures."""
    data = directory / "perf.data"
    command = [
        *("perf", "record", "--quiet", "--event", "task-clock", "--call-graph", "fp"),
        *("--freq", str(HERTZ), "--pid", str(cost.pid), "--output", str(data)),
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
        _, said = perf.communicate()
    finally:
        perf.kill()
        perf.wait()
    script = ["perf", "script", "--input", str(data), "--fields", "ip,sym"]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    stacks = list(parts.stacks(done.stdout.splitlines()))
    if not stacks:
        raise ProfileError(f"perf has no samples: {said} {done.stderr}")
    return stacks
