"""Pods' requests by annotations, which containerd and the watch pass on."""

import time
from typing import Any

from integration.checking import require
from integration.cloudview import addresses_of, named
from integration.kind.checks.stage import (
    BLOCKED_PORT,
    NAMESPACE,
    SERVICE_PORT,
    Stage,
    refused,
    server,
)
from vcnd.core.requests import FIXED_ADDRESS, NSG_IDS

FIXED = "fixed"


def _pod(name: str, node: str, annotations: dict[str, str]) -> dict[str, Any]:
    pod = server(name, node)
    pod["metadata"]["annotations"] = annotations
    return pod


def _object(stage: Stage, address: str) -> dict[str, Any]:
    """Return the private IP object of an address."""
    found = [p for p in stage.cloud.world()["PrivateIp"] if address in addresses_of(p)]
    require(len(found) == 1, f"the API lists {address} {len(found)} times")
    return found[0]


def pod_nsg_annotation(stage: Stage) -> str:
    """A pod in another NSG is reached on a blocked port; a refusal is reported."""
    world = stage.cloud.world()
    nsg = named(world, "Nsg", "blocked-port")["id"]
    near, began = stage.workers[0], time.time()
    stage.apply(_pod("chooser", near, {NSG_IDS: nsg}))
    stage.wait_ready("chooser")
    address = stage.ip("chooser")
    vnic_id = _object(stage, address)["vnicId"]
    vnic = next(v for v in stage.cloud.world()["Vnic"] if v["id"] == vnic_id)
    require(vnic["nsgIds"] == [nsg], f"its VNIC is in {vnic['nsgIds']}")
    stage.cloud.spoofed_packets()  # it answers once packets follow the API
    answer = stage.curl("far", f"{address}:{BLOCKED_PORT}/hostname")
    require(answer == "chooser", f"port {BLOCKED_PORT} answered {answer!r}")
    plain = f"{stage.ip('near')}:{BLOCKED_PORT}/hostname"
    shut = refused(lambda: stage.curl("far", plain, 2))
    require(shut, "its neighbour of the node's own class is reached there too")
    unknown = "ocid1.subnet.oc1.iad.none"
    stage.apply(_pod("refused", near, {"vcnd.io/subnet-ids": unknown}))

    def told() -> list[str]:
        events = stage.events("VCNRequestRefused", began)
        return [e["message"] for e in events if unknown in e["message"]]

    message = stage.wait("an event that says what is refused", told, 30)[0]
    stage.delete("pod", "chooser", "refused")
    return f"port {BLOCKED_PORT} of {address} answers; refused: {message}"


def _answers(stage: Stage) -> None:
    target = f"{stage.ip(FIXED)}:{SERVICE_PORT}/hostname"
    answer = stage.wait(f"{FIXED} answers", lambda: stage.curl("far", target), 20)
    require(answer == FIXED, f"{target} answered {answer!r}")


def fixed_address_survives(stage: Stage) -> str:
    """A pod is deleted and created on another node, and keeps its address."""
    one, two = stage.workers[:2]
    seen: list[dict[str, Any]] = []
    for node in (one, two):
        stage.apply(_pod(FIXED, node, {FIXED_ADDRESS: "true"}))
        stage.wait_ready(FIXED)
        seen.append(_object(stage, stage.ip(FIXED)))
        require(seen[-1]["lifetime"] == "RESERVED", f"it is {seen[-1]['lifetime']}")
        stage.cloud.spoofed_packets()
        _answers(stage)
        stage.delete("pod", FIXED)
    first, second = seen
    require(first["id"] == second["id"], f"{first['id']} became {second['id']}")
    require(first["vnicId"] != second["vnicId"], "it is on the VNIC of before")
    path = f"/privateIps/{first['id']}"

    def is_free() -> bool:
        return stage.cloud.call("GET", path)["vnicId"] is None

    stage.wait("it is on no VNIC", is_free, 30)
    stage.cloud.call("DELETE", path)
    return f"{first['ipAddress']}, {NAMESPACE}/{FIXED}, went from {one} to {two}"
