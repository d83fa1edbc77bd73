"""What the rules of a listed table do with the first packet of a connection.  Pure.

It reads rules as the kernel does, and knows nothing of what made them.  So it also
tells what a rule does that another program, or a person, has added.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from vcnd.linux.nft_listed import (
    MISREAD,
    ListedChain,
    ListedRule,
    ListedTable,
    Members,
    UnreadableError,
    Verdict,
    covers,
    shown,
    value_of,
)
from vcnd.model.policy import Packet
from vcnd.model.policy_answers import Ruling

HOOK = "forward"
MOST_JUMPS = 64
WITHOUT_EFFECT = {"counter", "log", "limit", "set", "last", "notrack"}
"""Statements after which a packet goes on."""
FINAL = {"accept": True, "drop": False, "reject": False}


class Forwarded(msgspec.Struct, frozen=True, kw_only=True):
    """The first packet of a connection on its way through a node."""

    packet: Packet
    iifname: str
    oifname: str

    @property
    def is_ipv6(self) -> bool:
        """Return True if it is of IPv6."""
        return ":" in self.packet.source

    @property
    def l4proto(self) -> str:
        """The name of its protocol: that of ICMP if it has no ports."""
        if self.packet.protocol is not None:
            return self.packet.protocol.lower()
        return "ipv6-icmp" if self.is_ipv6 else "icmp"


def rulings(tables: Sequence[ListedTable], forwarded: Forwarded) -> list[Ruling]:
    """Return what each chain at the hook does with a packet.

    Args:
        tables: in the order in which the kernel asks them; those after one that has
            dropped the packet do not see it.
        forwarded: the packet.

    Raises:
        UnreadableError: the packet meets something that we cannot read.
    """
    found = list[Ruling]()
    mark = 0
    for table in tables:
        if not all(ruling.allowed for ruling in found):
            break
        at_hook = [chain for chain in table.chains.values() if chain.hook == HOOK]
        at_hook.sort(key=lambda chain: chain.priority)
        walk = _Walk(table, forwarded, mark)
        found += [walk.through(chain) for chain in at_hook]
        mark = walk.mark
    return found


class _Walk:
    """One packet's way; its connection's mark changes on the way."""

    def __init__(self, table: ListedTable, forwarded: Forwarded, mark: int) -> None:
        self._table, self._forwarded, self.mark = table, forwarded, mark

    def through(self, base: ListedChain) -> Ruling:
        """Return what a chain at the hook does with it."""
        stack: list[tuple[tuple[str, ...], Iterator[ListedRule]]]
        stack = [((base.name,), iter(base.rules))]
        while stack:
            path, rules = stack[-1]
            rule = next(rules, None)
            if rule is None:
                stack.pop()
                continue
            verdict = self._rule(path[-1], rule)
            if verdict is None:
                continue
            kind, target = verdict
            if kind in FINAL:
                return Ruling(
                    table=self._table.name,
                    chain=base.name,
                    allowed=FINAL[kind],
                    path=path,
                    handle=rule.handle,
                )
            if kind in ("return", "goto"):
                stack.pop()
            if kind in ("jump", "goto"):
                stack.append(((*path, target), self._rules(target)))
            if len(path) > MOST_JUMPS:
                raise UnreadableError("chains that lead to each other without end")
        return Ruling(
            table=self._table.name,
            chain=base.name,
            allowed=base.policy == "accept",
            path=(base.name,),
            handle=0,
        )

    def _rules(self, name: str) -> Iterator[ListedRule]:
        chain = self._table.chains.get(name)
        if chain is None:
            raise UnreadableError(f"the chain {name}, which is not there")
        return iter(chain.rules)

    def _rule(self, chain: str, rule: ListedRule) -> tuple[str, str] | None:
        """Return the verdict of a rule; None if it has none, or does not match.

        It is a kind, and the chain to which it leads; empty: it leads to none.
        """
        try:
            verdict = self._verdict(rule)
            if verdict is None:
                return None
            ((kind, found),) = verdict.items()
            return kind, str(found["target"]) if kind in ("jump", "goto") else ""
        except (UnreadableError, *MISREAD) as error:
            where = f"chain {chain}, handle {rule.handle}"
            why = error if isinstance(error, UnreadableError) else repr(error)
            raise UnreadableError(f"{where}: {why}") from error

    def _verdict(self, rule: ListedRule) -> Verdict | None:
        by_chance = False
        for expression in rule.expressions:
            ((kind, found),) = expression.items()
            if kind == "match":
                if not self._matches(found):
                    return None
            elif kind in ("vmap", *FINAL, "jump", "goto", "return", "continue"):
                if by_chance:
                    raise UnreadableError("a verdict that depends on a rate")
                verdict = self._mapped(found) if kind == "vmap" else expression
                if verdict is not None and "continue" not in verdict:
                    return verdict
            elif kind == "mangle":
                self._mangle(found)
            elif kind not in WITHOUT_EFFECT:
                raise UnreadableError(shown(expression))
            by_chance |= kind == "limit"
        return None

    def _mapped(self, found: Mapping[str, Any]) -> Verdict | None:
        """Return the verdict that a map has for the packet."""
        key = self._value(found["key"])
        verdicts = None if key is None else self._members(found["data"]).find(key)
        return None if verdicts is None else verdicts[0]

    def _members(self, found: Any) -> Members:
        """Return a set or map, by its name or as a rule holds it."""
        if isinstance(found, dict) and "set" in found:
            return Members(found["set"])
        name = str(found).removeprefix("@")
        if name not in self._table.members:
            raise UnreadableError(f"the set {name}, which is not there")
        return self._table.members[name]

    def _mangle(self, found: Mapping[str, Any]) -> None:
        """Change the connection's mark; no other change is for later rules."""
        if found["key"] == {"ct": {"key": "mark"}}:
            value = self._value(found["value"])
            if not isinstance(value, int):
                raise UnreadableError(shown(found))
            self.mark = value

    def _matches(self, found: Mapping[str, Any]) -> bool:
        """Return True if the packet has what a rule asks for.

        A packet without the field never has it, whatever the operator.
        """
        value, wanted, operator = (
            self._value(found["left"]),
            found["right"],
            found["op"],
        )
        if value is None:
            return False
        if isinstance(wanted, str) and wanted.startswith("@"):
            has = value in self._members(wanted)
        elif isinstance(wanted, dict) and "set" in wanted:
            has = value in Members(wanted["set"])
        elif isinstance(wanted, list):  # of bits, any of them
            has = value in wanted
        elif operator in ("<", ">", "<=", ">="):
            return _compares(value, operator, wanted)
        else:
            has = covers(wanted, value)
        if operator in ("==", "in"):
            return has
        if operator == "!=":
            return not has
        raise UnreadableError(f"the operator {operator}")

    def _value(self, found: Any) -> Hashable | None:
        """Return what a packet has of something; None if it has none."""
        match found:
            case int():
                return found
            case {"concat": parts}:
                values = tuple(map(self._value, parts))
                return None if None in values else values
            case {"&": [left, right]}:
                return self._number(left) & self._number(right)
            case {"|": [left, right]}:
                return self._number(left) | self._number(right)
            case {"^": [left, right]}:
                return self._number(left) ^ self._number(right)
            case {"meta": {"key": key}}:
                return self._meta(key)
            case {"ct": {"key": key, **more}} if not more:
                return self._tracked(key)
            case {"payload": {"protocol": protocol, "field": field}}:
                return self._payload(protocol, field)
            case _:
                raise UnreadableError(shown(found))

    def _number(self, found: Any) -> int:
        value = self._value(found)
        if not isinstance(value, int):
            raise UnreadableError(shown(found))
        return value

    def _meta(self, key: str) -> Hashable:
        forwarded = self._forwarded
        match key:
            case "iifname" | "iif":
                return forwarded.iifname
            case "oifname" | "oif":
                return forwarded.oifname
            case "nfproto":
                return "ipv6" if forwarded.is_ipv6 else "ipv4"
            case "protocol":
                return "ip6" if forwarded.is_ipv6 else "ip"
            case "l4proto":
                return value_of(forwarded.l4proto)
            case _:
                raise UnreadableError(f"meta {key}")

    def _tracked(self, key: str) -> Hashable:
        match key:
            case "mark":
                return self.mark
            case "direction":
                return "original"
            case "state":
                return "new"
            case _:
                raise UnreadableError(f"ct {key}")

    def _payload(self, protocol: str, field: str) -> Hashable | None:
        """Return a field of a header; None if the packet has no such header."""
        forwarded, packet = self._forwarded, self._forwarded.packet
        if protocol in ("ip", "ip6"):
            if (protocol == "ip6") is not forwarded.is_ipv6:
                return None
            match field:
                case "saddr":
                    return packet.source
                case "daddr":
                    return packet.destination
                case "protocol" | "nexthdr":
                    return value_of(forwarded.l4proto)
                case _:
                    pass
        elif protocol not in ("th", forwarded.l4proto):
            return None
        elif field == "dport":
            return packet.port if packet.protocol is not None else None
        raise UnreadableError(f"{protocol} {field}")


def _compares(value: Any, operator: str, wanted: Any) -> bool:
    if not isinstance(value, int) or not isinstance(wanted, int):
        raise UnreadableError(f"{shown(wanted)} after {operator}")
    match operator:
        case "<":
            return value < wanted
        case ">":
            return value > wanted
        case "<=":
            return value <= wanted
        case _:
            return value >= wanted
