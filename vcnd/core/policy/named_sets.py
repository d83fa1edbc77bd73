"""The sets that a node's rules look into.

The same selector in several policies is one set.  A set's name says what belongs in it,
not what is in it now: that changes, and the rules stay.
"""

from collections.abc import Iterable
from hashlib import blake2b
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

from vcnd.core.policy.pod_index import PodIndex
from vcnd.core.policy.rule_set import Element, Kind, NamedSet
from vcnd.model.family import Family, family_of
from vcnd.model.policy import Block, Direction, NamedPort, Pods, Selector

DIGEST_BYTES = 10


def digest(*parts: object) -> str:
    """Return a short name of values whose ``repr`` tells them from any others."""
    return blake2b(repr(parts).encode(), digest_size=DIGEST_BYTES).hexdigest()


class NamedSets:
    """Sets that were asked for."""

    def __init__(self, index: PodIndex) -> None:
        self._index = index
        self.made: dict[str, NamedSet] = {}
        """By name."""
        self._names: dict[tuple[Pods, Family], str] = {}

    def pods(self, pods: Pods, family: Family) -> str:
        """Return the name of the set of selected pods' addresses."""
        name = self._names.get((pods, family))
        if name is None:
            what = (pods.namespace, _text(pods.namespaces), _text(pods.pods))
            name = self._names[pods, family] = _name("pods", family, what)
            addresses = (
                address
                for pod in self._index.selected(pods)
                for address in self._index.addresses(pod)
                if family_of(address) is family
            )
            self._add(name, Kind.ADDRESSES, family, addresses)
        return name

    def ports(self, direction: Direction, port: NamedPort, family: Family) -> str:
        """Return the name of the set of a named port in pods that can be destinations.

        Those of ingress are on this node.
        """
        name = _name("ports", family, (direction.value, port.name, port.protocol))
        if name not in self.made:
            everywhere = direction is Direction.EGRESS
            found = (
                (address, found.protocol, found.number)
                for pod, found in self._index.with_port(port)
                if everywhere or self._index.is_here(pod)
                for address in self._index.addresses(pod)
                if family_of(address) is family
            )
            self._add(name, Kind.PORTS, family, found)
        return name

    def excepted(self, block: Block, family: Family) -> str:
        """Return the name of the set of networks that a block leaves out; "" if none.

        They are never one set with those of another block: what one leaves out, the
        other may have.
        """
        networks = _collapsed(n for n in block.excepted if family_of(n) is family)
        if not networks:
            return ""
        name = _name("except", family, networks)
        self._add(name, Kind.NETWORKS, family, networks)
        return name

    def _add(
        self, name: str, kind: Kind, family: Family, elements: Iterable[Element]
    ) -> None:
        made = NamedSet(kind=kind, family=family, elements=frozenset(elements))
        self.made[name] = made


def _name(prefix: str, family: Family, what: object) -> str:
    return f"{prefix}_{digest(what)}_{'6' if family is Family.IPV6 else '4'}"


def _text(selector: Selector) -> list[tuple[str, str, list[str]]]:
    """Return a selector's requirements in an order that is always the same."""
    return sorted(
        (r.key, r.operator.value, sorted(r.values)) for r in selector.requirements
    )


def _collapsed(networks: Iterable[str]) -> list[str]:
    """Return networks of one family so that none contains another, in order."""
    parsed: list[IPv4Network | IPv6Network] = [ip_network(n) for n in networks]
    return [str(n) for n in collapse_addresses(parsed)]  # type: ignore[type-var]
