"""The official ``oci`` package, in a cache of its own.

It is half a gigabyte, for tests alone: no dependency of the project's, and not in
its virtual environment.
"""

import hashlib
import shutil
import site
import subprocess
import sys
from pathlib import Path

from integration.lab.cnitool import cache

LOCK = Path(__file__).with_name("requirements.txt")
INSTALL_SECONDS = 600


def place() -> Path:
    """Return where the SDK of this lock file and this Python is."""
    version = f"py{sys.version_info.major}{sys.version_info.minor}"
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]
    return cache() / f"oci-sdk-{version}-{digest}"


def install() -> str:
    """Install the SDK unless it is there; return what was done, in words.

    Raises:
        RuntimeError: it cannot be installed; the text has pip's reason.
    """
    if place().exists():
        return "Oracle's SDK is there"
    staging = place().with_suffix(".new")
    shutil.rmtree(staging, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install"]
    command += ["-q", "--no-deps", "--require-hashes", "-r", str(LOCK)]
    command += ["--target", str(staging)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
    )
    if done.returncode:
        raise RuntimeError(f"Oracle's SDK cannot be installed: {done.stderr.strip()}")
    staging.rename(place())
    return "Oracle's SDK was installed"


def use() -> None:
    """Make ``import oci`` work in this process; the project's own packages win."""
    site.addsitedir(str(place()))
