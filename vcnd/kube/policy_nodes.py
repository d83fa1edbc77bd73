"""Nodes of the API as policies see them, and what they tell of their pods.  No I/O."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec
from msgspec.structs import replace

from vcnd.core.policy.early import Told, settle
from vcnd.kube import early, policy_pods
from vcnd.kube.policy_wire import Node, Pod
from vcnd.model.policy import PolicyPod

OWN_ADDRESSES = ("InternalIP", "ExternalIP")


class PolicyNode(msgspec.Struct, frozen=True, kw_only=True):
    """A node."""

    name: str
    addresses: tuple[str, ...] = ()
    early: Mapping[str, tuple[str, ...]] = {}
    """The addresses that it tells of pods before their status does, by their uids."""
    malformed: str = ""
    """Why its annotation about these cannot be read."""


def node(found: Node) -> PolicyNode:
    """Return a node."""
    name, malformed = found.metadata.name, ""
    value = found.metadata.annotations.get(early.ANNOTATION, "{}")
    told: dict[str, tuple[str, ...]] = {}
    try:
        told = early.decode(value)
    except ValueError as error:
        malformed = str(error)
    return PolicyNode(
        name=name,
        addresses=policy_pods.addresses_of(
            x.address for x in found.status.addresses or () if x.type in OWN_ADDRESSES
        ),
        early={uid: policy_pods.addresses_of(some) for uid, some in told.items()},
        malformed=malformed,
    )


def with_early(
    pods: Mapping[str, Pod],
    known: Mapping[str, PolicyPod],
    nodes: Iterable[PolicyNode],
) -> Iterator[PolicyPod]:
    """Yield the pods, some of them with the addresses that their Node tells.

    A Node's word counts for pods that are bound to it, and only until more is known.

    Args:
        pods: all pods, by uid.
        known: those of which addresses are known, by uid.
        nodes: all nodes.
    """
    nodes = list(nodes)
    claims = {
        uid: pod
        for there in nodes
        for uid, addresses in there.early.items()
        if uid not in known and uid in pods and pods[uid].spec.node_name == there.name
        if (pod := policy_pods.pod(pods[uid], addresses)) is not None
    }
    if not claims:
        yield from known.values()
        return

    def told(some: Mapping[str, PolicyPod]) -> dict[str, Told]:
        return {
            uid: Told(
                addresses=pod.addresses,
                leaving=bool(pods[uid].metadata.deletion_timestamp),
            )
            for uid, pod in some.items()
        }

    claimed = {address for pod in claims.values() for address in pod.addresses}
    rivals = {u: p for u, p in known.items() if not claimed.isdisjoint(p.addresses)}
    of_nodes = {address for there in nodes for address in there.addresses}
    settled = settle(told(claims), told(rivals).values(), of_nodes)
    for pod in known.values():
        if settled.lost.isdisjoint(pod.addresses):
            yield pod
        elif left := tuple(a for a in pod.addresses if a not in settled.lost):
            yield replace(pod, addresses=left)
    for uid, given in settled.given.items():
        yield replace(claims[uid], addresses=given)
