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
MOST, MOST_RULES = 20, 100
"""So many policies, peers or ports are told in words, and so many rules."""
VERBS = {Action.ACCEPT: "allows", Action.DENY: "denies", Action.PASS: "passes on"}


def policy_name(ref: PolicyRef) -> str:
    """Return the name of a policy, with its kind."""
    return f"{KINDS[ref.tier]} {ref}"


def policy_names(refs: Sequence[PolicyRef], most: int = MOST) -> tuple[str, ...]:
    """Return the names of policies: not of all, where there are many."""
    names = [policy_name(ref) for ref in refs[: most + 1]]
    return tuple(_some(names, len(refs), most))


def rules_of(policy: Policy, direction: Direction) -> tuple[str, ...]:
    """Return what a policy's rules say about a direction: not all, of many."""
    rules = policy.rules(direction) or ()
    words = [rule_words(x, direction) for x in rules[: MOST_RULES + 1]]
    return tuple(_some(words, len(rules), MOST_RULES))


def _some(texts: Sequence[str], number: int, most: int = MOST) -> list[str]:
    """Return texts, or the first of them and how many there are more.

    Args:
        texts: all, or more than ``most``.
        number: of all.
        most: how many are told.
    """
    if number <= most:
        return list(texts)
    return [*texts[:most], f"and {number - most} more"]


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
    peers = _some([*map(_peer, rule.peers[: MOST + 1])], len(rule.peers))
    told = "; or ".join(peers[:MOST])
    if rest := peers[MOST:]:
        told += f"; {rest[0]}"
    return f"{what} {'from' if ingress else 'to'} {told}"


def _ports(ports: Sequence[Port] | None) -> str:
    if ports is None:
        return "everything"
    return ", ".join(_some([*_grouped(ports[: MOST + 1])], len(ports))) or "nothing"


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
            holes = ", ".join(_some(peer.excepted, len(peer.excepted)))
            return f"{peer.network} except {holes}" if holes else peer.network
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
