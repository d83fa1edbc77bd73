"""Nodes of the API as policies see them, and what they tell of their pods.  No I/O."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from vcnd.core.policy.early import Told, settle
from vcnd.kube import early
from vcnd.kube.policy import pods as policy_pods
from vcnd.kube.policy.wire import Node, Pod
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


class EarlyPods:
    """The pods, some of them with the addresses that their Node tells.

    A Node's word counts for pods that are bound to it, and only until more is known.
    A pod that stays the same stays the same object: who compiles rules looks at that.
    """

    def __init__(self) -> None:
        self._before: dict[str, PolicyPod] = {}
        """Those with addresses by their Node's word, by uid."""

    def among(
        self,
        pods: Mapping[str, Pod],
        known: Mapping[str, PolicyPod],
        nodes: Sequence[PolicyNode],
    ) -> tuple[PolicyPod, ...]:
        """Return the pods of which addresses are known, and those by a Node's word.

        Args:
            pods: all pods, by uid.
            known: those of which addresses are known, by uid.
            nodes: all nodes.
        """
        claims = {
            uid: pod
            for there in nodes
            for uid, addresses in there.early.items()
            if uid not in known and uid in pods
            if pods[uid].spec.node_name == there.name
            if (pod := policy_pods.pod(pods[uid], addresses)) is not None
        }
        if not claims:
            self._before = {}
            return tuple(known.values())
        claimed = {address for pod in claims.values() for address in pod.addresses}
        rivals = {u: p for u, p in known.items() if not claimed.isdisjoint(p.addresses)}
        of_nodes = {address for there in nodes for address in there.addresses}
        settled = settle(_told(claims, pods), _told(rivals, pods).values(), of_nodes)
        early = {
            uid: replace(claims[uid], addresses=given)
            for uid, given in settled.given.items()
        }
        before = self._before
        self._before = {
            uid: before[uid] if before.get(uid) == pod else pod
            for uid, pod in early.items()
        }
        staying = _without(known, settled.lost) if settled.lost else known.values()
        return (*staying, *self._before.values())


def _told(some: Mapping[str, PolicyPod], pods: Mapping[str, Pod]) -> dict[str, Told]:
    return {
        uid: Told(
            addresses=pod.addresses,
            leaving=bool(pods[uid].metadata.deletion_timestamp),
        )
        for uid, pod in some.items()
    }


def _without(
    known: Mapping[str, PolicyPod], lost: frozenset[str]
) -> Iterator[PolicyPod]:
    for pod in known.values():
        if lost.isdisjoint(pod.addresses):
            yield pod
        elif left := tuple(a for a in pod.addresses if a not in lost):
            yield replace(pod, addresses=left)
