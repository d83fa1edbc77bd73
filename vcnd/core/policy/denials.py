"""What is told of a packet that the rules dropped: whose it was, and why."""

from collections.abc import Mapping, Sequence

import msgspec

from vcnd.core.policy.drops import Drop, Why
from vcnd.core.policy.rule_set import Chain
from vcnd.model.policy import Attached, Cluster, Direction, PolicyRef, Tier

MOST_NAMED = 10
"""Of policies that isolate a pod, so many are named."""
KINDS = {
    Tier.ADMIN: "ClusterNetworkPolicy",
    Tier.NAMESPACE: "NetworkPolicy",
    Tier.BASELINE: "ClusterNetworkPolicy",
}


class DeniedPacket(msgspec.Struct, frozen=True, kw_only=True):
    """A packet that the rules dropped, as the judged pod sees it."""

    drop: Drop
    link: str
    """The pod's; empty: it is gone."""
    address: str
    """The pod's."""
    peer: str
    """The other end's address."""
    protocol: str
    port: int | None
    """The destination's."""


class Denial(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of it; empty: not known, or there is none."""

    direction: Direction
    pod: str
    """The pod that was judged, as ``namespace/name``."""
    address: str
    peer: str
    """The pod at the other end, likewise."""
    peer_address: str
    protocol: str
    port: int | None
    why: Why
    policies: tuple[str, ...] = ()
    """The policy whose rule denied it, or those that isolate the pod."""
    rule: str = ""
    """The rule's number in its policy's list of the direction, from 1, and its name."""
    reason: str = ""
    """Why a pod is closed that no policy denies anything."""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """The rules in force, and what they were made of."""

    chains: Mapping[str, Chain]
    here: Sequence[Attached]
    cluster: Cluster


def tell(denied: DeniedPacket, chain: Chain | None, known: Known) -> Denial:
    """Return what is told of a packet.

    Args:
        denied: the packet.
        chain: that dropped it; None: none of a pod, or it is gone.
        known: the rules in force, and what they were made of.
    """
    drop = denied.drop
    attached = _attached(denied, known.here)
    return Denial(
        direction=drop.direction,
        pod=_name(attached) if attached else "",
        address=denied.address,
        peer=_pod_at(denied.peer, known),
        peer_address=denied.peer,
        protocol=denied.protocol,
        port=denied.port,
        why=drop.why,
        policies=_policies(drop, chain) if chain else (),
        rule=_rule(drop, chain, known.cluster) if chain else "",
        reason=_reason(drop, attached, known.cluster),
    )


def _attached(denied: DeniedPacket, here: Sequence[Attached]) -> Attached | None:
    """Return the link of the judged pod, by its name or else by its address."""
    by_link = (x for x in here if x.link == denied.link)
    by_address = (x for x in here if denied.address in x.addresses)
    return next(by_link, None) or next(by_address, None)


def _name(attached: Attached) -> str:
    return f"{attached.namespace}/{attached.name}" if attached.name else ""


def _pod_at(address: str, known: Known) -> str:
    """Return the pod that has an address; what is here counts more."""
    for attached in known.here:
        if address in attached.addresses:
            return _name(attached)
    found = (p for p in known.cluster.pods if address in p.addresses)
    return next((f"{p.namespace}/{p.name}" for p in found), "")


def _policies(drop: Drop, chain: Chain) -> tuple[str, ...]:
    if drop.why is Why.ISOLATED:
        isolating = [x for x in chain.policies if x.tier is Tier.NAMESPACE]
        named = tuple(map(_policy, isolating[:MOST_NAMED]))
        more = len(isolating) - MOST_NAMED
        return (*named, f"{more} more") if more > 0 else named
    ref = _denying(drop, chain)
    return (_policy(ref),) if ref else ()


def _policy(ref: PolicyRef) -> str:
    return f"{KINDS[ref.tier]} {ref}"


def _denying(drop: Drop, chain: Chain) -> PolicyRef | None:
    """Return the policy whose rule dropped a packet."""
    if drop.of is None or drop.of[0] >= len(chain.policies):
        return None
    return chain.policies[drop.of[0]]


def _rule(drop: Drop, chain: Chain, cluster: Cluster) -> str:
    """Return a rule's number and name.

    Its name may have any characters, so it is quoted: it may not move a cursor.
    """
    ref = _denying(drop, chain)
    if ref is None or drop.of is None:
        return ""
    number = drop.of[1]
    policy = next((p for p in cluster.policies if p.ref == ref), None)
    rules = (policy.rules(drop.direction) if policy else None) or ()
    name = rules[number].name if number < len(rules) else ""
    return f"{number + 1} ({name!r})" if name else str(number + 1)


def _reason(drop: Drop, attached: Attached | None, cluster: Cluster) -> str:
    if drop.why is Why.UNKNOWN:
        return "the pod's rules are not in force yet"
    if drop.why is not Why.HELD:
        return ""
    if attached is None or not attached.name:
        return "no pod is known for its link"
    if attached.namespace not in cluster.namespaces:
        return "the API server has not told of its namespace yet"
    named = (attached.namespace, attached.name)
    if not any((p.namespace, p.name) == named for p in cluster.pods):
        return "the API server has not told of the pod yet"
    return "its pod has become known just now"
