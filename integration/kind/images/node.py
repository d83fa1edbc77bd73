"""The node image: Debian with systemd, containerd, kubelet and all pods' images."""

import shutil
import subprocess
from pathlib import Path

from integration.build import command, components, rootfs
from integration.build.cache import Cache, key_of
from integration.build.components import build
from integration.kind.images import kubernetes
from integration.lab.profile import IMAGES, Profile

NAME = f"localhost/vcnd-node:{components.KUBERNETES}"
FILES = Path(__file__).parents[1] / "node"
PROFILE = Profile("oracle-linux")
"""The image that nodes stand for."""
UNWANTED = (
    "lib/systemd/system/multi-user.target.wants/*",
    "etc/systemd/system/*.wants/*",
    "lib/systemd/system/local-fs.target.wants/*",
    "lib/systemd/system/sockets.target.wants/*udev*",
    "lib/systemd/system/sockets.target.wants/*initctl*",
    "lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup.service",
)
MASKED = (
    *("systemd-binfmt.service", "systemd-udevd.service", "getty.target"),
    *("systemd-modules-load.service", "systemd-networkd.service"),
    *("console-getty.service", "nftables.service"),
)
PRELOAD = r"""
mount --make-rprivate /
for name in proc sys dev; do mount --rbind /$name "$1/$name"; done
for name in run tmp; do mount -t tmpfs none "$1/$name"; done
mkdir "$1/tmp/images"; mount --bind "$2" "$1/tmp/images"
chroot "$1" containerd >"$3" 2>&1 & containerd=$!
for _ in $(seq 100); do
    chroot "$1" ctr version >/dev/null 2>&1 && break
    sleep 0.1
done
for archive in "$1"/tmp/images/*.tar; do
    chroot "$1" ctr -n k8s.io images import --local --digests \
        --discard-unpacked-layers "/tmp/images/${archive##*/}"
done
for image in $(chroot "$1" ctr -n k8s.io images ls -q | grep -v @sha256); do
    chroot "$1" ctr -n k8s.io images label "$image" io.cri-containerd.pinned=pinned
done
kill $containerd; wait $containerd || true
"""


def archive(cache: Cache) -> Path:
    """Return the node's root file system as an archive for ``docker import``."""
    system = rootfs.node(cache)
    programs = [build(cache, p) for p in components.ON_NODE]
    plugins = [build(cache, p) for p in components.PLUGINS]
    loaded = kubernetes.kubernetes(cache, system)
    key = key_of(
        FILES,
        IMAGES,
        system.name,
        [str(p.parent.name) for p in (*programs, *plugins, *loaded)],
        (UNWANTED, MASKED, PRELOAD),
    )

    def make(folder: Path) -> None:
        node = folder / "root"
        subprocess.run(["/bin/cp", "-a", str(system), str(node)], check=True)
        _lay_files(node, programs, plugins)
        _preload(node, loaded, folder)
        tar = ["/bin/tar", "-C", str(node), "--numeric-owner", "-cf"]
        subprocess.run([*tar, str(folder / "node.tar"), "."], check=True)
        shutil.rmtree(node)

    return cache.artifact("node", key, make) / "node.tar"


def _lay_files(node: Path, programs: list[Path], plugins: list[Path]) -> None:
    for pattern in UNWANTED:
        for path in node.glob(pattern):
            path.unlink()
    shutil.copytree(FILES, node, dirs_exist_ok=True)
    # git keeps no owner, and only the executable bit of a mode.
    for path in FILES.rglob("*"):
        there = node / path.relative_to(FILES)
        shutil.chown(there, 0, 0)
        executable = path.is_dir() or path.stat().st_mode & 0o100
        there.chmod(0o755 if executable else 0o644)
    _lay_image(node)
    (node / "kind/version").write_text(components.KUBERNETES)
    for folder in ("opt/cni/bin", "etc/kubernetes/manifests", "etc/cni/net.d"):
        (node / folder).mkdir(parents=True, exist_ok=True)
    for binary in programs:
        kubernetes = binary.name.startswith("kube")
        where = "usr/bin" if kubernetes else "usr/local/bin"
        shutil.copy2(binary, node / where / binary.name)
    for binary in plugins:
        shutil.copy2(binary, node / "opt/cni/bin" / binary.name)
    for words in (
        ["enable", "containerd.service", "kubelet.service", "new-links.service"],
        ["mask", *MASKED],
        ["set-default", "multi-user.target"],
    ):
        inside = ["/usr/sbin/chroot", str(node), "systemctl", *words]
        subprocess.run(inside, check=True, capture_output=True)


def _lay_image(node: Path) -> None:
    """Copy the boot settings and firewall of the image that nodes stand for."""
    folder = node / "kind/image"
    folder.mkdir(parents=True)
    shutil.copy2(IMAGES / "kernel.conf", folder)
    shutil.copy2(IMAGES / PROFILE.name / "firewall.nft", folder)
    settings = node / "etc/sysctl.d"
    settings.mkdir(exist_ok=True)
    for file in PROFILE.files:
        shutil.copy2(file, settings)


def _preload(node: Path, loaded: list[Path], folder: Path) -> None:
    """Run containerd on the tree for a moment to import the images."""
    queue = folder / "images"
    queue.mkdir()
    for number, image in enumerate(loaded):
        (queue / f"{number}.tar").hardlink_to(image)
    log = folder / "containerd.log"
    preload = ["/usr/bin/unshare", "--mount", "/bin/bash", "-ec", PRELOAD, "preload"]
    command.run(
        [*preload, str(node), str(queue), str(log)],
        "images could not be put into the node image",
    )
    shutil.rmtree(queue)
