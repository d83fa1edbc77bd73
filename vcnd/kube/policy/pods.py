"""Pods and namespaces of the API as policies see them.  No I/O."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import ip_address

from msgspec.structs import replace

from vcnd.kube import mirrors
from vcnd.kube.policy.parts import PROTOCOLS
from vcnd.kube.policy.trim import SHARED
from vcnd.kube.policy.wire import Pod, PodPort
from vcnd.kube.wire import Namespace
from vcnd.model.policy import (
    FIRST_PORT,
    LAST_PORT,
    Attached,
    ContainerPort,
    Labels,
    PolicyPod,
)

FINISHED = ("Succeeded", "Failed")


def namespaces(found: Iterable[Namespace]) -> dict[str, Labels]:
    """Return the labels of namespaces, by their names."""
    return {x.metadata.name: x.metadata.labels for x in found}


def pod(found: Pod, addresses: Sequence[str] = ()) -> PolicyPod | None:
    """Return a pod; None if no packet can be its own, or all of its node's may be.

    Args:
        found: as the API has it.
        addresses: where they are known before its status tells them, as
            ``addresses_of`` returns them.
    """
    spec, status, meta = found.spec, found.status, found.metadata
    known = tuple(addresses) or addresses_of(x.ip for x in status.pod_ips or ())
    if spec.host_network or status.phase in FINISHED or not known:
        return None
    return PolicyPod(
        namespace=meta.namespace,
        name=meta.name,
        labels=meta.labels,
        addresses=known,
        ports=_ports(tuple(spec.named_ports)),
        node=spec.node_name,
        uid=mirrors.uid_of(meta, spec.node_name),
    )


def named(
    here: Sequence[Attached], pods: Iterable[Pod], node: str = ""
) -> Sequence[Attached]:
    """Return links with the names of their pods, where they told the uid alone.

    Args:
        here: the pods' links on the node.
        pods: those that the API server has told of.
        node: this node's name; empty: it is not known.
    """
    lacking = {a.uid for a in here if a.uid and not a.name}
    if not lacking:
        return here
    told = ((x.metadata, x.spec.node_name) for x in pods)
    found = mirrors.owners(lacking, told, node)
    return [
        a
        if a.name or a.uid not in found
        else replace(a, namespace=found[a.uid].namespace, name=found[a.uid].name)
        for a in here
    ]


def addresses_of(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the addresses among texts, each in the one form that is compared."""
    return tuple(address for text in texts if (address := _address(text)))


def _address(text: str) -> str:
    """Return an address in the one form that is compared; empty: it is none."""
    try:
        found = "" if "%" in text else str(ip_address(text))
    except ValueError:
        return ""
    return text if text == found else found  # not a second text of each pod's address


@lru_cache(SHARED)
def _ports(found: tuple[PodPort, ...]) -> tuple[ContainerPort, ...]:
    return tuple(port for x in found if (port := _port(x)))


def _port(found: PodPort) -> ContainerPort | None:
    protocol, number = PROTOCOLS.get(found.protocol), found.container_port
    if protocol is None or not FIRST_PORT < number <= LAST_PORT:
        return None
    return ContainerPort(found.name, protocol, number)
