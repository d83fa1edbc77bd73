"""A search without coverage, where there is no atheris: known inputs, changed."""

import argparse
import hashlib
import sys
import time
import traceback
from collections.abc import Callable
from random import Random

from tests.fuzz.bounds import bounded

CRASHED = 77
"""The exit code after an input that broke the rule: libFuzzer's."""


def search(
    run: Callable[[bytes], None], most_bytes: int, options: argparse.Namespace
) -> int:
    """Run inputs until the time or their number is over; return the exit code."""
    random = Random(options.seed)
    known = [path.read_bytes() for path in sorted(options.found.iterdir())] or [b""]
    began, number, code = time.monotonic(), 0, 0
    while time.monotonic() - began < options.seconds:
        if options.inputs and number >= options.inputs:
            break
        data = _changed(random.choice(known), random)[:most_bytes]
        number += 1
        try:
            with bounded():
                run(data)
        except BaseException:  # noqa: BLE001 - each is a finding
            sys.stderr.write(traceback.format_exc())
            name = hashlib.sha256(data).hexdigest()[:16]
            (options.found.parent / f"crash-{name}").write_bytes(data)
            code = CRASHED
            break
    sys.stderr.write(f"stat::number_of_executed_units: {number}\n")
    return code


def _changed(data: bytes, random: Random) -> bytes:
    """Return bytes of which some are replaced, removed, added or repeated."""
    for _ in range(random.randint(1, 4)):
        start = random.randint(0, len(data))
        end = min(len(data), start + random.choice([0, 1, 1, 2, 4, 16]))
        kept = random.choice([b"", data[start:end]])
        new = random.choice([random.randbytes(1), random.randbytes(4), kept, b"\xff"])
        data = data[:start] + kept + new + data[end:]
    return data
