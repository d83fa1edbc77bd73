"""The CNI project's own driver, built from its module where Go is on the machine."""

import os
import shutil
import subprocess
from pathlib import Path

MODULE = "github.com/containernetworking/cni/cnitool"
VERSION = "v1.3.0"
BUILD_SECONDS = 300


def cache() -> Path:
    """Return where built tools are kept, outside the repository."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "vcnd" / "tools"


def cnitool() -> Path | None:
    """Return cnitool if it was built; ``build`` does that, outside the enclosure."""
    binary = cache() / f"cnitool-{VERSION}"
    return binary if binary.exists() else None


def build() -> str:
    """Build cnitool unless it is there; return what was done, in words."""
    if cnitool() is not None:
        return f"cnitool {VERSION} is there"
    go = shutil.which("go")
    if go is None:
        return "cnitool: no Go on this machine, its test is skipped"
    into = cache() / "build"
    into.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [go, "install", f"{MODULE}@{VERSION}"],
        env={**os.environ, "GOBIN": str(into), "GOFLAGS": "-trimpath"},
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["?"])[-1]
        return f"cnitool: cannot be built here, its test is skipped ({last})"
    (into / "cnitool").rename(cache() / f"cnitool-{VERSION}")
    return f"cnitool {VERSION} was built"
