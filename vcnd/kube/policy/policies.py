"""Network policies of the API as the values that are enforced.  No I/O.

Bad input fails closed and is named, and the rest of its policy stays in force:

* A peer or a port that cannot be read matches nothing.  A type of a policy
  that is not known may mean any direction: nothing is allowed in those not named.
* A rule of a ClusterNetworkPolicy is closed as a whole if one of its peers cannot be
  read: one that accepts matches nothing, one that denies or passes denies everything.
  So its API demands: a later version may have peers that we do not know.  Where only
  its protocols cannot be read, it denies all ports of its peers.
* Where we cannot tell which pods a policy is about, it is about all that it may mean,
  and allows nothing: a rule that accepts matches nothing, and one that passes denies.
"""

from collections.abc import Sequence
from functools import lru_cache, partial

import msgspec

from vcnd.kube.policy import wire
from vcnd.kube.policy.parts import (
    PROTOCOLS,
    Flaw,
    Place,
    block,
    network,
    ports,
    readable,
    selector,
    shown,
)
from vcnd.kubeapi.cache import Skipped
from vcnd.model.policy import (
    Action,
    Block,
    Direction,
    NamedPort,
    Peer,
    Pods,
    Policy,
    PolicyRef,
    Port,
    PortRange,
    Protocol,
    Rule,
    Tier,
)

DIRECTIONS = {x.value: x for x in Direction}
ACTIONS = {x.value: x for x in Action}
TIERS = {"Admin": Tier.ADMIN, "Baseline": Tier.BASELINE}
LAST_PRIORITY = 1000
STAND_INS = 64
"""So many latest ones are the same values again: the compiler passes over these."""
ONE_FIELD = "it needs one field that is known, and no other"

NetworkPolicyRule = wire.NetworkPolicyIngressRule | wire.NetworkPolicyEgressRule
ClusterRule = wire.ClusterIngressRule | wire.ClusterEgressRule
ClusterPeer = wire.ClusterIngressPeer | wire.ClusterEgressPeer


class ReadPolicy(msgspec.Struct, frozen=True):
    """A policy as it was read."""

    policy: Policy
    flaws: tuple[Flaw, ...] = ()
    """What is wrong with its object; the policy is closed there."""


def network_policy(found: wire.NetworkPolicy) -> ReadPolicy:
    """Read a NetworkPolicy (networking.k8s.io/v1)."""
    flaws = list[Flaw]()
    spec, place, meta = found.spec, Place("spec", flaws), found.metadata
    pods, is_whole = selector(spec.pod_selector, place.at("podSelector"))
    if not is_whole:
        place.note("it isolates all pods that it may select, and allows nothing")
    directions, is_known = _directions(spec, place.at("policyTypes"))

    def rules(
        direction: Direction, asked: Sequence[NetworkPolicyRule] | None
    ) -> tuple[Rule, ...] | None:
        if direction not in directions:
            return None if is_known else ()
        there = place.at(direction.lower())
        read = readable(asked, there, partial(_rule, namespace=meta.namespace))
        return read if is_whole else ()

    policy = Policy(
        ref=PolicyRef(Tier.NAMESPACE, meta.namespace, meta.name),
        subject=Pods(namespace=meta.namespace, pods=pods),
        ingress=rules(Direction.INGRESS, spec.ingress),
        egress=rules(Direction.EGRESS, spec.egress),
    )
    return ReadPolicy(policy, tuple(flaws))


@lru_cache(STAND_INS)
def isolating(skipped: Skipped) -> Policy:
    """Return what stands for a NetworkPolicy that cannot be decoded.

    It may be about any pod of its namespace; of all, where that is not readable either.
    Nothing stands for a ClusterNetworkPolicy: it may be about any pod of the cluster,
    and its rules may accept or deny.  It is named, and the others stay in force.
    """
    namespace, _, name = skipped.name.rpartition("/")
    return Policy(
        ref=PolicyRef(Tier.NAMESPACE, namespace, name),
        subject=Pods(namespace=namespace),
        ingress=(),
        egress=(),
    )


