"""What policies are about in objects: nothing else of them is kept."""

from functools import lru_cache
from sys import intern
from typing import TypeVar

from msgspec.structs import replace

from vcnd.kube.early import ANNOTATION
from vcnd.kube.mirrors import static_uid
from vcnd.kube.policy.wire import Node, Pod, PodContainer, PodPort, PodSpec
from vcnd.kube.trim import LIVING, MIRROR, STATIC_UID
from vcnd.kubeapi.wire import Meta, Object, OwnerReference

T = TypeVar("T", bound=Object)

SHARED = 256
"""So many latest ones are remembered of what pods of one workload have in common: the
API lists these one after another."""
OF_MIRRORS = (STATIC_UID, MIRROR)
NO_ANNOTATIONS: dict[str, str] = {}
NO_OWNERS: list[OwnerReference] = []
"""Ten thousand pods share these: a default would be an object of each."""


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


def pod(found: Pod) -> Pod:
    """Return what policies are about in a pod.

    A process has all pods of a cluster: what many have in common, they share.
    """
    meta, spec, status = found.metadata, found.spec, found.status
    static = static_uid(meta, spec.node_name)
    return Pod(
        metadata=Meta(
            name=meta.name,
            namespace=intern(meta.namespace),
            uid=meta.uid,
            deletion_timestamp=meta.deletion_timestamp,
            labels=_shared_labels(tuple(meta.labels.items())),
            annotations=dict.fromkeys(OF_MIRRORS, static) if static else NO_ANNOTATIONS,
            owner_references=NO_OWNERS,
        ),
        spec=PodSpec(
            node_name=intern(spec.node_name),
            host_network=spec.host_network,
            containers=_shared_containers(tuple(spec.named_ports)),
        ),
        status=replace(status, phase="" if status.phase in LIVING else status.phase),
    )


def node(found: Node) -> Node:
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
    ports: tuple[PodPort, ...],
) -> list[PodContainer]:
    return [PodContainer(ports=list(ports))] if ports else []
