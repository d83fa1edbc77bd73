"""What policies say about a pod, and about a connection, for a person."""

from collections.abc import Iterator, Mapping, Sequence

from vcnd.core.policy.explain import reasons
from vcnd.core.policy.judge import Decision, Judge, Verdict
from vcnd.core.policy.rule_set import SIDES
from vcnd.core.policy.words import KINDS, rules_of
from vcnd.model.policy import Direction, Packet, Policy, PolicyPod, Tier
from vcnd.model.policy_answers import (
    KernelCheck,
    PolicyShown,
    Ruling,
    SideExplained,
    WayShown,
)

HELD, AJAR = "held", "ajar"
MOST_POLICIES = 50
"""Of one pod and direction, that are shown."""
CHAINS = {chain: direction for direction, chain in SIDES.items()}
"""The chains at the hook, and the side of a connection that each one judges."""


def way(judge: Judge, pod: PolicyPod, direction: Direction) -> WayShown:
    """Return what policies say about a pod in one direction."""
    tiers = judge.policies(pod, direction)
    found = [policy for tier in Tier for policy in tiers[tier]]
    return WayShown(
        isolated=bool(tiers[Tier.NAMESPACE]),
        policies=tuple(_policy(x, direction) for x in found[:MOST_POLICIES]),
        left_out=len(found[MOST_POLICIES:]),
    )


def _policy(policy: Policy, direction: Direction) -> PolicyShown:
    tier = policy.ref.tier
    return PolicyShown(
        kind=KINDS[tier],
        policy=str(policy.ref),
        priority=None if tier is Tier.NAMESPACE else policy.priority,
        rules=rules_of(policy, direction),
    )


def sides(
    packet: Packet,
    verdict: Verdict,
    unknown: Mapping[str, tuple[str, str]],
    *,
    strict: bool = True,
) -> tuple[SideExplained, ...]:
    """Return why each side of a connection is allowed or denied.

    Args:
        packet: its first one.
        verdict: the judge's.
        unknown: pods here that are not known, by address: their name, and why.
        strict: whether these are closed until they are known; else they are open.
    """
    decided = {decision.direction: decision for decision in verdict.decisions}
    ends = (
        (Direction.EGRESS, packet.source),
        (Direction.INGRESS, packet.destination),
    )
    found = (
        _unknown(direction, *unknown[address], strict=strict)
        if address in unknown
        else _side(decided[direction])
        for direction, address in ends
        if address in unknown or direction in decided
    )
    return tuple(found)


def _unknown(
    direction: Direction, pod: str, why: str, *, strict: bool
) -> SideExplained:
    meanwhile = "is open until it is known, so all its packets are accepted"
    if strict:
        meanwhile = "is held, so all its packets are dropped"
    return SideExplained(
        direction=direction,
        pod=pod,
        allowed=not strict,
        ground=HELD if strict else AJAR,
        sentences=(f"Pod {pod} {meanwhile}: {why}.",),
    )


def _side(decision: Decision) -> SideExplained:
    return SideExplained(
        direction=decision.direction,
        pod=decision.pod,
        allowed=decision.allowed,
        ground=decision.ground,
        sentences=tuple(reasons(decision)),
    )


def compare(
    explained: Sequence[SideExplained],
    here: Mapping[Direction, bool],
    rulings: Sequence[Ruling],
) -> KernelCheck:
    """Compare what policies say with what the kernel does.

    Args:
        explained: what policies say about the sides.
        here: whether the pod of a side is on this node.
        rulings: what each chain at the hook does.
    """
    differences = tuple(_differences(explained, here, rulings))
    return KernelCheck(
        agrees=not differences, differences=differences, rulings=tuple(rulings)
    )


def _differences(
    explained: Sequence[SideExplained],
    here: Mapping[Direction, bool],
    rulings: Sequence[Ruling],
) -> Iterator[str]:
    wanted = {side.direction: side for side in explained if here[side.direction]}
    lacking = set(CHAINS) - {ruling.chain for ruling in rulings}
    for name in sorted(lacking):
        if here[CHAINS[name]]:
            yield f"The chain {name} is not there."
    for ruling in rulings:
        direction = CHAINS.get(ruling.chain)
        side = None if direction is None else wanted.get(direction)
        if ruling.allowed is (side is None or side.allowed):
            continue
        does = "accepts" if ruling.allowed else "drops"
        if side is None:
            yield f"The kernel {does} it, and no policy does: {_place(ruling)}."
        else:
            says = "allow" if side.allowed else "deny"
            what = f"Policies {says} {side.direction.lower()} of pod {side.pod}"
            yield f"{what}, and the kernel {does} it: {_place(ruling)}."


def _place(ruling: Ruling) -> str:
    """Return where a packet's way ended."""
    table = f"table {ruling.table}: " if ruling.table else ""
    if not ruling.handle:
        return f"{table}the policy of chain {ruling.path[-1]}"
    way = " > ".join(ruling.path)
    return f"{table}{way}, the rule with handle {ruling.handle}"
