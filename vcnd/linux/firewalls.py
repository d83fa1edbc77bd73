"""Firewalls' FORWARD chains, as ``nft -j`` shows them: do pods pass?  Pure.

Each base chain at the forward hook judges each packet: an accept in one of them, or in
vcnd's own table, does not override a drop in another.  So pods need an accept in each
chain that would end in a drop, before the rule that drops.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

COMMENT = "vcnd"
"""The comment of our rules, by which they are told from others'."""
FAMILIES = ("ip", "ip6", "inet")
DIRECTIONS = ("iifname", "oifname")
NO_CONDITIONS = frozenset({"counter", "log", "comment"})
"""Statements that match every packet."""
TEXT: Mapping[str, Any] = {"text": None}
"""Stands for a statement that is no object: it may match some packets alone."""
MOST_DEPTH = 8
"""At most this many jumps are followed; a kernel allows 16."""

Rules = Callable[[str], Sequence[Mapping[str, Any]]]
"""Returns the rules of a chain of the same table, by its name."""


class ChainName(msgspec.Struct, frozen=True, kw_only=True):
    """A base chain."""

    family: str
    table: str
    name: str

    def __str__(self) -> str:
        """Return it as nft's commands name it."""
        return f"{self.family} {self.table} {self.name}"

    @property
    def as_rule(self) -> dict[str, Any]:
        """Return the fields that name the chain in a rule of nft's JSON."""
        return {"family": self.family, "table": self.table, "chain": self.name}


class ForwardChain(msgspec.Struct, frozen=True, kw_only=True):
    """A base chain at the forward hook, and what it does with pods' packets."""

    chain: ChainName
    drops: bool
    """True if packets that no rule accepts are dropped or rejected."""
    drops_at: int | None = None
    """Handle of the rule that drops them; None where it is the chain's policy."""
    accepted: frozenset[str] = frozenset()
    """The directions in which pods' packets are accepted before that."""
    ours: tuple[int, ...] = ()
    """Handles of the rules that vcnd has inserted."""
    visited: frozenset[str] = frozenset()
    """Chains of this table whose rules decide, this one included."""

    @property
    def missing(self) -> tuple[str, ...]:
        """Return the directions that lack an accept."""
        if not self.drops:
            return ()
        return tuple(d for d in DIRECTIONS if d not in self.accepted)


def forward_chains(
    listed: Mapping[str, Any], own_tables: Iterable[str]
) -> dict[ChainName, str]:
    """Return foreign base chains at the forward hook, with their policies.

    Args:
        listed: the output of ``nft -j list chains``.
        own_tables: names of our tables of family inet.
    """
    found: dict[ChainName, str] = {}
    for entry in listed.get("nftables", []):
        chain = entry.get("chain", {})
        if chain.get("hook") != "forward" or chain.get("type") != "filter":
            continue
        own = chain["family"] == "inet" and chain["table"] in own_tables
        if chain["family"] in FAMILIES and not own:
            name = ChainName(
                family=chain["family"], table=chain["table"], name=chain["name"]
            )
            found[name] = chain.get("policy", "accept")
    return found


def judge(
    chain: ChainName, policy: str, rules: Rules, link_prefix: str
) -> ForwardChain:
    """Return what a base chain does with packets of pods' links.

    Args:
        chain: the base chain.
        policy: its policy, for packets that no rule decides about.
        rules: returns the rules of a chain of the same table.
        link_prefix: names of pods' links begin with it.
    """
    walk = _Walk(rules, link_prefix)
    verdict = walk.chain(chain.name, MOST_DEPTH) or policy
    return ForwardChain(
        chain=chain,
        drops=verdict == "drop",
        drops_at=walk.decided_by,
        accepted=frozenset(walk.accepted),
        ours=tuple(
            rule["handle"]
            for rule in rules(chain.name)
            if rule.get("comment") == COMMENT and _accepted_direction(rule, link_prefix)
        ),
        visited=frozenset(walk.visited),
    )


