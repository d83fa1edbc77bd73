"""What is kept of each object: what vcnd reads.  A change of anything else is none."""

from functools import lru_cache
from sys import intern
from typing import TypeVar

from msgspec.structs import replace

from vcnd.core.requests import BANDWIDTH, OWN_PREFIX, RESOURCE_PREFIX
from vcnd.kube import policy_wire
from vcnd.kube.bodies import CONDITION, MANAGED_BY
from vcnd.kube.early import ANNOTATION
from vcnd.kube.wire import (
    Container,
    Namespace,
    NativePodNetwork,
    Node,
    NodeStatus,
    Pod,
    PodStatus,
    Resources,
)
from vcnd.kubeapi.wire import Meta, Object

T = TypeVar("T", bound=Object)

STATIC_UID = "kubernetes.io/config.hash"
"""Annotation of a static pod's mirror: the uid by which the runtime knows it."""
SHARED = 256
"""So many latest ones are remembered of what pods of one workload have in common: the
API lists these one after another."""
LIVING = ("", "Pending", "Running", "Unknown")


def pod(found: Pod) -> Pod:
    """Return what is read of a pod."""
    limits = found.spec.resources(RESOURCE_PREFIX)
    container = Container(resources=Resources(limits=limits))
    return Pod(
        metadata=_meta(found.metadata, *BANDWIDTH),
        spec=replace(
            found.spec, containers=[container] if limits else [], init_containers=[]
        ),
        status=PodStatus(
            phase="" if found.status.phase in LIVING else found.status.phase
        ),
    )


def awaited_pod(found: Pod) -> Pod:
    """Return what is read of a pod where it matters whether its status tells one."""
    kept = pod(found)
    return replace(kept, status=replace(kept.status, pod_ip=found.status.pod_ip))


def namespace(found: Namespace) -> Namespace:
    """Return what is read of a namespace."""
    return Namespace(metadata=_meta(found.metadata))


def node(found: Node) -> Node:
    """Return what is read of a Node: nothing that a heartbeat changes."""
    status = found.status
    capacity = status.capacity.items()
    return Node(
        # What it tells of pods is our own: to read it would be to hear ourselves.
        metadata=replace(_meta(found.metadata), annotations={}),
        spec=found.spec,
        status=NodeStatus(
            conditions=[c for c in status.conditions if c.type == CONDITION],
            capacity={k: v for k, v in capacity if k.startswith(RESOURCE_PREFIX)},
        ),
    )


def network(found: NativePodNetwork) -> NativePodNetwork:
    """Return what is read of a NativePodNetwork."""
    labels = {k: v for k, v in found.metadata.labels.items() if k == MANAGED_BY}
    return replace(found, metadata=replace(_meta(found.metadata), labels=labels))


def labelled(found: T) -> T:
    """Return an object with the part of its metadata that policies are about."""
    meta = found.metadata
    kept = Meta(
        name=meta.name,
        namespace=meta.namespace,
        uid=meta.uid,
        resource_version=meta.resource_version,
        labels=meta.labels,
    )
    return replace(found, metadata=kept)


def policy_pod(found: policy_wire.Pod) -> policy_wire.Pod:
    """Return what policies are about in a pod.

    A process has all pods of a cluster: what many have in common, they share.
    """
    meta, spec, status = labelled(found).metadata, found.spec, found.status
    labels = _shared_labels(tuple(meta.labels.items()))
    static = found.metadata.annotations.get(STATIC_UID)
    return policy_wire.Pod(
        metadata=replace(
            meta,
            annotations={STATIC_UID: static} if static else {},
            namespace=intern(meta.namespace),
            labels=labels,
            deletion_timestamp=found.metadata.deletion_timestamp,
        ),
        spec=policy_wire.PodSpec(
            node_name=intern(spec.node_name),
            host_network=spec.host_network,
            containers=_shared_containers(tuple(spec.named_ports)),
        ),
        status=replace(status, phase="" if status.phase in LIVING else status.phase),
    )


def policy_node(found: policy_wire.Node) -> policy_wire.Node:
    """Return what policies are about in a Node: nothing that a heartbeat changes."""
    meta, told = found.metadata, found.metadata.annotations.get(ANNOTATION)
    kept = Meta(
        name=meta.name,
        uid=meta.uid,
        resource_version=meta.resource_version,
        annotations={} if told is None else {ANNOTATION: told},
    )
    return replace(found, metadata=kept)


@lru_cache(SHARED)
def _shared_labels(found: tuple[tuple[str, str], ...]) -> dict[str, str]:
    return {intern(key): intern(value) for key, value in found}


@lru_cache(SHARED)
def _shared_containers(
    ports: tuple[policy_wire.PodPort, ...],
) -> list[policy_wire.PodContainer]:
    return [policy_wire.PodContainer(ports=list(ports))] if ports else []


def _meta(meta: Meta, *others: str) -> Meta:
    kept = {
        name: value
        for name, value in meta.annotations.items()
        if name in (STATIC_UID, *others) or name.startswith(OWN_PREFIX)
    }
    return replace(meta, labels={}, annotations=kept)
