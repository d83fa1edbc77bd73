"""The daemon's own root on the node: one folder for each version."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from vcnd.install import layout
from vcnd.install.host import Host, InstallError


def version() -> str:
    """Return the version of this image."""
    return Path(layout.IMAGE, "version").read_text().strip()


def lay(host: Host, name: str, users: Mapping[str, tuple[int, int]]) -> str:
    """Copy this image's root to the node, unless it is there; return its path."""
    target = f"{layout.TREES}/{name}"
    if not host.path(target).exists():
        fresh = host.path(f"{layout.TREES}/.{name}.new")
        if fresh.exists():
            shutil.rmtree(fresh)
        fresh.mkdir(parents=True)
        _copy_root(fresh)
        # The units' users have the same numbers in the image and on the node.
        with (fresh / "etc/passwd").open("a") as passwd:
            for user, (uid, gid) in users.items():
                passwd.write(f"{user}:x:{uid}:{gid}::/:/usr/sbin/nologin\n")
        for name_ in ("etc/resolv.conf", "etc/hosts"):
            (fresh / name_).unlink(missing_ok=True)
            (fresh / name_).touch()  # the node's folders are mounted here
        fresh.rename(host.path(target))
    return target


def _copy_root(into: Path) -> None:
    """Copy the container's own file system, without /proc and mounts."""
    command = 'tar -C / --one-file-system -cf - . | tar -C "$1" -xpf -'
    done = subprocess.run(
        ["/bin/sh", "-c", command, "copy", str(into)],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise InstallError(f"copying the tree: {done.stderr.strip()[-500:]}")


def remove_others(host: Host, kept: str) -> None:
    """Remove the trees of other versions, which no process uses any more."""
    for path in host.path(layout.TREES).iterdir():
        if path.name != kept:
            shutil.rmtree(path)
