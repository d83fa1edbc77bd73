"""The sets that a node's rules look into.

The same selector in several policies is one set.  A set's name says what belongs in it,
not what is in it now: that changes, and the rules stay.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable
from hashlib import blake2b
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

from vcnd.core.policy.pod_index import Group, PodIndex, Touched
from vcnd.core.policy.rule_set import Element, Kind, NamedSet
from vcnd.model.family import Family, family_of
from vcnd.model.policy import (
    Block,
    ContainerPort,
    Direction,
    NamedPort,
    Pods,
    Selector,
)

DIGEST_BYTES = 10


def digest(*parts: object) -> str:
    """Return a short name of values whose ``repr`` tells them from any others."""
    return blake2b(repr(parts).encode(), digest_size=DIGEST_BYTES).hexdigest()


class NamedSets:
    """Sets that were asked for, kept up to date with the pods."""

    def __init__(self, index: PodIndex) -> None:
        self._index = index
        self._kept: dict[str, _Kept] = {}
        self._fixed: dict[str, NamedSet] = {}
        self._names: dict[tuple[Pods, Family, bool], str] = {}

    def update(self, touched: Touched) -> None:
        """Bring the sets up to date with an index that has changed."""
        if touched.groups:
            for kept in self._kept.values():
                kept.update(touched.groups)

    def values(self, names: Iterable[str]) -> dict[str, NamedSet]:
        """Return sets by their names: the same value as before if it is equal."""
        kept, fixed = self._kept, self._fixed
        return {n: kept[n].value if n in kept else fixed[n] for n in names}

    def keep(self, names: Collection[str]) -> None:
        """Forget all sets but these."""
        self._kept = {n: x for n, x in self._kept.items() if n in names}
        self._fixed = {n: x for n, x in self._fixed.items() if n in names}
        self._names = {k: n for k, n in self._names.items() if n in names}

    def pods(self, pods: Pods, family: Family, *, perhaps: bool = False) -> str:
        """Return the name of the set of selected pods' addresses.

        Args:
            pods: what selects them.
            family: of the addresses.
            perhaps: whether those count that may be selected: the labels of their
                namespace are not known.
        """
        name = self._names.get((pods, family, perhaps))
        if name is None:
            what = (pods.namespace, _text(pods.namespaces), _text(pods.pods))
            name = _name("perhaps" if perhaps else "pods", family, what)
            self._names[pods, family, perhaps] = name
            kept = _Selected(self._index, pods, family, perhaps=perhaps)
            self._kept[name] = kept
            kept.take(self._index.selected(pods, perhaps=perhaps))
        return name

    def ports(self, direction: Direction, port: NamedPort, family: Family) -> str:
        """Return the name of the set of a named port in pods that can be destinations.

        Those of ingress are on this node.
        """
        name = _name("ports", family, (direction.value, port.name, port.protocol))
        if name not in self._kept:
            everywhere = direction is Direction.EGRESS
            kept: _Kept = _PortsHere(self._index, port, family)
            if everywhere:
                kept = _Ports(port, family)
            self._kept[name] = kept
            kept.update(self._index.groups())
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
        self._fixed[name] = NamedSet(
            kind=Kind.NETWORKS, family=family, elements=frozenset[Element](networks)
        )
        return name


class _Kept(ABC):
    """A set whose elements come and go with pods."""

    def __init__(self, kind: Kind, family: Family) -> None:
        self.value = NamedSet(kind=kind, family=family, elements=frozenset())

    @abstractmethod
    def update(self, groups: Iterable[Group]) -> None:
        """Look at groups of pods that have changed."""

    def _replace(self, elements: frozenset[Element]) -> None:
        if elements != self.value.elements:
            kind, family = self.value.kind, self.value.family
            self.value = NamedSet(kind=kind, family=family, elements=elements)


class _OfGroups(_Kept):
    """The elements of some groups."""

    def __init__(self, kind: Kind, family: Family) -> None:
        super().__init__(kind, family)
        self._parts: dict[Group, Collection[Element]] = {}

    @abstractmethod
    def part(self, group: Group) -> Collection[Element]:
        """Return the elements of a group."""

    def update(self, groups: Iterable[Group]) -> None:
        is_same = True
        for group in groups:
            part = self.part(group) if group.pods else None
            if (part or None) != self._parts.get(group):
                is_same = False
            if part:
                self._parts[group] = part
            else:
                self._parts.pop(group, None)
        if not is_same:
            self._replace(frozenset[Element]().union(*self._parts.values()))


class _Selected(_OfGroups):
    """The addresses of pods that a selector selects."""

    def __init__(
        self, index: PodIndex, pods: Pods, family: Family, *, perhaps: bool
    ) -> None:
        super().__init__(Kind.ADDRESSES, family)
        self._index, self._pods, self._perhaps = index, pods, perhaps

    def take(self, groups: Iterable[Group]) -> None:
        """Take in the groups that are selected, at first."""
        family = self.value.family
        self._parts = {g: some for g in groups if (some := g.addresses(family))}
        self._replace(frozenset[Element]().union(*self._parts.values()))

    def part(self, group: Group) -> Collection[Element]:
        selected = self._index.selects(self._pods, group, perhaps=self._perhaps)
        return group.addresses(self.value.family) if selected else ()


class _Ports(_OfGroups):
    """A port, by its name, of pods anywhere."""

    def __init__(self, port: NamedPort, family: Family) -> None:
        super().__init__(Kind.PORTS, family)
        self._port = port

    def part(self, group: Group) -> Collection[Element]:
        return _elements(self._port, group.ports, group.addresses(self.value.family))


class _PortsHere(_Kept):
    """A port, by its name, of pods on this node."""

    def __init__(self, index: PodIndex, port: NamedPort, family: Family) -> None:
        super().__init__(Kind.PORTS, family)
        self._index, self._port = index, port

    def update(self, groups: Iterable[Group]) -> None:
        index, family, found = self._index, self.value.family, set[Element]()
        for pod in index.pods_here():
            some = (a for a in index.addresses(pod) if family_of(a) is family)
            found |= _elements(self._port, pod.ports, some)
        self._replace(frozenset(found))


def _elements(
    wanted: NamedPort, ports: Iterable[ContainerPort], addresses: Iterable[str]
) -> frozenset[Element]:
    """Return the elements of the ports of that name."""
    named = [
        port
        for port in ports
        if port.name == wanted.name and wanted.protocol in (None, port.protocol)
    ]
    if not named:
        return frozenset()
    return frozenset((a, p.protocol, p.number) for a in addresses for p in named)


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
