"""Lists and watch lines of the API server.

Any bytes are taken in, or refused as ``KubeError``; an object that cannot be read is
skipped, and a good list afterwards replaces all.
"""

import contextlib
import json
from collections.abc import Iterable
from typing import Any

from tests.fuzz.choices import Choices, document, seed
from vcnd.kube import trim
from vcnd.kube.network import asked
from vcnd.kube.policy import nodes, pods, policies
from vcnd.kube.policy import trim as policy_trim
from vcnd.kube.policy import wire as policy_wire
from vcnd.kube.wire import Namespace, NativePodNetwork, Node, Pod
from vcnd.kubeapi.cache import Cache
from vcnd.kubeapi.errors import KubeError
from vcnd.model.errors import PodNetworkError

META = {
    "name": "a",
    "namespace": "blue",
    "uid": "u1",
    "resourceVersion": "7",
    "labels": {"app": "web"},
    "annotations": {
        "vcnd.io/express": "false",
        "vcnd.io/early-addresses": '{"u1":["10.0.0.1"]}',
        "kubernetes.io/config.hash": "u9",
        "kubernetes.io/config.mirror": "u9",
    },
    "ownerReferences": [{"kind": "Node", "name": "n", "uid": "u2"}],
}
PORT = {"name": "web", "containerPort": 80, "protocol": "TCP"}
BODIES: dict[type[Any], Any] = {
    Pod: {
        "metadata": META,
        "spec": {
            "nodeName": "n",
            "hostNetwork": False,
            "containers": [{"resources": {"limits": {"cpu": "1"}}, "ports": [PORT]}],
            "initContainers": [],
        },
        "status": {"phase": "Running", "podIP": "10.0.0.1"},
    },
    Namespace: {"metadata": META},
    Node: {
        "metadata": META,
        "spec": {"taints": [{"key": "k", "effect": "NoSchedule"}]},
        "status": {
            "conditions": [{"type": "Ready", "status": "True"}],
            "capacity": {"cpu": "1"},
        },
    },
    NativePodNetwork: {
        "metadata": META,
        "spec": {
            "id": "ocid1.instance.oc1.iad.a",
            "maxPodCount": 31,
            "podSubnetIds": ["ocid1.subnet.oc1.iad.a"],
            "networkSecurityGroupIds": ["ocid1.networksecuritygroup.oc1.iad.a"],
            "ipFamilies": ["IPv4"],
            "secondaryVnics": [
                {"applicationResource": "r", "createVnicDetails": {"subnetId": "s"}}
            ],
        },
    },
    policy_wire.Pod: {
        "metadata": META,
        "spec": {"nodeName": "n", "containers": [{"ports": [PORT]}]},
        "status": {"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}]},
    },
    policy_wire.Node: {
        "metadata": META,
        "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]},
    },
    policy_wire.NetworkPolicy: {
        "metadata": META,
        "spec": {
            "podSelector": {"matchLabels": {"app": "web"}},
            "policyTypes": ["Ingress"],
            "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}],
        },
    },
    policy_wire.ClusterNetworkPolicy: {
        "metadata": META,
        "spec": {
            "tier": "Admin",
            "priority": 1,
            "subject": {"namespaces": {}},
            "ingress": [{"action": "Deny", "from": [{"namespaces": {}}]}],
        },
    },
}
KINDS = list(BODIES)
TRIMS: dict[type[Any], Any] = {
    Pod: trim.awaited_pod,
    Namespace: trim.namespace,
    Node: trim.node,
    NativePodNetwork: trim.network,
    policy_wire.Pod: policy_trim.pod,
    policy_wire.Node: policy_trim.node,
}
EVENTS = ("ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR", "NEWER")
GOOD = {"metadata": {**META, "uid": "good", "name": "good"}}
MOST_LINES = 4


def run(data: bytes) -> None:
    """Take in a list and some lines."""
    choices = Choices(data)
    kind = choices.pick(KINDS)
    cache = Cache[Any](kind, trim=TRIMS.get(kind, lambda found: found))
    listed = {"metadata": {"resourceVersion": "5"}, "items": [BODIES[kind]]}
    try:
        cache.replace(document(choices, [listed]))
    except KubeError as error:
        if not str(error) or cache.objects:
            raise AssertionError("a refused list says nothing, or is kept") from error
        cache.replace(json.dumps(listed).encode())
    samples = [{"type": word, "object": BODIES[kind]} for word in EVENTS]
    samples.append({"type": "ERROR", "object": {"code": 410, "reason": "Expired"}})
    for _ in range(MOST_LINES):
        if choices.is_over:
            break
        part = Choices(choices.take(1 + choices.below(128)))
        before = dict(cache.objects)
        try:
            cache.apply_line(document(part, samples))
        except KubeError:
            if cache.objects != before:
                raise AssertionError("a refused line changed objects") from None
    for key, found in cache.objects.items():
        if not key or found.metadata.uid != key:
            raise AssertionError(f"{found} is kept as {key!r}")
        _read(found)
    good = {"metadata": {"resourceVersion": "9"}, "items": [BODIES[kind] | GOOD]}
    cache.replace(json.dumps(good).encode())
    if cache.objects.keys() != {"good"} or cache.skipped:
        raise AssertionError("a good list does not replace all")


def _read(found: Any) -> None:
    """Read an object as its room does."""
    match found:
        case NativePodNetwork():
            with contextlib.suppress(PodNetworkError):
                asked(found, "ocid1.instance.oc1.iad.a")
        case policy_wire.Pod():
            pods.pod(found)
        case policy_wire.Node():
            nodes.node(found)
        case policy_wire.NetworkPolicy():
            policies.network_policy(found)
        case policy_wire.ClusterNetworkPolicy():
            policies.cluster_network_policy(found)
        case _:
            pass


def seeds() -> Iterable[bytes]:
    """Return each kind, listed and in an event of each type."""
    for kind in range(len(KINDS)):
        yield bytes([kind]) + seed(0)
        for event in range(len(EVENTS) + 1):
            yield bytes([kind]) + seed(0, 7, 1, 0, 0, 1) + seed(event)