def _directions(
    spec: wire.NetworkPolicySpec, place: Place
) -> tuple[set[Direction], bool]:
    """Return the directions that a policy isolates, and whether these are all."""
    asked = spec.policy_types
    if not asked:
        return {Direction.INGRESS, *([Direction.EGRESS] if spec.egress else [])}, True
    known = readable(asked, place, _direction)
    return set(known), len(known) == len(asked)


def _direction(found: str, place: Place) -> Direction | None:
    if found not in DIRECTIONS:
        place.note(f"{shown(found)} is none that is known")
    return DIRECTIONS.get(found)


def _rule(found: NetworkPolicyRule, place: Place, *, namespace: str) -> Rule:
    is_ingress = isinstance(found, wire.NetworkPolicyIngressRule)
    there = place.at("from" if is_ingress else "to")
    peers: tuple[Peer, ...] = readable(
        found.peers, there, partial(_peer, namespace=namespace)
    )
    known: tuple[Port, ...] = readable(found.ports, place.at("ports"), _port)
    return Rule(
        peers=peers if found.peers else None, ports=known if found.ports else None
    )


def _peer(
    found: wire.NetworkPolicyPeer, place: Place, *, namespace: str
) -> Peer | None:
    by_labels = found.pod_selector or found.namespace_selector
    addresses = found.ip_block
    if addresses is not None and by_labels is None:
        return block(addresses.cidr, addresses.excepted, place.at("ipBlock"))
    if addresses is not None or by_labels is None:
        place.note("it needs selectors or an ipBlock, and not both")
        return None
    own = namespace if found.namespace_selector is None else ""
    pods, is_whole = _pods(found.namespace_selector, found.pod_selector, place, own)
    return pods if is_whole else None


def _pods(
    by_namespace: wire.LabelSelector | None,
    by_pod: wire.LabelSelector | None,
    place: Place,
    namespace: str = "",
) -> tuple[Pods, bool]:
    """Return pods by two selectors, and whether these could be read as a whole."""
    namespaces, one = selector(by_namespace, place.at("namespaceSelector"))
    pods, other = selector(by_pod, place.at("podSelector"))
    found = Pods(namespace=namespace, namespaces=namespaces, pods=pods)
    return found, one and other


def _port(found: wire.NetworkPolicyPort, place: Place) -> Port | None:
    asked = found.protocol or Protocol.TCP
    protocol = PROTOCOLS.get(asked)
    port, last = found.port, found.end_port
    if protocol is None:
        place.at("protocol").note(f"{shown(asked)} is none that is known")
        return None
    if isinstance(port, int):
        return ports(protocol, port, port if last is None else last, place)
    if last is not None:
        place.at("endPort").note("the port before it needs a number")
        return None
    if port is None:
        return PortRange(protocol=protocol)
    return NamedPort(name=port, protocol=protocol)


def cluster_network_policy(found: wire.ClusterNetworkPolicy) -> ReadPolicy:
    """Read a ClusterNetworkPolicy (policy.networking.k8s.io/v1alpha2)."""
    flaws = list[Flaw]()
    spec, place = found.spec, Place("spec", flaws)
    subject, is_whole = _selected(spec.subject, place.at("subject"))
    tier, priority = TIERS.get(spec.tier), spec.priority
    if tier is None:
        place.at("tier").note(f"{shown(spec.tier)} is none that is known")
    if priority is None or not 0 <= priority <= LAST_PRIORITY:
        place.at("priority").note(f"it must be within 0 to {LAST_PRIORITY}")
    is_clear = is_whole and tier is not None and priority is not None
    if not is_clear:
        place.note("it is about all pods that it may mean, and allows nothing")

    def rules(
        direction: Direction, asked: Sequence[ClusterRule] | None
    ) -> tuple[Rule, ...] | None:
        there = place.at(direction.lower())
        return readable(asked, there, partial(_cluster_rule, is_clear=is_clear))

    policy = Policy(
        ref=PolicyRef(Tier.ADMIN if tier is None else tier, "", found.metadata.name),
        subject=subject,
        priority=priority or 0,
        ingress=rules(Direction.INGRESS, spec.ingress) or None,
        egress=rules(Direction.EGRESS, spec.egress) or None,
    )
    return ReadPolicy(policy, tuple(flaws))


