"""npm packages of a lock file, in a cache outside the repository."""

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from integration.lab.cnitool import cache

INSTALL_SECONDS = 300


def place(name: str, folder: Path) -> Path:
    """Return where the packages are, or will be.

    Args:
        name: what the packages are for.
        folder: has ``package.json`` and ``package-lock.json``.
    """
    digest = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    return cache() / f"{name}-{digest[:12]}" / "node_modules"


def install(name: str, folder: Path) -> Path | None:
    """Install the packages unless they are there; return the directory.

    Returns None if this machine has no npm.

    Raises:
        RuntimeError: they cannot be installed; the text has npm's reason.
    """
    there = place(name, folder)
    npm = shutil.which("npm")
    if there.exists():
        return there
    if npm is None:
        return None
    there.parent.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=there.parent.parent) as made:
        work = Path(made) / name
        shutil.copytree(folder, work)
        done = subprocess.run(
            [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=work,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{name}: {done.stderr.strip()[-1000:]}")
        try:
            work.rename(there.parent)
        except OSError:
            if not there.exists():  # no other run was faster
                raise
    return there
