"""A made-up cluster: namespaces, pods and policies as the API has them.  No I/O.

The pods of the measured nodes have the addresses of the nodes' real pods; all others
are on nodes that exist in the API only.
"""

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address
from typing import Any

import msgspec
from msgspec.structs import replace

from integration.bench.datapath.underlay import Place

Body = dict[str, Any]

NAMESPACES = 50
APPS = 20
"""Of each namespace."""
POLICIES = 500
PODS_A_NODE = 110
MEASURED = "measured"
"""The namespace of the pods whose packets are counted."""
TARGET, FRIEND = "target", "friend"
"""What the first two pods of each measured node are: their label ``app``."""
FIRST_FAR = IPv4Address("10.64.0.1")
"""The address of the first pod on a node that exists in the API only."""
FAR_HOST = "192.0.2.2"
"""The address of all nodes that exist in the API only."""
FIRST_CHURNED = 20_000
"""The number of the first pod that comes and goes: greater than any that stays."""
PORT, RANGE = 8080, (9000, 9100)


class Pod(msgspec.Struct, frozen=True, kw_only=True):
    """A pod before it is a body."""

    namespace: str
    name: str
    app: str
    node: str
    address: str
    host: str = FAR_HOST
    """The address of its node."""

    @property
    def path(self) -> str:
        """Return its path in the API."""
        return f"/api/v1/namespaces/{self.namespace}/pods/{self.name}"

    def body(self) -> Body:
        """Return what creates it."""
        return {
            "metadata": {
                "name": self.name,
                "namespace": self.namespace,
                "labels": {
                    "app": self.app,
                    "app.kubernetes.io/managed-by": "bench",
                    "pod-template-hash": "6d4cf56db6",
                    "slot": self.name.rpartition("-")[2],
                },
            },
            "spec": {
                "nodeName": self.node,
                "containers": [
                    {
                        "name": "main",
                        "image": "registry.example/main:1",
                        "ports": [{"name": "http", "containerPort": PORT}],
                        "env": [{"name": "APP", "value": self.app}],
                        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
                    }
                ],
            },
        }

    def status(self) -> Body:
        """Return what tells its address, as a kubelet writes it."""
        return {"status": running(self.address, self.host)}


def running(address: str, host: str) -> Body:
    """Return the status of a pod that runs, with the address of its node."""
    since = "2026-01-01T00:00:00Z"
    kinds = ("Initialized", "Ready", "ContainersReady", "PodScheduled")
    return {
        "phase": "Running",
        "hostIP": host,
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": since,
        "conditions": [
            {"type": kind, "status": "True", "lastTransitionTime": since}
            for kind in kinds
        ],
        "containerStatuses": [
            {
                "name": "main",
                "image": "registry.example/main:1",
                "imageID": "registry.example/main@sha256:" + "0" * 64,
                "containerID": "containerd://" + "0" * 64,
                "ready": True,
                "restartCount": 0,
                "state": {"running": {"startedAt": since}},
            }
        ],
    }


def namespace(number: int) -> str:
    """Return the name of one of the namespaces."""
    return f"team-{number % NAMESPACES:02}"


def namespace_bodies() -> list[Body]:
    """Return all namespaces."""
    names = [MEASURED, *(namespace(n) for n in range(NAMESPACES))]
    return [
        {"metadata": {"name": name, "labels": {"tier": f"t{number % 5}"}}}
        for number, name in enumerate(names)
    ]


def node_bodies(pods: Sequence[Pod], places: Sequence[Place]) -> list[Body]:
    """Return the nodes of some pods; the measured ones tell their addresses."""
    own = {place.netns: str(place.primary.ip) for place in places}
    return [
        {
            "metadata": {"name": name},
            "status": {
                "addresses": [
                    {"type": "InternalIP", "address": own.get(name, FAR_HOST)}
                ]
            },
        }
        for name in sorted({pod.node for pod in pods})
    ]


def pods(count: int, places: Sequence[Place]) -> list[Pod]:
    """Return the pods of a cluster.

    Args:
        count: how many.
        places: the measured nodes, each with ``PODS_A_NODE`` of them.
    """
    near = [
        replace(
            _pod(number * PODS_A_NODE + n, n, place.netns, place.pod(n)),
            host=str(place.primary.ip),
        )
        for number, place in enumerate(places)
        for n in range(PODS_A_NODE)
    ]
    far = range(len(near), count)
    return near[:count] + [
        _pod(n, PODS_A_NODE, f"far-{n // PODS_A_NODE}", str(FIRST_FAR + n)) for n in far
    ]


def churned(first: int, count: int) -> list[Pod]:
    """Return pods that come and go, each with a name and an address of its own."""
    numbers = range(FIRST_CHURNED + first, FIRST_CHURNED + first + count)
    return [
        _pod(n, PODS_A_NODE, f"far-{n % PODS_A_NODE}", str(FIRST_FAR + n))
        for n in numbers
    ]


def _pod(number: int, on_node: int, node: str, address: str) -> Pod:
    if on_node < len((TARGET, FRIEND)):
        app = (TARGET, FRIEND)[on_node]
        name = f"{app}-{node}"
        return Pod(namespace=MEASURED, name=name, app=app, node=node, address=address)
    app = f"app{number // NAMESPACES % APPS}"
    return Pod(
        namespace=namespace(number),
        name=f"{app}-{number}",
        app=app,
        node=node,
        address=address,
    )


def policies(count: int = POLICIES) -> Iterator[Body]:
    """Yield policies of all kinds: each is about one app of one namespace."""
    for number in range(count):
        app = f"app{number // NAMESPACES % APPS}"
        rules = _KINDS[number // NAMESPACES % len(_KINDS)](number)
        yield {
            "metadata": {"name": f"p{number}", "namespace": namespace(number)},
            "spec": {"podSelector": _app(app), **rules},
        }


def _app(name: str) -> Body:
    return {"matchLabels": {"app": name}}


def _from_neighbours(number: int) -> Body:
    peers = [{"podSelector": _app(f"app{(number + n) % APPS}")} for n in range(2)]
    return {"ingress": [{"from": peers, "ports": [{"port": PORT}]}]}


def _from_a_tier(number: int) -> Body:
    tier = {"matchLabels": {"tier": f"t{number % 5}"}}
    peer = {"namespaceSelector": tier, "podSelector": _app("app1")}
    ports = [{"port": PORT}, {"port": 53, "protocol": "UDP"}]
    return {"ingress": [{"from": [peer], "ports": ports}]}


def _from_a_network(number: int) -> Body:
    block = {"cidr": "172.16.0.0/12", "except": [f"172.16.{number % 256}.0/24"]}
    ports = [{"port": RANGE[0], "endPort": RANGE[1]}]
    return {"ingress": [{"from": [{"ipBlock": block}], "ports": ports}]}


def _to_names_and_neighbours(number: int) -> Body:
    dns = {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53}]}
    to = [{"podSelector": _app(f"app{number % APPS}")}]
    return {"policyTypes": ["Egress"], "egress": [dns, {"to": to}]}


def _both_ways(number: int) -> Body:
    peer = {"podSelector": _app(f"app{number % APPS}")}
    return {
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": [peer], "ports": [{"port": "http"}]}],
        "egress": [{"to": [peer]}],
    }


_KINDS = (
    _from_neighbours,
    _from_a_tier,
    _from_a_network,
    _to_names_and_neighbours,
    _both_ways,
)
