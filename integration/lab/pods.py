"""Pods: namespaces that the CNI executor attaches, with a small server in each."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import trio

from fakeoci.fabric import netns
from integration.lab import traffic
from integration.lab.cni_exec import Attachment
from integration.lab.node import Node

ANNOTATIONS = "io.kubernetes.cri.pod-annotations"
"""containerd's capability."""


@dataclass(kw_only=True)
class Pod:
    """A pod of the lab."""

    name: str
    node: Node
    attachment: Attachment
    trace: str
    result: dict[str, Any] = field(default_factory=dict)
    servers: trio.CancelScope = field(default_factory=trio.CancelScope)

    @property
    def netns(self) -> str:
        """Return the pod's namespace."""
        return self.attachment.netns

    @property
    def address(self) -> str:
        """Return the pod's address."""
        return self.addresses[0]

    @property
    def addresses(self) -> list[str]:
        """Return the pod's addresses."""
        return [ip["address"].partition("/")[0] for ip in self.result["ips"]]

    @property
    def ipv6(self) -> str:
        """Return the pod's IPv6 address."""
        return next(a for a in self.addresses if ":" in a)


def prepare(node: Node, name: str, annotations: Mapping[str, str] | None = None) -> Pod:
    """Make a sandbox: a namespace with its loopback up.

    Args:
        node: where.
        name: the pod's.
        annotations: the pod's, passed to the plugin as containerd does.
    """
    netns.add(name)
    arguments = {
        "IgnoreUnknown": "1",
        "K8S_POD_NAMESPACE": "default",
        "K8S_POD_NAME": name,
        "K8S_POD_UID": secrets.token_hex(8),
    }
    return Pod(
        name=name,
        node=node,
        attachment=Attachment(
            container_id=secrets.token_hex(32),
            netns=name,
            arguments=arguments,
            capabilities={ANNOTATIONS: dict(annotations or {})},
        ),
        trace=secrets.token_hex(16),
    )


async def start(
    node: Node,
    name: str,
    servers: trio.Nursery,
    annotations: Mapping[str, str] | None = None,
) -> Pod:
    """Start a pod: sandbox, CNI ADD, servers."""
    pod = await trio.to_thread.run_sync(prepare, node, name, annotations)
    try:
        pod.result = await node.network().add(pod.attachment, trace=pod.trace)
    except BaseException:
        netns.remove(name)
        raise
    await servers.start(_serve, pod)
    return pod


async def _serve(
    pod: Pod, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    with pod.servers:
        async with trio.open_nursery() as ports:
            await ports.start(traffic.serve, pod.netns, traffic.SERVICE_PORT)
            await ports.start(traffic.serve, pod.netns, traffic.BLOCKED_PORT)
            task_status.started()


async def stop(pod: Pod) -> None:
    """Stop a pod: servers, CNI DEL, sandbox."""
    pod.servers.cancel()
    await pod.node.network().delete(pod.attachment, pod.result)
    await trio.to_thread.run_sync(netns.remove, pod.netns)
