"""The Helm release of a cluster on which the chart installed vcnd."""

import json
import time
from typing import Any

from integration.chart.programs import NAMESPACE, RELEASE
from integration.checking import require
from integration.kind import install
from integration.kind.checks.demand import no_failed_sandboxes
from integration.kind.checks.stage import SERVICE_PORT, Stage, refused
from integration.kind.install import WAIT

BATCH = 6
"""Of the changed configuration."""
MARK = "changed-by-upgrade"


def helm_upgrade_and_rollback(stage: Stage) -> str:
    """Changed values roll the pods and reach the nodes; a rollback takes them back."""
    secrets = ("-n", NAMESPACE, "get", "secrets", "-l", "owner=helm", "-o", "name")
    kept = stage.kubectl(*secrets).split()
    if not install.by_chart():
        require(not kept, f"kustomize installed vcnd, and there is {kept[:1]}")
        return "installed by kustomize: there is no release"
    began, first = time.time(), _release(stage)
    pods = _pods(stage)
    install.upgrade(
        stage.cluster,
        *("--set", f"podAnnotations.{MARK}=yes"),
        *("--set", f"config.pool.batch={BATCH}", *WAIT),
    )
    second = _release(stage)
    require(second["revision"] == first["revision"] + 1, f"{first} became {second}")
    upgraded = _pods(stage)
    require(not pods.keys() & upgraded.keys(), "pods were not replaced")
    require(all(upgraded.values()), f"pods without the annotation: {upgraded}")
    _wait_batch(stage, BATCH)
    wrong = ("--set", "config.pool.bach=1")
    require(refused(lambda: install.upgrade(stage.cluster, *wrong)), "bach is taken")
    require(_release(stage) == second, "a refused value made a revision")
    revision = str(first["revision"])
    stage.cluster.helm("rollback", RELEASE, revision, "-n", NAMESPACE, *WAIT)
    third = _pods(stage)
    require(not upgraded.keys() & third.keys(), "the rollback replaced no pods")
    require(not any(third.values()), f"the annotation stays: {third}")
    _wait_batch(stage, install.BATCH)
    answer = stage.curl("far", f"{stage.ip('near')}:{SERVICE_PORT}/hostname")
    require(answer == "near", f"a running pod answered {answer!r}")
    no_failed_sandboxes(stage, began)
    return (
        f"{first['chart']}: {len(pods)} pods rolled and rolled back, revision"
        f" {_release(stage)['revision']}"
    )


def _release(stage: Stage) -> dict[str, Any]:
    """Return the release, which is deployed."""
    told = json.loads(stage.cluster.helm("list", "-n", NAMESPACE, "-o", "json"))
    require(len(told) == 1, f"{len(told)} releases")
    found = told[0]
    require(found["name"] == RELEASE, f"the release is {found['name']}")
    require(found["status"] == "deployed", f"the release is {found['status']}")
    return {"chart": found["chart"], "revision": int(found["revision"])}


def _pods(stage: Stage) -> dict[str, bool]:
    """Return the installer's pods, and whether each has the annotation."""
    select = ("-l", "app.kubernetes.io/name=vcnd", "-o", "json")
    items = json.loads(stage.kubectl("-n", NAMESPACE, "get", "pods", *select))["items"]
    return {
        p["metadata"]["name"]: MARK in p["metadata"].get("annotations", {})
        for p in items
        if not p["metadata"].get("deletionTimestamp")
    }


def _wait_batch(stage: Stage, batch: int) -> None:
    """Wait until each node's daemon has a configuration."""

    def configured() -> bool:
        return all(
            f"batch = {batch}" in stage.on_node(node, "cat", "/etc/vcnd/vcnd.toml")
            and stage.status(node)
            for node in stage.cluster.nodes()
        )

    stage.wait(f"the nodes have batch = {batch}", configured)