def _selected(found: wire.ClusterSubject, place: Place) -> tuple[Pods, bool]:
    """Return pods, and whether all that selects them could be read."""
    if found.namespaces is not None and found.pods is None:
        chosen, is_whole = selector(found.namespaces, place.at("namespaces"))
        return Pods(namespaces=chosen), is_whole
    if found.pods is not None and found.namespaces is None:
        asked = found.pods
        return _pods(asked.namespace_selector, asked.pod_selector, place.at("pods"))
    place.note(ONE_FIELD)
    return Pods(), False


def _cluster_rule(found: ClusterRule, place: Place, *, is_clear: bool) -> Rule:
    action = ACTIONS.get(found.action)
    if action is None:
        place.at("action").note(f"{shown(found.action)} is none that is known")
        action = Action.DENY
    peers = _cluster_peers(found, place)
    asked = found.protocols or ()
    known: tuple[Port, ...] = readable(asked, place.at("protocols"), _cluster_port)
    allowed = known if asked else None
    if action is Action.ACCEPT:
        if peers is None:
            place.note("it accepts nothing, as its peers cannot be read")
        return Rule(
            peers=peers if peers and is_clear else (), ports=allowed, name=found.name
        )
    if peers is None:
        place.note("it denies everything, as its peers cannot be read")
        action, allowed = Action.DENY, None
    elif len(known) < len(asked):
        place.note("it denies all ports, as its protocols cannot be read")
        action, allowed = Action.DENY, None
    elif not is_clear:
        action = Action.DENY
    return Rule(peers=peers, ports=allowed, action=action, name=found.name)


def _cluster_peers(found: ClusterRule, place: Place) -> tuple[Peer, ...] | None:
    """Return the peers; None if one cannot be read."""
    is_ingress = isinstance(found, wire.ClusterIngressRule)
    there = place.at("from" if is_ingress else "to")
    asked: Sequence[ClusterPeer] = found.peers or ()
    if not asked:
        there.note("it needs at least one")
    known = readable(asked, there, _cluster_peer)
    is_whole = 0 < len(known) == len(asked)
    return tuple(peer for group in known for peer in group) if is_whole else None


def _cluster_peer(found: ClusterPeer, place: Place) -> tuple[Peer, ...] | None:
    asked = found.networks if isinstance(found, wire.ClusterEgressPeer) else None
    if not asked:
        pods, is_whole = _selected(found, place)
        return (pods,) if is_whole else None
    if found.namespaces is not None or found.pods is not None:
        place.note(ONE_FIELD)
        return None
    known = readable(asked, place.at("networks"), network)
    blocks = tuple(Block(network=str(x)) for x in known)
    return blocks if len(known) == len(asked) else None


def _cluster_port(found: wire.ClusterProtocol, place: Place) -> Port | None:
    asked = {"tcp": found.tcp, "udp": found.udp, "sctp": found.sctp}
    matches = [(key, match) for key, match in asked.items() if match is not None]
    name = found.destination_named_port
    if name and not matches:
        return NamedPort(name=name)
    if name or len(matches) != 1:
        place.note(ONE_FIELD)
        return None
    key, match = matches[0]
    protocol, there = PROTOCOLS[key.upper()], place.at(key).at("destinationPort")
    port = match.destination_port or wire.ClusterPort()
    if port.range is not None and port.number is None:
        return ports(protocol, port.range.start, port.range.end, there)
    if port.number is not None and port.range is None:
        return ports(protocol, port.number, port.number, there)
    there.note(ONE_FIELD)
    return None
