"""Flannel's own manifest, on this cluster's image."""

import shutil
from pathlib import Path
from typing import Any

import msgspec

from integration.build import components, rootfs
from integration.build.cache import Cache, key_of
from integration.kind.images import kubernetes

MODULE = components.FLANNELD.package
NAMESPACE, DAEMON_SET = "kube-flannel", "kube-flannel-ds"
FILE = "kube-flannel.yml"
PROGRAM = "/opt/bin/flanneld"
"""Where the manifest's DaemonSet has it."""


def archive(cache: Cache) -> Path:
    """Return the archive of the image of flanneld."""
    name = image(objects(text(cache)))
    system = rootfs.node(cache)
    return kubernetes.with_iptables(cache, system, components.FLANNELD, name, PROGRAM)


def objects(text: str) -> list[dict[str, Any]]:
    """Return the objects of the manifest, of which ``text`` is the content.

    The DaemonSet has no init containers: they install Flannel's CNI plugin and its
    configuration, which ``node`` does.
    """
    found = [
        msgspec.yaml.decode(part, type=dict[str, Any])
        for part in text.removeprefix("---\n").split("\n---\n")
    ]
    for each in found:
        if each["kind"] == "DaemonSet":
            del each["spec"]["template"]["spec"]["initContainers"]
    return found


def text(cache: Cache) -> str:
    """Return the manifest as the pinned version has it."""
    module = components.FOLDER / components.FLANNELD.module

    def keep(folder: Path) -> None:
        source = components.source(module.name, MODULE)
        shutil.copyfile(source / "Documentation/kube-flannel.yml", folder / FILE)

    key = key_of(module / "go.mod")
    folder = cache.artifact("flannel-manifest", key, keep)
    return (folder / FILE).read_text()


def image(objects: list[dict[str, Any]]) -> str:
    """Return the name that a manifest's objects have for the image of flanneld."""
    [daemons] = (each for each in objects if each["kind"] == "DaemonSet")
    [container] = daemons["spec"]["template"]["spec"]["containers"]
    name: str = container["image"]
    return name