class _Walk:
    """The path of a packet that matches no rule's conditions."""

    def __init__(self, rules: Rules, link_prefix: str) -> None:
        self._rules = rules
        self._link_prefix = link_prefix
        self.accepted: set[str] = set()
        self.visited: set[str] = set()
        self._verdicts: dict[tuple[str, int], str] = {}
        """By chain and depth: many rules may jump to one chain, and that to others."""
        self.decided_by: int | None = None
        """Handle of the rule of the first chain that decides, or leads there."""

    def chain(self, name: str, depth: int) -> str:
        """Return "drop" or "accept", or nothing if the chain ends undecided."""
        known = self._verdicts.get((name, depth))
        if known is None:
            known = self._verdicts[name, depth] = self._judged(name, depth)
        return known

    def _judged(self, name: str, depth: int) -> str:
        self.visited.add(name)
        for rule in self._rules(name):
            direction = _accepted_direction(rule, self._link_prefix)
            if direction:
                self.accepted.add(direction)
                continue
            verdict = self._rule(rule, depth)
            if verdict == "return":
                break
            if verdict:
                self.decided_by = rule["handle"]  # at last that of the first chain
                return verdict
        return ""

    def _rule(self, rule: Mapping[str, Any], depth: int) -> str:
        """Return what a rule does with every packet, if it does."""
        rest = _conditions(rule)
        if len(rest) != 1:
            return ""
        ((kind, content),) = rest[0].items()
        match kind:
            case "drop" | "reject":
                return "drop"
            case "accept" | "return":
                return str(kind)
            case "xt":
                name = content.get("name", "") if isinstance(content, dict) else ""
                return "drop" if name in ("REJECT", "DROP") else ""
            case "jump" if depth:
                return self.chain(content["target"], depth - 1)
            case "goto" if depth:
                # A goto does not return to the calling chain.
                return self.chain(content["target"], depth - 1) or "return"
            case _:
                return ""


def _accepted_direction(rule: Mapping[str, Any], link_prefix: str) -> str:
    """Return the direction in which a rule accepts all pods' packets, if any."""
    rest = _conditions(rule)
    if len(rest) != 2 or "accept" not in rest[1] or "match" not in rest[0]:  # noqa: PLR2004
        return ""
    match, key = rest[0]["match"], ""
    if isinstance(match["left"], dict) and "meta" in match["left"]:
        key = match["left"]["meta"]["key"]
    fits = match["op"] in ("==", "in") and match["right"] == f"{link_prefix}*"
    return key if fits and key in DIRECTIONS else ""


def _conditions(rule: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return a rule's statements, but for those that match every packet."""
    # nft prints as text what its JSON has no form for.
    found = (s if isinstance(s, dict) and len(s) == 1 else TEXT for s in rule["expr"])
    return [s for s in found if not _is_no_condition(s)]


def _is_no_condition(statement: Mapping[str, Any]) -> bool:
    (kind,) = statement
    # iptables-nft keeps comments as a match of its own.
    content = statement[kind]
    return kind in NO_CONDITIONS or (
        kind == "xt" and isinstance(content, dict) and content.get("name") == "comment"
    )


def additions(chain: ForwardChain, link_prefix: str) -> list[dict[str, Any]]:
    """Return the commands that add the accepts that a chain lacks.

    They stand right before the rule that drops, or last.  Rules before them, such as a
    network policy's, still judge pods' packets.  iptables-nft reads these rules as
    its own: ``-i oci+ -j ACCEPT``.
    """
    place, verb = chain.chain.as_rule, "add"
    if chain.drops_at is not None:
        place, verb = {**place, "handle": chain.drops_at}, "insert"
    return [
        {
            verb: {
                "rule": {
                    **place,
                    "comment": COMMENT,
                    "expr": [
                        {
                            "match": {
                                "op": "==",
                                "left": {"meta": {"key": direction}},
                                "right": f"{link_prefix}*",
                            }
                        },
                        {"counter": None},
                        {"accept": None},
                    ],
                }
            }
        }
        for direction in chain.missing
    ]


def removals(chain: ForwardChain) -> list[dict[str, Any]]:
    """Return the commands that delete our rules from a chain."""
    return [
        {"delete": {"rule": {**chain.chain.as_rule, "handle": handle}}}
        for handle in chain.ours
    ]
