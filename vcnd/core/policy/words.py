"""Policies in plain words, for a person at a terminal."""

from collections.abc import Iterator, Sequence

from vcnd.model.policy import (
    EVERYTHING,
    FIRST_PORT,
    LAST_PORT,
    Action,
    Block,
    Direction,
    NamedPort,
    Operator,
    Peer,
    Pods,
    Policy,
    PolicyRef,
    Port,
    PortRange,
    Protocol,
    Requirement,
    Rule,
    Selector,
    Tier,
)

KINDS = {
    Tier.ADMIN: "ClusterNetworkPolicy (Admin)",
    Tier.NAMESPACE: "NetworkPolicy",
    Tier.BASELINE: "ClusterNetworkPolicy (Baseline)",
}
VERBS = {Action.ACCEPT: "allows", Action.DENY: "denies", Action.PASS: "passes on"}


def policy_name(ref: PolicyRef) -> str:
    """Return the name of a policy, with its kind."""
    return f"{KINDS[ref.tier]} {ref}"


def rules_of(policy: Policy, direction: Direction) -> tuple[str, ...]:
    """Return what each of a policy's rules says about a direction."""
    return tuple(rule_words(x, direction) for x in policy.rules(direction) or ())


def rule_words(rule: Rule, direction: Direction) -> str:
    """Return what a rule says.

    Its own name may have any characters, so it is quoted: it may not move a cursor.
    """
    name = f"{rule.name!r} " if rule.name else ""
    what = f"{name}{VERBS[rule.action]} {_ports(rule.ports)}"
    ingress = direction is Direction.INGRESS
    if rule.peers is None:
        return f"{what} {'from' if ingress else 'to'} anywhere"
    if not rule.peers:
        return f"{what} {'from' if ingress else 'to'} nowhere"
    peers = "; or ".join(map(_peer, rule.peers))
    return f"{what} {'from' if ingress else 'to'} {peers}"


def _ports(ports: Sequence[Port] | None) -> str:
    if ports is None:
        return "everything"
    return ", ".join(_grouped(ports)) or "nothing"


def _grouped(ports: Sequence[Port]) -> Iterator[str]:
    """Yield ports, with their protocol before the first of a row."""
    last: Protocol | str | None = None
    for port in ports:
        kind, text = _port(port)
        yield text if kind == last and text else f"{kind} {text}".rstrip()
        last = kind if text else None


def _port(port: Port) -> tuple[str, str]:
    match port:
        case NamedPort():
            return port.protocol or "port", repr(port.name)
        case PortRange(first=first, last=last) if (first, last) == (
            FIRST_PORT,
            LAST_PORT,
        ):
            return port.protocol, ""
        case PortRange():
            more = f"-{port.last}" if port.last > port.first else ""
            return port.protocol, f"{port.first}{more}"


def _peer(peer: Peer) -> str:
    match peer:
        case Block():
            hole = f" except {', '.join(peer.excepted)}" if peer.excepted else ""
            return f"{peer.network}{hole}"
        case Pods():
            return pods_words(peer)


def pods_words(pods: Pods) -> str:
    """Return which pods are selected."""
    chosen = f"pods {selector_words(pods.pods)}"
    if pods.pods == EVERYTHING:
        chosen = "all pods"
    if pods.namespace:
        return f"{chosen} of namespace {pods.namespace}"
    if pods.namespaces == EVERYTHING:
        return f"{chosen} of all namespaces"
    return f"{chosen} of namespaces {selector_words(pods.namespaces)}"


def selector_words(selector: Selector) -> str:
    """Return a selector as ``kubectl get -l`` takes it."""
    found = sorted(selector.requirements, key=lambda r: (r.key, r.operator))
    return ",".join(map(_requirement, found)) or "(all)"


def _requirement(requirement: Requirement) -> str:
    key, values = requirement.key, sorted(requirement.values)
    several = f"({', '.join(values)})"
    single = len(values) == 1
    match requirement.operator:
        case Operator.IN:
            return f"{key}={values[0]}" if single else f"{key} in {several}"
        case Operator.NOT_IN:
            return f"{key}!={values[0]}" if single else f"{key} notin {several}"
        case Operator.EXISTS:
            return key
        case Operator.DOES_NOT_EXIST:
            return f"!{key}"
