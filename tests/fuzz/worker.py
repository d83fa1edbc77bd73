"""One target's search, in a process of its own.

With coverage where atheris (libFuzzer) is, blindly elsewhere.  It ends by a rule that
an input broke: the input is then in a file.
"""

import argparse
import contextlib
import importlib.util
import io
import sys
from collections.abc import Callable
from pathlib import Path

from tests.fuzz import blind
from tests.fuzz.bounds import bounded
from tests.fuzz.targets_table import TARGETS

HANG_SECONDS = 120
"""On the clock: what waits for ever uses no processor time."""
MOST_MEBIBYTES = 1024


def main() -> None:
    """Search."""
    parser = argparse.ArgumentParser()
    parser.add_argument("target")
    parser.add_argument("--seconds", type=int, required=True)
    parser.add_argument("--inputs", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--found", type=Path, required=True)
    options = parser.parse_args()
    target = TARGETS[options.target]
    if importlib.util.find_spec("atheris") is None:
        run = target.load(options.target).run
        sys.exit(blind.search(run, target.most_bytes, options))
    import atheris  # noqa: PLC0415 - not everywhere

    with (
        contextlib.redirect_stderr(io.StringIO()),
        atheris.instrument_imports(include=list(target.rooms)),
    ):
        run = target.load(options.target).run
    flags = [
        f"-max_total_time={options.seconds}",
        f"-runs={options.inputs or -1}",
        f"-seed={options.seed}",
        f"-max_len={target.most_bytes}",
        f"-timeout={HANG_SECONDS}",
        f"-rss_limit_mb={MOST_MEBIBYTES}",
        f"-artifact_prefix={options.found.parent}/",
        "-print_final_stats=1",
        str(options.found),
    ]
    atheris.Setup([sys.argv[0], *flags], _within_bounds(run), internal_libfuzzer=True)
    atheris.Fuzz()


def _within_bounds(run: Callable[[bytes], None]) -> Callable[[bytes], None]:
    def one(data: bytes) -> None:
        with bounded():
            run(data)

    return one


if __name__ == "__main__":
    main()
