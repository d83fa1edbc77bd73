"""vcnd on the cluster: the kustomize overlay, with this world's OCIDs."""

import json
import re
import shutil
import time
from pathlib import Path
from typing import Any

from integration.cloudview import named
from integration.kind.cloud import Cloud
from integration.kind.cluster import Cluster
from integration.kind.docker import DockerError
from integration.kind.images import ours
from integration.kind.settings import state

DEPLOY = ours.ROOT / "deploy"
READY_SECONDS = 180.0
NO_EXPRESS = "no-express"
"""Name of the file in the state's folder while the configuration forbids the lane."""
POLICY = "policy"
"""Name of the file in the state's folder that has ``[policy] enforcement``."""
POOL = """
[pool]
batch = 8
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


def write_manifests(cloud: Cloud, *, number: int = 1, subnet: str = "pods") -> Path:
    """Write the overlay for this world; return its folder.

    Args:
        cloud: the fake cloud.
        number: the number of this tree's image.
        subnet: the pods' subnet by name, or an OCID.
    """
    shutil.rmtree(folder(), ignore_errors=True)
    shutil.copytree(DEPLOY, folder())
    overlay = folder() / "overlays/kind"
    world = cloud.world()
    found = [s["id"] for s in world["Subnet"] if s["displayName"] == subnet]
    text = (overlay / "vcnd.toml").read_text()
    text = text.replace("@SUBNET@", found[0] if found else subnet)
    text = text.replace("@NSG@", named(world, "Nsg", "pods")["id"])
    node = f"\n[node]\nexpress = {str(express()).lower()}\n"
    policy = f'\n[policy]\nenforcement = "{enforcement()}"\n'
    (overlay / "vcnd.toml").write_text(text + POOL + node + policy)
    for where in (overlay, folder() / "uninstall"):
        name, _, tag = ours.vcnd_name(number).rpartition(":")
        text = (where / "kustomization.yaml").read_text()
        text = re.sub(r"newName: .*", f"newName: {name}", text)
        text = re.sub(r"newTag: .*", f'newTag: "{tag}"', text)
        (where / "kustomization.yaml").write_text(text)
    return overlay


def apply(cluster: Cluster, overlay: Path) -> None:
    """Apply an overlay; try again if its own CRDs are not served yet."""
    try:
        cluster.kubectl("apply", "-k", str(overlay))
    except DockerError:
        time.sleep(1)
        cluster.kubectl("apply", "-k", str(overlay))


def wait_ready(cluster: Cluster, seconds: float = READY_SECONDS) -> None:
    """Wait until nodes, CoreDNS, kube-proxy and vcnd are ready.

    Raises:
        DockerError: one is not ready in time; the text says which.
    """
    limit = f"--timeout={seconds:.0f}s"
    cluster.kubectl("wait", "--for=condition=Ready", "nodes", "--all", limit)
    for what in ("ds/vcnd", "ds/kube-proxy", "deploy/coredns"):
        cluster.kubectl("-n", "kube-system", "rollout", "status", what, limit)


def networks(cluster: Cluster) -> list[dict[str, Any]]:
    """Return the NativePodNetworks."""
    answer: dict[str, Any] = json.loads(cluster.kubectl("get", "npn", "-o", "json"))
    items: list[dict[str, Any]] = answer["items"]
    return items
