"""Many targets side by side, each in a process of its own."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from tests.fuzz import kept
from tests.fuzz.targets_table import TARGETS

MOST_CRASHES = 5
"""Of a target: it is left then."""
INPUTS = re.compile(rb"stat::number_of_executed_units:\s*(\d+)")
RESERVE_SECONDS = 300
"""A search that has not ended by itself so long after its time is stopped."""


class Found(msgspec.Struct, kw_only=True):
    """What the search of a target found."""

    inputs: int = 0
    seconds: float = 0.0
    crashes: list[str] = msgspec.field(default_factory=list)
    """The files of the inputs."""
    corpus: int = 0
    """Inputs that reach something that no other reaches."""
    said: str = ""
    """The end of what was printed about the last crash."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is searched, and how long."""

    names: Sequence[str]
    seconds: float
    """Of all targets together, by the clock."""
    inputs: int
    """Of each target at most; 0: as many as there is time for."""
    seed: int
    processes: int
    crashes: Path
    """The folder for the inputs that break a rule."""
    keeps: bool
    """True if the corpora in the repository are written anew."""


def run(plan: Plan, told: Callable[[str, Found], None]) -> dict[str, Found]:
    """Search all targets; return what was found of each.

    Args:
        plan: what is searched.
        told: called with each target and what was found of it, when it ends.
    """
    share = plan.seconds * plan.processes / len(plan.names)

    def search(name: str) -> Found:
        found = _search(plan, name, share)
        told(name, found)
        return found

    with ThreadPoolExecutor(plan.processes) as pool:
        return dict(zip(plan.names, pool.map(search, plan.names), strict=True))


def _search(plan: Plan, name: str, share: float) -> Found:
    found, began = Found(), time.monotonic()
    with TemporaryDirectory(prefix="vcnd-fuzz-") as folder:
        inputs = Path(folder) / "corpus"
        loaded = TARGETS[name].load(name)
        kept.unpack([*loaded.seeds(), *kept.corpus(name)], inputs)
        while len(found.crashes) < MOST_CRASHES:
            left = round(share - (time.monotonic() - began))
            if not found.inputs and not found.crashes:
                left = max(left, 1)  # none is left out, however short the time
            todo = plan.inputs - found.inputs if plan.inputs else 0
            if left < 1 or (plan.inputs and todo < 1):
                break
            if not _once(plan, name, inputs, left, todo, found):
                break
        found.corpus = len(list(inputs.iterdir()))
        found.seconds = round(time.monotonic() - began, 1)
        if plan.keeps and not found.crashes:
            # Those that the search itself has written reach what no other does.
            new = [p for p in inputs.iterdir() if not p.name.startswith(kept.PREFIX)]
            kept.keep(name, [*kept.corpus(name), *(p.read_bytes() for p in new)])
    return found


def _once(
    plan: Plan, name: str, inputs: Path, seconds: int, number: int, found: Found
) -> bool:
    """Search until an input breaks the rule; return False if none did."""
    done = _worker(
        [
            *(name, "--seconds", str(seconds), "--inputs", str(number)),
            *("--seed", str(plan.seed + len(found.crashes)), "--found", str(inputs)),
        ],
        inputs.parent,
        seconds + RESERVE_SECONDS,
    )
    counted = INPUTS.search(done.stderr)
    found.inputs += int(counted[1]) if counted else 0
    if done.returncode == 0:
        return False
    found.said = done.stderr.decode(errors="replace")[-3000:]
    found.crashes += _moved(inputs.parent, plan.crashes / name) or ["no input"]
    return True


def _moved(folder: Path, crashes: Path) -> list[str]:
    """Move the inputs that a search left to their folder; return the files."""
    moved = list[str]()
    for kind in ("crash", "timeout", "oom"):
        for path in folder.glob(f"{kind}-*"):
            crashes.mkdir(parents=True, exist_ok=True)
            kept_as = crashes / path.name[: len(kind) + 17]
            moved.append(str(shutil.move(str(path), str(kept_as))))
    return moved


def _worker(
    arguments: list[str], folder: Path, most: float
) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "tests.fuzz.worker", *arguments]
    root = kept.HERE.parents[1]
    # Clients load the system's certificates, for 40 ms each; no target needs one.
    environment = {
        **os.environ,
        "SSL_CERT_FILE": str(root / "tests" / "trusted.pem"),
        # What a killed worker leaves is removed with the folder.
        "TMPDIR": str(folder),
    }
    try:
        return subprocess.run(
            command,
            cwd=root,
            env=environment,
            capture_output=True,
            check=False,
            timeout=most,
        )
    except subprocess.TimeoutExpired as error:
        said = error.stderr or b""
        return subprocess.CompletedProcess(command, 1, b"", said + b"\nit does not end")
