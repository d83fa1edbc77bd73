"""What the checks act on: the cluster, its cloud, and test pods."""

import json
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from integration.build.cache import Cache
from integration.checking import CheckError
from integration.cloudview import addresses_of
from integration.kind.cloud import Cloud
from integration.kind.cluster import Cluster
from integration.kind.docker import DockerError
from integration.kind.images.kubernetes import AGNHOST
from integration.kind.settings import ONPREM
from vcnd.model.status import NodeStatus

NAMESPACE = "vcnd-test"
SERVICE_PORT, BLOCKED_PORT = 8080, 20000
"""The world's NSG allows all ports except the second."""
READY_SECONDS = 120.0


@dataclass(kw_only=True)
class Stage:
    """Holds the state that checks share."""

    cluster: Cluster
    cloud: Cloud
    cache: Cache

    # Kubernetes

    def kubectl(self, *arguments: str, given: str = "") -> str:
        """Run kubectl; return what it prints."""
        return self.cluster.kubectl(*arguments, given=given)

    def get(self, *arguments: str) -> dict[str, Any]:
        """Return ``kubectl get … -o json`` of the tests' namespace."""
        text = self.kubectl("-n", NAMESPACE, "get", *arguments, "-o", "json")
        found: dict[str, Any] = json.loads(text)
        return found

    def pods(self, selector: str = "") -> list[dict[str, Any]]:
        """Return the pods of the tests' namespace."""
        chosen = ("-l", selector) if selector else ()
        items: list[dict[str, Any]] = self.get("pods", *chosen)["items"]
        return items

    def apply(self, *objects: dict[str, Any]) -> None:
        """Apply objects in the tests' namespace."""
        manifest = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.kubectl("-n", NAMESPACE, "apply", "-f", "-", given=json.dumps(manifest))

    def delete(self, *arguments: str) -> None:
        """Delete objects of the tests' namespace and wait until they are gone."""
        self.kubectl("-n", NAMESPACE, "delete", "--ignore-not-found", *arguments)

    def ip(self, pod: str) -> str:
        """Return a pod's address."""
        address: str = self.get("pod", pod)["status"]["podIP"]
        return address

    def exec(self, pod: str, *command: str) -> str:
        """Run a program in a pod; return what it prints."""
        return self.kubectl("-n", NAMESPACE, "exec", pod, "--", *command)

    def curl(self, pod: str, target: str, seconds: int = 5) -> str:
        """Fetch a page from a pod; return it."""
        return self.exec(
            pod, "curl", "-sS", "-m", str(seconds), f"http://{target}"
        ).strip()

    def node_address(self, node: str) -> str:
        """Return a node's own address."""
        answer = json.loads(self.kubectl("get", "node", node, "-o", "json"))
        addresses = {a["type"]: a["address"] for a in answer["status"]["addresses"]}
        address: str = addresses["InternalIP"]
        return address

    def events(self, reason: str, since: float) -> list[dict[str, Any]]:
        """Return events of all namespaces with a reason, since a time."""
        answer = json.loads(
            self.kubectl(
                "get", "events", "-A", f"--field-selector=reason={reason}", "-o", "json"
            )
        )
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(since))
        return [
            e
            for e in answer["items"]
            if max(e.get("lastTimestamp") or "", e.get("eventTime") or "") >= stamp
        ]

    # Nodes

    @property
    def workers(self) -> list[str]:
        """Return the nodes that take pods."""
        return self.cluster.nodes()[1:]

    def on_node(self, node: str, *command: str) -> str:
        """Run a program on a node; return what it prints."""
        return self.cluster.docker.run("exec", node, *command)

    def status(self, node: str) -> NodeStatus:
        """Return ``vcndctl status --json`` of a node."""
        text = self.vcndctl(node, "status", "--json")
        return msgspec.json.decode(text, type=NodeStatus)

    def vcndctl(self, node: str, *arguments: str) -> str:
        """Run vcndctl on a node; return what it prints."""
        return self.on_node(node, "vcndctl", *arguments)

    def log_of(self, node: str, since: float) -> list[str]:
        """Return the daemon's log lines since a time; each begins with its time."""
        return self.on_node(
            *(node, "journalctl", "-u", "vcnd", "-o", "short-unix", "--no-pager"),
            f"--since=@{since:.0f}",
        ).splitlines()

    # The cloud

    def from_onprem(self, target: str, seconds: int = 5) -> str:
        """Fetch a page from on-premises; return it."""
        return self.fetch(ONPREM, target, seconds)

    def fetch(self, where: str, target: str, seconds: int = 5) -> str:
        """Fetch a page from a host of the world; return it."""
        command = ("curl", "-sS", "-m", str(seconds), f"http://{target}")
        return self.cloud.inside(where, *command).strip()

    def private_ips(self, node: str) -> dict[str, dict[str, Any]]:
        """Return a node's secondary private IP objects, by address."""
        world = self.cloud.world()
        instances = {
            i["id"]
            for i in world["Instance"]
            if i["displayName"] == node and i["lifecycleState"] == "RUNNING"
        }
        mine = {
            a["vnicId"]
            for a in world["VnicAttachment"]
            if a["instanceId"] in instances and a["lifecycleState"] == "ATTACHED"
        }
        return {
            address: p
            for p in world["PrivateIp"]
            if p["vnicId"] in mine and not p["isPrimary"]
            for address in addresses_of(p)
        }

    # Waiting

    def wait(
        self, what: str, seen: Callable[[], Any], seconds: float = READY_SECONDS
    ) -> Any:
        """Return the first true result of ``seen``.

        Raises:
            CheckError: there was none in time.
        """
        give_up_at = time.monotonic() + seconds
        last = ""
        while True:
            try:
                found = seen()
            except (DockerError, subprocess.TimeoutExpired) as error:
                found, last = None, f": {error}"
            if found:
                return found
            if time.monotonic() > give_up_at:
                raise CheckError(f"{what}: not within {seconds:.0f} s{last}")
            time.sleep(0.5)

    def wait_ready(self, *pods: str, seconds: float = READY_SECONDS) -> None:
        """Wait until pods are ready."""
        self.kubectl(
            *("-n", NAMESPACE, "wait", "--for=condition=Ready", "pod", *pods),
            f"--timeout={seconds:.0f}s",
        )


