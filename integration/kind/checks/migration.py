"""From Flannel to vcnd, node by node (docs/migration.md)."""

from integration.checking import require
from integration.kind.checks.stage import (
    SERVICE_PORT,
    Stage,
    container,
    pod,
    refused,
    server,
    service,
)
from integration.kind.flannel import node as flannel

SHOP = "moving"
RANGE = "10.244."
"""Of Flannel's pods."""


def from_flannel(stage: Stage) -> str:
    """Two nodes leave Flannel one after the other; a Service goes on answering."""
    first, second = stage.workers[:2]
    flannel.install(stage)
    stage.apply(service(SHOP, {"shop": SHOP}))
    with flannel.using(stage, second):
        with flannel.using(stage, first):
            _fill(stage, "moving-a", first)
            _fill(stage, "moving-b", second)
            stage.apply(pod("moving-old", second, container("c", "pause")))
            stage.wait_ready("moving-old")
            _require_range(stage, "moving-old", "moving-a", "moving-b")
            _answers(stage, "moving-old")
            _empty(stage, "moving-a")
        _first_moved(stage, first, second)
        _empty(stage, "moving-b", "moving-old")
    _fill(stage, "moving-b", second)
    _require_private(stage, second, "moving-b")
    own, seen = stage.ip("moving-new"), _seen(stage, "moving-new", "moving-b")
    require(seen.startswith(f"{own}:"), f"{own} is seen as {seen}")
    _answers(stage, "moving-new")
    _empty(stage, "moving-a", "moving-b", "moving-new")
    return "two nodes moved; the Service answered before, between and after"


def _first_moved(stage: Stage, first: str, second: str) -> None:
    """Check what pods reach while one node is vcnd's and the other Flannel's."""
    _fill(stage, "moving-a", first)
    stage.apply(pod("moving-new", first, container("c", "pause")))
    stage.wait_ready("moving-new")
    _require_private(stage, first, "moving-a", "moving-new")
    _answers(stage, "moving-old")
    seen = _seen(stage, "moving-old", "moving-a")
    masqueraded = seen.startswith(f"{stage.node_address(second)}:")
    require(masqueraded, f"a pod of Flannel is seen as {seen}, not as its node")
    require(
        refused(lambda: _seen(stage, "moving-new", "moving-b")),
        "a pod of the VCN reaches one of Flannel: docs/migration.md says it does not",
    )


def _seen(stage: Stage, client: str, server_name: str) -> str:
    """Return whom a server has for its client, which asks by the pod's address."""
    return stage.curl(client, f"{stage.ip(server_name)}:{SERVICE_PORT}/clientip")


def _fill(stage: Stage, name: str, node: str) -> None:
    stage.apply(server(name, node, labels={"shop": SHOP}))
    stage.wait_ready(name)


def _empty(stage: Stage, *pods: str) -> None:
    """Delete pods, as a drain of their node does."""
    stage.delete("pod", *pods, "--wait")


def _answers(stage: Stage, client: str) -> None:
    """Ask the Service as often as each of its servers may be chosen."""
    for _ in range(6):
        stage.curl(client, SHOP)


def _require_range(stage: Stage, *pods: str) -> None:
    for name in pods:
        address = stage.ip(name)
        require(address.startswith(RANGE), f"{name} has {address}, not Flannel's")


def _require_private(stage: Stage, node: str, *pods: str) -> None:
    given = stage.private_ips(node)
    for name in pods:
        address = stage.ip(name)
        require(address in given, f"{name}: {address} is no private IP of {node}")
