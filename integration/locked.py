"""Packages of a lock file, in a cache outside the repository."""

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

from integration.lab.cnitool import cache

INSTALL_SECONDS = 600


def place(name: str, lock: Path) -> Path:
    """Return where the packages of a lock file are, for this version of Python.

    Args:
        name: what the packages are for.
        lock: requirements with hashes.
    """
    version = f"py{sys.version_info.major}{sys.version_info.minor}"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    return cache() / f"{name}-{version}-{digest}"


def install(name: str, lock: Path) -> Path:
    """Install the packages unless they are there; return the directory.

    Raises:
        RuntimeError: they cannot be installed; the text has pip's reason.
    """
    there = place(name, lock)
    if there.exists():
        return there
    there.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=there.parent) as staging:
        packages = Path(staging, "packages")
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pip", "--disable-pip-version-check"),
                *("install", "-q", "--no-deps", "--require-hashes", "-r", str(lock)),
                *("--target", str(packages)),
            ],
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{name} cannot be installed: {done.stderr.strip()}")
        try:
            packages.rename(there)
        except OSError:
            if not there.exists():  # no other run was faster
                raise
    return there
