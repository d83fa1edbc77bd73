"""Nodes with real daemons, a real API server and policies: where pods start.

Two nodes have vcnd-policy, and two have kube-router and vcnd without policies.  Of each
pair the second has the pod that new pods of the first connect to.
"""

import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import msgspec
import trio

from fakeoci.fabric import netns
from integration.bench.policy import populate, synthetic
from integration.bench.policy.daemon import PolicyDaemon
from integration.bench.policy.kube_router import KubeRouter
from integration.bench.policy.stage import URL
from integration.bench.policy.synthetic import Body
from integration.bench.spawn import Plugin, ours
from integration.build.cache import Cache
from integration.lab import apiserver
from integration.lab.apiserver import ADVERTISED, ApiServer
from integration.lab.lab import Lab, running_lab, world_text
from integration.lab.node import Node
from integration.lab.profile import Profile
from integration.lab.traffic import SERVICE_PORT

SPACE = "starts"
NEW, TARGET = "new", "target"
OURS, THEIRS = "vcnd-policy", "kube-router"
NODES = {OURS: ("node1", "node2"), THEIRS: ("node3", "node4")}
POOL = {"batch": 24, "minimum": 24, "cooling_seconds": 0.5, "audit_seconds": 30.0}
WARM = 12
OFFICE = "172.16.0.10"
"""An address of a host outside the cluster, which no policy allows."""
PORTS = [{"port": SERVICE_PORT}]


def _app(name: str) -> Body:
    return {"matchLabels": {"app": name}}


POLICIES: dict[str, Body] = {
    "new": {
        "podSelector": _app(NEW),
        "policyTypes": ["Ingress", "Egress"],
        "egress": [{"to": [{"podSelector": _app(TARGET)}], "ports": PORTS}],
    },
    "target": {
        "podSelector": _app(TARGET),
        "ingress": [{"from": [{"podSelector": _app(NEW)}], "ports": PORTS}],
    },
}
"""A new pod may connect to the target; no pod or host may connect to a new pod."""


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One engine's two nodes."""

    name: str
    nodes: tuple[Node, Node]
    plugins: tuple[Plugin, Plugin]
    engines: tuple[PolicyDaemon | KubeRouter, ...]


class Living(msgspec.Struct, kw_only=True):
    """All that runs."""

    lab: Lab
    server: ApiServer
    sides: dict[str, Side]
    targets: dict[str, str] = {}
    """Side → the address of its target."""


@asynccontextmanager
async def living(
    cache: Cache, directory: Path, router: Path | None
) -> AsyncIterator[Living]:
    """Run nodes, daemons, engines and policies.

    Args:
        cache: has the programs.
        directory: takes files.
        router: kube-router's program; None: it is left out.
    """
    found = apiserver.programs(cache)
    names = [*NODES[OURS], *(NODES[THEIRS] if router else ())]
    text = world_text(nodes=len(names), seed=1, slow=False)
    scratch = directory / "api"
    scratch.mkdir()
    netns.ip_here([f"addr add {ADVERTISED}/32 dev lo"])
    with apiserver.running(found, scratch, everywhere=True) as server:
        server.deploy()
        _make_objects(server)
        kubeconfig = server.write_kubeconfig(server.admin_token, URL)
        async with running_lab(
            text, directory, nodes=names, pool=POOL, profile=Profile("plain")
        ) as lab:
            sides = _sides(lab, kubeconfig, directory, router)
            for number, node in enumerate(lab.nodes, 1):
                _join(server, lab, node, number)
            try:
                for side in sides.values():
                    await _start(side, kubeconfig)
                yield Living(lab=lab, server=server, sides=sides)
            finally:
                for side in sides.values():
                    for engine in side.engines:
                        engine.kill()


def _sides(
    lab: Lab, kubeconfig: Path, directory: Path, router: Path | None
) -> dict[str, Side]:
    sides = {}
    by_name = {node.name: node for node in lab.nodes}
    for name, (first, second) in NODES.items():
        if first not in by_name:
            continue
        nodes = by_name[first], by_name[second]
        engines: list[PolicyDaemon | KubeRouter] = []
        for node in nodes:
            if name == OURS:
                engines.append(PolicyDaemon(node.name, kubeconfig, directory))
            elif router is not None:
                engines.append(KubeRouter(router, node.name, kubeconfig, directory))
        plugins = tuple(ours(n.socket_path, directory / n.name) for n in nodes)
        for plugin in plugins:
            plugin.prepare()
        sides[name] = Side(
            name=name,
            nodes=nodes,
            plugins=(plugins[0], plugins[1]),
            engines=tuple(engines),
        )
    return sides


