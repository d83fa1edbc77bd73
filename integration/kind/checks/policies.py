"""Network policies for the checks, and attempts to connect that they judge."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from integration.build import components
from integration.build.components import source
from integration.checking import CheckError, require
from integration.kind.checks.stage import NAMESPACE, Stage
from integration.kind.docker import DockerError
from vcnd.kube.policy.source import LOOK_AGAIN_SECONDS
from vcnd.model.policy_answers import ExplainAnswer

SETTLE_SECONDS = 10.0
"""A change is in force on all nodes after a fraction of this."""
ATTEMPT_SECONDS = 1
DROPPED = "TIMEOUT"
"""What agnhost prints where a packet is dropped and nothing answers."""
CRD = "policy.networking.k8s.io_clusternetworkpolicies.yaml"
CLUSTER_KIND = "clusternetworkpolicies.policy.networking.k8s.io"
KNOWN_SECONDS = LOOK_AGAIN_SECONDS + SETTLE_SECONDS
"""In this time each node has noticed that there are ClusterNetworkPolicies."""


def policy(
    name: str,
    subject: dict[str, str],
    *,
    ingress: list[dict[str, Any]] | None = None,
    egress: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Return a NetworkPolicy of the directions that have rules, be it none.

    Args:
        name: its name.
        subject: labels of the pods that it selects; empty: all.
        ingress: its rules; None leaves the direction alone.
        egress: likewise.
    """
    rules = {"ingress": ingress, "egress": egress}
    given = {k: v for k, v in rules.items() if v is not None}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name},
        "spec": {
            "podSelector": {"matchLabels": subject},
            "policyTypes": [k.capitalize() for k in given],
            **given,
        },
    }


def pods(**labels: str) -> dict[str, Any]:
    """Return the peer of pods with labels, in the policy's namespace."""
    return {"podSelector": {"matchLabels": labels}}


def block(cidr: str, *excepted: str) -> dict[str, Any]:
    """Return the peer of a network."""
    return {"ipBlock": {"cidr": cidr, **({"except": excepted} if excepted else {})}}


def cluster_policy(
    name: str,
    tier: str,
    priority: int,
    subject: dict[str, str],
    *ingress: tuple[str, dict[str, str]],
) -> dict[str, Any]:
    """Return a ClusterNetworkPolicy on pods of the tests' namespace.

    Args:
        name: its name.
        tier: Admin or Baseline.
        priority: the lowest decides first.
        subject: labels of the pods that it selects.
        ingress: of each rule the action and the labels of the peers.
    """
    return {
        "apiVersion": "policy.networking.k8s.io/v1alpha2",
        "kind": "ClusterNetworkPolicy",
        "metadata": {"name": name},
        "spec": {
            "tier": tier,
            "priority": priority,
            "subject": {"pods": _selected(subject)},
            "ingress": [
                {"action": action, "from": [{"pods": _selected(labels)}]}
                for action, labels in ingress
            ],
        },
    }


def _selected(labels: dict[str, str]) -> dict[str, Any]:
    mine = {"kubernetes.io/metadata.name": NAMESPACE}
    return {
        "namespaceSelector": {"matchLabels": mine},
        "podSelector": {"matchLabels": labels},
    }


@contextmanager
def applied(stage: Stage, *objects: dict[str, Any]) -> Iterator[None]:
    """Apply policies, and delete them at the end."""
    try:
        stage.apply(*objects)
        yield
    finally:
        for given in objects:
            kind = "networkpolicy" if given["kind"] == "NetworkPolicy" else CLUSTER_KIND
            stage.delete(kind, given["metadata"]["name"])


@contextmanager
def cluster_policies(stage: Stage) -> Iterator[None]:
    """Let the cluster know ClusterNetworkPolicies for a while."""
    folder = source("network-policy-api", components.POLICY_API)
    crd = str(folder / "config/crd/standard" / CRD)
    stage.kubectl("apply", "--server-side", "-f", crd)
    try:
        stage.kubectl("wait", "--for=condition=Established", f"crd/{CLUSTER_KIND}")
        yield
    finally:
        stage.kubectl("delete", "-f", crd, "--ignore-not-found")


def connects(
    stage: Stage, pod: str, target: str, port: int, *, protocol: str = "tcp"
) -> bool:
    """Return True if a pod gets an answer, False if its packets are dropped.

    Raises:
        CheckError: something else happened.
    """
    options = (f"--timeout={ATTEMPT_SECONDS}s", f"--protocol={protocol}")
    try:
        stage.exec(pod, "/agnhost", "connect", *options, f"{target}:{port}")
    except DockerError as error:
        if DROPPED not in str(error):
            raise CheckError(f"{pod} to {target}:{port}: {error}") from error
        return False
    return True


def explained(
    stage: Stage, node: str, pod: str, target: str, port: int
) -> tuple[bool, bool]:
    """Return what ``vcndctl policy explain`` says of a new connection.

    Returns:
        whether it is allowed, and whether the node's kernel agrees.

    Raises:
        CheckError: the answer is about no connection, or nothing was compared.
    """
    named = (f"{NAMESPACE}/{pod}", f"{NAMESPACE}/{target}", str(port))
    told = stage.vcndctl(node, "policy", "explain", *named, "--json")
    found = msgspec.json.decode(told, type=ExplainAnswer).connections
    compared = [x.kernel for x in found if x.kernel.agrees is not None]
    require(bool(compared), f"{node} compared nothing for {pod} to {target}: {told}")
    return all(x.allowed for x in found), all(x.agrees for x in compared)


def expect(
    stage: Stage,
    what: str,
    *,
    passes: bool,
    pod: str,
    target: str,
    port: int,
    protocol: str = "tcp",
    seconds: float = SETTLE_SECONDS,
) -> None:
    """Wait until connections pass, or are dropped; raise if that does not last."""

    def seen() -> bool:
        return connects(stage, pod, target, port, protocol=protocol) == passes

    verdict = "passes" if passes else "is dropped"
    told = f"{what}: {pod} to {target}:{port}/{protocol} {verdict}"
    stage.wait(told, seen, seconds)
    require(seen(), f"{told}, but only for a moment")
