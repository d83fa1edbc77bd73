"""Pods' cgroups, as kubelets with each driver make them."""

from pathlib import Path

import pytest

from vcnd.linux.pod_cgroups import kept_pods

ONE, TWO = (
    "8a5f3c1e-0b7d-4f0e-9d0a-1c2b3a4d5e6f",
    "11111111-2222-3333-4444-555555555555",
)
STATIC = "d41d8cd98f00b204e9800998ecf8427e"


def slices(prefix: str, uid: str, quality: str = "") -> str:
    """Return a pod's cgroup as the driver of systemd names it."""
    top, middle = f"{prefix}kubepods", f"-{quality}" if quality else ""
    name = uid.replace("-", "_")
    inner = f"{top}{middle}.slice/" if quality else ""
    return f"{top}.slice/{inner}{top}{middle}-pod{name}.slice"


@pytest.mark.parametrize(
    ("folders", "uids"),
    [
        ([slices("", ONE), slices("", TWO, "burstable")], {ONE, TWO}),
        ([slices("", STATIC, "besteffort")], {STATIC}),
        # kind: the kubelet's own slice around them.
        ([f"kubelet.slice/{slices('kubelet-', ONE, 'burstable')}"], {ONE}),
        # The driver cgroupfs, and version 1 with its controllers.
        ([f"kubepods/pod{ONE}", f"kubepods/burstable/pod{TWO}"], {ONE, TWO}),
        (
            [f"pids/kubepods/pod{ONE}", f"memory/kubepods/besteffort/pod{TWO}"],
            {ONE, TWO},
        ),
        # Containers in it change nothing.
        ([f"{slices('', ONE)}/cri-containerd-{'a' * 64}.scope"], {ONE}),
        (["kubepods.slice/kubepods-burstable.slice"], set()),
        # No kubelet keeps cgroups here, or too deep to be found: nobody can tell.
        ([f"system.slice/pod{ONE}.slice", "user.slice"], None),
        ([f"a/b/c/d/e/kubepods/pod{ONE}"], None),
        ([], None),
    ],
)
def test_pods_are_found_by_their_cgroups(
    tmp_path: Path, folders: list[str], uids: set[str] | None
) -> None:
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "cgroup.procs").write_text("")
    assert kept_pods(tmp_path) == uids


def test_without_cgroups_nobody_can_tell(tmp_path: Path) -> None:
    assert kept_pods(tmp_path / "nothing") is None