def refused(call: Callable[[], Any]) -> bool:
    """Return True if a call fails."""
    try:
        call()
    except DockerError:
        return True
    return False


def container(name: str, *arguments: str, **more: Any) -> dict[str, Any]:
    """Return a container of the tests' image."""
    return {
        "name": name,
        "image": AGNHOST,
        "imagePullPolicy": "IfNotPresent",
        "args": list(arguments),
        **more,
    }


def pod(
    name: str,
    node: str,
    *containers: dict[str, Any],
    labels: dict[str, str] | None = None,
    **spec: Any,
) -> dict[str, Any]:
    """Return a pod of a node that ends at once when it is deleted."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels or {}},
        "spec": {
            "nodeName": node,
            "terminationGracePeriodSeconds": 0,
            "containers": list(containers) or [container("pause", "pause")],
            **spec,
        },
    }


def server(
    name: str, node: str, *, labels: dict[str, str] | None = None, **spec: Any
) -> dict[str, Any]:
    """Return a pod that serves on both ports and answers with the caller's address."""
    both = (
        container(part, "netexec", f"--http-port={port}", f"--udp-port={port}")
        for part, port in (("serve", SERVICE_PORT), ("blocked", BLOCKED_PORT))
    )
    return pod(name, node, *both, labels={"app": name, **(labels or {})}, **spec)


def service(name: str, selector: dict[str, str], **spec: Any) -> dict[str, Any]:
    """Return a Service on the serving port."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {
            "selector": selector,
            "ports": [{"port": 80, "targetPort": SERVICE_PORT}],
            **spec,
        },
    }


def deployment(name: str, replicas: int, *, node: str = "") -> dict[str, Any]:
    """Return a Deployment of idle pods, on one node or on all workers."""
    template: dict[str, Any] = {
        "terminationGracePeriodSeconds": 0,
        "containers": [container("pause", "pause")],
    }
    if node:
        template["nodeSelector"] = {"kubernetes.io/hostname": node}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": template},
        },
    }


def addresses(pods: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Return pods' addresses by name; those without one are left out."""
    return {
        p["metadata"]["name"]: p["status"]["podIP"]
        for p in pods
        if p["status"].get("podIP") and not p["metadata"].get("deletionTimestamp")
    }
