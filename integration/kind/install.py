"""vcnd on the cluster, by kustomize or by the Helm chart, with this world's OCIDs."""

import json
import re
import shutil
import time
import tomllib
from pathlib import Path
from typing import Any

from integration.chart.programs import NAMESPACE, RELEASE
from integration.cloudview import named
from integration.kind.cloud import Cloud
from integration.kind.cluster import Cluster
from integration.kind.docker import DockerError
from integration.kind.images import ours
from integration.kind.settings import state

DEPLOY = ours.ROOT / "deploy"
OVERLAY = "overlays/kind"
VALUES = "values.json"
"""Name of the file in the state's folder that has the chart's values."""
READY_SECONDS = 180.0
NO_EXPRESS = "no-express"
"""Name of the file in the state's folder while the configuration forbids the lane."""
POLICY = "policy"
"""Name of the file in the state's folder that has ``[policy] enforcement``."""
CHART = "chart"
"""Name of the file in the state's folder if vcnd is installed by the Helm chart."""
WAIT = ("--wait", f"--timeout={READY_SECONDS:.0f}s")
"""Options of helm: return once what is changed is ready."""
BATCH = 8
POOL = f"""
[pool]
batch = {BATCH}
cooling_seconds = 10.0
audit_seconds = 30.0
shrink_after_seconds = 60.0
"""


def folder() -> Path:
    """Return the folder of this cluster's manifests."""
    return state() / "deploy"


def express() -> bool:
    """Return True if the configuration allows the express lane."""
    return not (state() / NO_EXPRESS).exists()


def enforcement() -> str:
    """Return the configuration's ``[policy] enforcement``."""
    path = state() / POLICY
    return path.read_text() if path.exists() else "strict"


def by_chart() -> bool:
    """Return True if vcnd is installed by the Helm chart."""
    return (state() / CHART).exists()


def write_manifests(cloud: Cloud, *, number: int = 1, subnet: str = "pods") -> None:
    """Write the overlay for this world, and the chart's values.

    Args:
        cloud: the fake cloud.
        number: the number of this tree's image.
        subnet: the pods' subnet by name, or an OCID.
    """
    shutil.rmtree(folder(), ignore_errors=True)
    shutil.copytree(DEPLOY, folder())
    overlay = folder() / OVERLAY
    world = cloud.world()
    found = [s["id"] for s in world["Subnet"] if s["displayName"] == subnet]
    text = (overlay / "vcnd.toml").read_text()
    text = text.replace("@SUBNET@", found[0] if found else subnet)
    text = text.replace("@NSG@", named(world, "Nsg", "pods")["id"])
    node = f"\n[node]\nexpress = {str(express()).lower()}\n"
    policy = f'\n[policy]\nenforcement = "{enforcement()}"\n'
    text += POOL + node + policy
    (overlay / "vcnd.toml").write_text(text)
    name, _, tag = ours.vcnd_name(number).rpartition(":")
    for where in (overlay, folder() / "uninstall"):
        file = (where / "kustomization.yaml").read_text()
        file = re.sub(r"newName: .*", f"newName: {name}", file)
        file = re.sub(r"newTag: .*", f'newTag: "{tag}"', file)
        (where / "kustomization.yaml").write_text(file)
    image = {"repository": name, "tag": tag}
    values = {"image": image, "config": tomllib.loads(text)}
    (state() / VALUES).write_text(json.dumps(values))


def apply(cluster: Cluster) -> None:
    """Install what ``write_manifests`` wrote, or change what is installed to it."""
    if by_chart():
        upgrade(cluster)
        return
    overlay = str(folder() / OVERLAY)
    try:
        cluster.kubectl("apply", "-k", overlay)
    except DockerError:  # its own CRDs are not served yet
        time.sleep(1)
        cluster.kubectl("apply", "-k", overlay)


def upgrade(cluster: Cluster, *options: str) -> None:
    """Install the chart, or upgrade its release.

    Args:
        cluster: the cluster.
        options: further ones of ``helm upgrade``.
    """
    values = str(state() / VALUES)
    install = ("upgrade", "--install", RELEASE, str(folder()), "--values", values)
    cluster.helm(*install, "-n", NAMESPACE, *options)


def remove(cluster: Cluster) -> None:
    """Remove vcnd from the nodes, and its objects from the API server."""
    if by_chart():
        upgrade(cluster, "--set", "uninstall.enabled=true", *WAIT)
        cluster.helm("uninstall", RELEASE, "-n", NAMESPACE, *WAIT)
        cluster.kubectl("delete", "-f", str(folder() / "base/crd.yaml"), "--wait")
        return
    cluster.kubectl("-n", NAMESPACE, "delete", "ds", "vcnd", "--wait")
    uninstaller = str(folder() / "uninstall")
    cluster.kubectl("apply", "-k", uninstaller)
    rollout = ("-n", NAMESPACE, "rollout", "status", "ds/vcnd-uninstall")
    cluster.kubectl(*rollout, "--timeout=120s")
    cluster.kubectl("delete", "-k", uninstaller, "--wait")
    overlay = str(folder() / OVERLAY)
    cluster.kubectl("delete", "-k", overlay, "--wait", "--ignore-not-found")


def wait_ready(cluster: Cluster, seconds: float = READY_SECONDS) -> None:
    """Wait until nodes, CoreDNS, kube-proxy and vcnd are ready.

    Raises:
        DockerError: one is not ready in time; the text says which.
    """
    limit = f"--timeout={seconds:.0f}s"
    cluster.kubectl("wait", "--for=condition=Ready", "nodes", "--all", limit)
    for what in ("ds/vcnd", "ds/kube-proxy", "deploy/coredns"):
        cluster.kubectl("-n", NAMESPACE, "rollout", "status", what, limit)


def networks(cluster: Cluster) -> list[dict[str, Any]]:
    """Return the NativePodNetworks."""
    answer: dict[str, Any] = json.loads(cluster.kubectl("get", "npn", "-o", "json"))
    items: list[dict[str, Any]] = answer["items"]
    return items