def _make_objects(server: ApiServer) -> None:
    server.make("/api/v1/namespaces", {"metadata": {"name": SPACE}})
    for name, spec in POLICIES.items():
        body = {"metadata": {"name": name, "namespace": SPACE}, "spec": spec}
        server.make(populate.policy_path(body), body)


def _join(server: ApiServer, lab: Lab, node: Node, number: int) -> None:
    """Give a node its object, and a way to the API server."""
    address = {"type": "InternalIP", "address": lab.addresses[node.name]}
    body = {"metadata": {"name": node.name}, "status": {"addresses": [address]}}
    server.make("/api/v1/nodes", body)
    here, there = f"198.18.{number}.1", f"198.18.{number}.2"
    netns.ip_here(
        [
            f"link add api{number} type veth peer name api0 netns {node.name}",
            f"addr add {here}/30 dev api{number}",
            f"link set api{number} up",
        ]
    )
    netns.ip(
        node.name,
        [
            f"addr add {there}/30 dev api0",
            "link set api0 up",
            f"route add {ADVERTISED}/32 via {here} src {there}",
        ],
    )


async def _start(side: Side, kubeconfig: Path) -> None:
    """Start the engines, then the daemons."""
    for engine in side.engines:
        await trio.to_thread.run_sync(engine.start)
    for node, engine in zip(side.nodes, side.engines, strict=True):
        lines = [
            "[kubernetes]",
            f'kubeconfig = "{kubeconfig}"',
            f'node_name = "{node.name}"',
        ]
        if isinstance(engine, PolicyDaemon):
            lines += [
                "[policy]",
                'enforcement = "strict"',
                f'socket = "{engine.socket_path}"',
            ]
        with node.config_path.open("a") as config:
            config.write("\n".join(lines) + "\n")
        await node.start()
        await node.until_warm(WARM)


class Sandbox:
    """A pod: its object, its namespace, and CNI's calls for it."""

    def __init__(
        self, stage: Living, side: Side, name: str, app: str, node: int
    ) -> None:
        """Make the object and the namespace; ``add`` calls the plugin.

        Args:
            stage: where.
            side: whose nodes.
            name: the pod's.
            app: its label.
            node: 0 or 1, which of the side's nodes.
        """
        self.name, self._server = name, stage.server
        self._node = side.nodes[node].name
        self._host = stage.lab.addresses[self._node]
        self._path = f"/api/v1/namespaces/{SPACE}/pods"
        body = {
            "metadata": {"name": name, "labels": {"app": app}},
            "spec": {
                "nodeName": self._node,
                "containers": [{"name": "main", "image": "main"}],
            },
        }
        uid = stage.server.make(self._path, body)["metadata"]["uid"]
        netns.add(name)
        plugin = side.plugins[node]
        arguments = {
            "IgnoreUnknown": "1",
            "K8S_POD_NAMESPACE": SPACE,
            "K8S_POD_NAME": name,
            "K8S_POD_UID": uid,
        }
        joined = ";".join(f"{k}={v}" for k, v in arguments.items())
        environment = {**plugin.environment, "CNI_ARGS": joined}
        self._plugin = replace(plugin, environment=environment)
        self.address = ""

    def add(self) -> float:
        """Call ADD; return its seconds.

        Raises:
            PluginError: it failed.
        """
        took = netns.inside(self._node, lambda: self._plugin.call("ADD", self.name))
        text = (self._plugin.directory / f"{self.name}.out").read_bytes()
        result = msgspec.json.decode(text)
        self.address = result["ips"][0]["address"].partition("/")[0]
        return took

    def tell(self) -> None:
        """Let the pod's status tell its address, as the kubelet does."""
        path = f"{self._path}/{self.name}/status"
        body = {"status": synthetic.running(self.address, self._host)}
        self._server.admin("PATCH", path, body)

    def remove(self) -> None:
        """Call DEL, and remove namespace and object."""
        netns.inside(self._node, lambda: self._plugin.call("DEL", self.name))
        netns.remove(self.name)
        path = f"{self._path}/{self.name}?gracePeriodSeconds=0"
        self._server.admin("DELETE", path)


@contextmanager
def listening(space: str) -> Iterator[None]:
    """Accept connections in a namespace, and keep them until the block's end."""

    def make() -> socket.socket:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("0.0.0.0", SERVICE_PORT))  # noqa: S104 - in a pod's namespace
        sock.listen(256)
        return sock

    listener = netns.inside(space, make)

    def accept() -> None:
        kept = []
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                kept.append(connection)
                threading.Thread(target=_echo, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def _echo(connection: socket.socket) -> None:
    with suppress(OSError), connection:
        while data := connection.recv(64):
            connection.sendall(data)
