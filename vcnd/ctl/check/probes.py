"""The objects of a check, as Kubernetes has them."""

from collections.abc import Iterable
from typing import Any

from vcnd.ctl.check.walks import PORT

Body = dict[str, Any]
IMAGE = "registry.k8s.io/e2e-test-images/agnhost:2.56"
"""Of Kubernetes' own tests; it has a server, curl and a shell."""
SERVICE = "vcnd-check"
WALKER = "walker"
ROLE = "vcnd.io/check"
NOBODY = 65534
LIMITED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
}
"""What the restricted Pod Security Standard wants of a container."""


def namespace(name: str) -> Body:
    """Return the check's own namespace."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {ROLE: "true"}},
    }


def server(name: str, node: str, image: str) -> Body:
    """Return a pod that tells its callers who they are."""
    page = {"path": "/healthz", "port": PORT}
    return _pod(
        name,
        node,
        {
            "name": "server",
            "image": image,
            "command": ["/agnhost", "netexec", f"--http-port={PORT}"],
            # The kubelet's probe is the path from node to pod.
            "readinessProbe": {"httpGet": page, "periodSeconds": 1},
        },
    )


def walker(node: str, image: str, script: str) -> Body:
    """Return the pod that walks; its last message has the outcome."""
    body = _pod(
        WALKER,
        node,
        {"name": "walker", "image": image, "command": ["/bin/sh", "-c", script]},
    )
    body["spec"]["restartPolicy"] = "Never"
    return body


def _pod(name: str, node: str, container: Body) -> Body:
    choice = {"key": "metadata.name", "operator": "In", "values": [node]}
    required = {"nodeSelectorTerms": [{"matchFields": [choice]}]}
    affinity = {"requiredDuringSchedulingIgnoredDuringExecution": required}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {ROLE: name}},
        "spec": {
            "affinity": {"nodeAffinity": affinity},
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": NOBODY,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [{**container, "securityContext": LIMITED}],
        },
    }


def service(backend: str) -> Body:
    """Return a Service whose backend is one server."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": SERVICE},
        "spec": {"selector": {ROLE: backend}, "ports": [{"port": PORT}]},
    }


def policy(about: str, allowed: Iterable[str]) -> Body:
    """Return a policy by which only pods of some roles reach a server."""
    peers = [{"podSelector": {"matchLabels": {ROLE: role}}} for role in allowed]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": about},
        "spec": {
            "podSelector": {"matchLabels": {ROLE: about}},
            "policyTypes": ["Ingress"],
            "ingress": [{"from": peers}] if peers else [],
        },
    }
