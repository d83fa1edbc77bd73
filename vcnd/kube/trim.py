"""What is kept of each object: what vcnd reads.  A change of anything else is none."""

from msgspec.structs import replace

from vcnd.core.requests import BANDWIDTH, OWN_PREFIX, RESOURCE_PREFIX
from vcnd.kube.bodies import CONDITION, MANAGED_BY, PODS
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
from vcnd.kubeapi.wire import Meta

STATIC_UID = "kubernetes.io/config.hash"
"""Annotation of a static pod's mirror: the uid by which the runtime knows it."""
MIRROR = "kubernetes.io/config.mirror"
"""Annotation that only mirrors have (``mirrors``)."""
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
            capacity={
                k: v for k, v in capacity if k == PODS or k.startswith(RESOURCE_PREFIX)
            },
        ),
    )


def network(found: NativePodNetwork) -> NativePodNetwork:
    """Return what is read of a NativePodNetwork."""
    labels = {k: v for k, v in found.metadata.labels.items() if k == MANAGED_BY}
    return replace(found, metadata=replace(_meta(found.metadata), labels=labels))


def _meta(meta: Meta, *others: str) -> Meta:
    kept = {
        name: value
        for name, value in meta.annotations.items()
        if name in (STATIC_UID, MIRROR, *others) or name.startswith(OWN_PREFIX)
    }
    return replace(meta, labels={}, annotations=kept)
