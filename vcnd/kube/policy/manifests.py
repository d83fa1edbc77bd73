"""Namespaces, pods and policies of YAML files, as the API would have them.  No I/O."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec.structs import replace

from vcnd.foreign import UNDECODABLE, printable
from vcnd.foreign_yaml import yaml_as
from vcnd.kube.policy import policies, trim
from vcnd.kube.policy.policies import ReadPolicy
from vcnd.kube.policy.wire import (
    CLUSTER_POLICY,
    NETWORK_POLICY,
    ClusterNetworkPolicy,
    NetworkPolicy,
    Pod,
)
from vcnd.kube.wire import DEFAULT_NAMESPACE, Namespace
from vcnd.kubeapi.wire import Meta

Known = Namespace | Pod | NetworkPolicy | ClusterNetworkPolicy

KINDS: dict[tuple[str, str], type[Known]] = {
    ("v1", "Namespace"): Namespace,
    ("v1", "Pod"): Pod,
    NETWORK_POLICY: NetworkPolicy,
    CLUSTER_POLICY: ClusterNetworkPolicy,
}
DOCUMENTS = re.compile(r"^---(?=\s|$)", re.MULTILINE)
"""Begins a document; YAML allows it nowhere else at the start of a line."""
NAMESPACE = re.compile("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
"""A namespace's name, as the API server takes it; it goes into names of counters."""
MOST_NODES = 250_000
"""Of a document: a list of some thousand pods."""
MOST_SHOWN = 64
"""Characters of a name that are shown in an error."""
OF_CLUSTER = (Namespace, ClusterNetworkPolicy)
NAME_LABEL = "kubernetes.io/metadata.name"
"""A label that the API server gives to each namespace."""


class ManifestError(ValueError):
    """A file cannot be used; the message says which object of it, and why."""


class Manifests(msgspec.Struct, frozen=True, kw_only=True):
    """The objects of one file."""

    namespaces: tuple[Namespace, ...] = ()
    pods: tuple[Pod, ...] = ()
    policies: tuple[ReadPolicy, ...] = ()


def read(text: str) -> Manifests:
    """Return the objects of a file; it may have several documents, and lists.

    Raises:
        ManifestError: it is no YAML, or an object has another form or kind.
    """
    try:
        documents = [
            yaml_as(part, Any, most=MOST_NODES) for part in DOCUMENTS.split(text)
        ]
    except ValueError as error:
        raise ManifestError(" ".join(str(error).split())) from error
    found = [_object(body) for body in _flat(documents)]
    return Manifests(
        namespaces=tuple(_named(x) for x in found if isinstance(x, Namespace)),
        pods=tuple(trim.pod(x) for x in found if isinstance(x, Pod)),
        policies=tuple(_policies(found)),
    )


def _flat(documents: list[Any]) -> Iterator[Any]:
    """Yield the objects, also those of lists; an empty document is none."""
    for body in documents:
        if isinstance(body, dict) and body.get("kind") == "List":
            items = body.get("items")
            yield from items if isinstance(items, list) else ()
        elif body is not None:
            yield body


def _object(body: Any) -> Known:
    if not isinstance(body, dict):
        raise ManifestError(f"{_shown(body)} is no object")
    version, kind = _shown(body.get("apiVersion")), _shown(body.get("kind"))
    if (version, kind) not in KINDS:
        raise ManifestError(f"{kind} of {version} is no kind that is read here")
    try:
        found = msgspec.convert(body, KINDS[version, kind])
    except UNDECODABLE as error:
        raise ManifestError(f"{kind}: {printable(str(error))}") from error
    meta = found.metadata
    if not meta.name:
        raise ManifestError(f"{kind}: it has no metadata.name")
    namespace = meta.namespace or DEFAULT_NAMESPACE
    for name in (namespace, meta.name if isinstance(found, Namespace) else namespace):
        if not NAMESPACE.fullmatch(name):
            raise ManifestError(f"{kind}: {name[:80]!r} is no name of a namespace")
    return _placed(found, "" if isinstance(found, OF_CLUSTER) else namespace)


def _shown(value: Any) -> str:
    """Return a name as it is; of anything else what it is: it may print as millions."""
    if isinstance(value, str):
        return printable(value, MOST_SHOWN)
    return "None" if value is None else f"a value of type {type(value).__name__}"


def _placed(found: Known, namespace: str) -> Known:
    """Return an object of a namespace, with a uid that no other object has."""
    meta = found.metadata
    uid = meta.uid or f"{type(found).__name__}/{namespace}/{meta.name}"
    return replace(found, metadata=replace(meta, namespace=namespace, uid=uid))


def _named(found: Namespace) -> Namespace:
    """Return a namespace with the label that the API server would give it."""
    meta = found.metadata
    labels = {**meta.labels, NAME_LABEL: meta.name}
    return Namespace(metadata=replace(meta, labels=labels))


def unnamed(name: str) -> Namespace:
    """Return a namespace that only its objects name."""
    return _named(Namespace(metadata=Meta(name=name)))


def _policies(found: list[Known]) -> Iterator[ReadPolicy]:
    for x in found:
        if isinstance(x, NetworkPolicy):
            yield policies.network_policy(x)
        elif isinstance(x, ClusterNetworkPolicy):
            yield policies.cluster_network_policy(x)
