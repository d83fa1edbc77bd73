"""What is told of a packet that the rules dropped: whose it was, and why."""

from collections.abc import Mapping, Sequence

import msgspec

from vcnd.core.policy.drops import Drop, Why
from vcnd.core.policy.node_view import why_closed
from vcnd.core.policy.rule_set import Chain
from vcnd.core.policy.words import policy_name, policy_names
from vcnd.model.policy import Attached, Cluster, Direction, PolicyRef, Tier

MOST_NAMED = 10
"""Of policies that isolate a pod, so many are named."""


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


class InForce(msgspec.Struct, frozen=True, kw_only=True):
    """The rules in force, and what they were made of."""

    chains: Mapping[str, Chain]
    here: Sequence[Attached]
    cluster: Cluster


def tell(
    packets: Sequence[tuple[DeniedPacket, Chain | None]], known: InForce
) -> list[Denial]:
    """Return what is told of packets, in one look at the cluster for all of them.

    Args:
        packets: each with the chain that dropped it; None: none of a pod, or it is
            gone.
        known: the rules in force, and what they were made of.
    """
    return _Telling(packets, known).told()


class _Telling:
    """Finds what packets are about: there may be many thousand pods and policies."""

    def __init__(
        self, packets: Sequence[tuple[DeniedPacket, Chain | None]], known: InForce
    ) -> None:
        self._packets, self._known = packets, known
        self._attached = [_attached(x, known.here) for x, _ in packets]
        pairs = zip(packets, self._attached, strict=True)
        held = {
            attached.link: attached
            for (x, _), attached in pairs
            if attached is not None and x.drop.why is Why.HELD
        }
        names = {x.name for x in held.values()}
        # What is here counts more.
        self._peers = {a: _name(x) for x in known.here for a in x.addresses}
        """Pods by address."""
        peers = {x.peer for x, _ in packets} - self._peers.keys()
        self._there: set[str] = set()
        """Links of pods that are held, and that the API server has told of."""
        # The event loop waits for this: a pod that is none of them costs 0.1 µs.
        for pod in known.cluster.pods:
            if not peers.isdisjoint(pod.addresses):
                its = peers.intersection(pod.addresses)
                self._peers |= dict.fromkeys(its, f"{pod.namespace}/{pod.name}")
            if pod.name in names:
                self._there |= {x.link for x in held.values() if x.is_of(pod)}
        refs = {_denying(x.drop, chain) for x, chain in packets if chain}
        self._policies = {p.ref: p for p in known.cluster.policies if p.ref in refs}

    def told(self) -> list[Denial]:
        """Return what is told of each packet."""
        pairs = zip(self._packets, self._attached, strict=True)
        return [self._tell(x, chain, attached) for (x, chain), attached in pairs]

    def _tell(
        self, denied: DeniedPacket, chain: Chain | None, attached: Attached | None
    ) -> Denial:
        drop = denied.drop
        return Denial(
            direction=drop.direction,
            pod=_name(attached) if attached else "",
            address=denied.address,
            peer=self._peers.get(denied.peer, ""),
            peer_address=denied.peer,
            protocol=denied.protocol,
            port=denied.port,
            why=drop.why,
            policies=_policies(drop, chain) if chain else (),
            rule=self._rule(drop, chain) if chain else "",
            reason=self._reason(drop, attached),
        )

    def _rule(self, drop: Drop, chain: Chain) -> str:
        """Return a rule's number and name.

        Its name may have any characters, so it is quoted: it may not move a cursor.
        """
        ref = _denying(drop, chain)
        if ref is None or drop.of is None:
            return ""
        number, policy = drop.of[1], self._policies.get(ref)
        rules = (policy.rules(drop.direction) if policy else None) or ()
        name = rules[number].name if number < len(rules) else ""
        return f"{number + 1} ({name!r})" if name else str(number + 1)

    def _reason(self, drop: Drop, attached: Attached | None) -> str:
        if drop.why is Why.UNKNOWN:
            return "the pod's rules are not in force yet"
        if drop.why is not Why.HELD:
            return ""
        if attached is None:
            return "the link is gone"
        is_told = attached.link in self._there
        why = why_closed(attached, self._known.cluster.namespaces, is_told=is_told)
        return why or "the pod has become known just now"


def _attached(denied: DeniedPacket, here: Sequence[Attached]) -> Attached | None:
    """Return the link of the judged pod, by its name or else by its address."""
    by_link = (x for x in here if x.link == denied.link)
    by_address = (x for x in here if denied.address in x.addresses)
    return next(by_link, None) or next(by_address, None)


def _name(attached: Attached) -> str:
    return f"{attached.namespace}/{attached.name}" if attached.name else ""


def _policies(drop: Drop, chain: Chain) -> tuple[str, ...]:
    if drop.why is Why.ISOLATED:
        isolating = [x for x in chain.policies if x.tier is Tier.NAMESPACE]
        return policy_names(isolating, MOST_NAMED)
    ref = _denying(drop, chain)
    return (policy_name(ref),) if ref else ()


def _denying(drop: Drop, chain: Chain) -> PolicyRef | None:
    """Return the policy whose rule dropped a packet."""
    if drop.of is None or drop.of[0] >= len(chain.policies):
        return None
    return chain.policies[drop.of[0]]
