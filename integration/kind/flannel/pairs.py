"""Two pods on two nodes, and the namespaces that they are in."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from integration.checking import CheckError
from integration.kind.checks.stage import NAMESPACE, Stage, container, pod
from integration.kind.flannel import ends

PROGRAM = "/usr/local/bin/vcnd-ends"
"""Where the nodes have ``ends``."""
FIND = """
for path in /run/netns/cni-*; do
    name=${path##*/}
    [ -z "$(ip -n "$name" -o address show to "$1")" ] || echo "$path"
done
"""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A client pod on the first worker, a server pod on the second."""

    client: str
    client_netns: Path
    server_netns: Path
    address: str
    """The server's."""


def make(stage: Stage, name: str) -> Pair:
    """Start a pair of pods, wired by the plugin that is in place now."""
    here, there = stage.workers[:2]
    client, server = f"{name}-client", f"{name}-server"
    stage.apply(
        _pod(client, here, "/agnhost", "pause"),
        _pod(server, there, PROGRAM, "serve", str(ends.PORT)),
    )
    stage.wait_ready(client, server)
    address = stage.ip(server)
    return Pair(
        client=client,
        client_netns=_netns(stage, here, stage.ip(client)),
        server_netns=_netns(stage, there, address),
        address=address,
    )


def _pod(name: str, node: str, *command: str) -> dict[str, Any]:
    mount = {"name": "ends", "mountPath": PROGRAM, "readOnly": True}
    program = container("ends", command=list(command), volumeMounts=[mount])
    volume = {"name": "ends", "hostPath": {"path": PROGRAM}}
    return pod(name, node, program, volumes=[volume])


def node_root(stage: Stage, node: str) -> Path:
    """Return where this machine sees a node's processes: its first process."""
    pid = stage.cluster.docker.run("inspect", "-f", "{{.State.Pid}}", node)
    return Path("/proc", pid.strip())


def _netns(stage: Stage, node: str, address: str) -> Path:
    """Return the path by which this machine opens a pod's network namespace."""
    found = stage.on_node(node, "/bin/bash", "-c", FIND, "find", address).split()
    if len(found) != 1:
        raise CheckError(f"{address} on {node}: its namespace is one of {found}")
    return node_root(stage, node) / "root" / found[0].lstrip("/")


def client_command(stage: Stage, pair: Pair) -> list[str]:
    """Return the command that runs a pair's client, in its pod."""
    run = (PROGRAM, "ask", pair.address, str(ends.PORT))
    return stage.cluster.kubectl_command(
        "-n", NAMESPACE, "exec", "-i", pair.client, "--", *run
    )
