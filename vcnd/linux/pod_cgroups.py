"""The pods that the kubelet keeps on this node, by their cgroups.

The kubelet makes a pod's cgroup before the runtime makes its sandbox, puts every
process of the pod into it, and removes it when the last one has ended.  So a pod
without a cgroup does not run (docs/decisions/0023-sandboxes-by-cgroups.md).
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
MOST_LEVELS = 4
"""The kubelet's cgroup is at most so deep, below a controller's folder and
``--cgroup-root``."""
KUBEPODS = re.compile(r"(?:.+-)?kubepods(?:\.slice)?")
POD = re.compile(r"(?:.+-)?pod([0-9A-Za-z_-]{8,64})(?:\.slice)?")
"""``pod<uid>``, or with the driver of systemd ``kubepods-burstable-pod<uid>.slice``,
where underscores stand for the dashes of the uid."""


def kept_pods(root: Path = ROOT) -> frozenset[str] | None:
    """Return the uids of the pods that have a cgroup, or None without a kubelet's.

    Args:
        root: the cgroups' file system, of version 1 or 2.
    """
    kubelets = list(_kubelets(root, MOST_LEVELS))
    if not kubelets:
        return None
    return frozenset(uid for path in kubelets for uid in _pods(path))


def _kubelets(folder: Path, levels: int) -> Iterator[Path]:
    """Yield the cgroups under which a kubelet keeps its pods."""
    for path in _children(folder):
        if KUBEPODS.fullmatch(path.name):
            yield path
        elif levels > 1:
            yield from _kubelets(path, levels - 1)


def _pods(kubelet: Path) -> Iterator[str]:
    """Yield the uids of pods below a kubelet's cgroup, by class of service."""
    for path in _children(kubelet):
        if found := POD.fullmatch(path.name):
            yield found[1].replace("_", "-")
        else:
            for below in _children(path):
                if found := POD.fullmatch(below.name):
                    yield found[1].replace("_", "-")


def _children(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [Path(e.path) for e in entries if e.is_dir(follow_symlinks=False)]
    except OSError:
        return []  # it has ended meanwhile
