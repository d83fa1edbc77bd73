"""What policies say about a pod, and about a connection, for a person."""

from collections.abc import Iterator, Mapping, Sequence

from vcnd.core.policy.explain import reasons
from vcnd.core.policy.judge import Decision, Judge, Verdict
from vcnd.core.policy.words import KINDS, rules_of
from vcnd.model.policy import Direction, Packet, Policy, PolicyPod, Tier
from vcnd.model.policy_answers import (
    KernelCheck,
    PolicyShown,
    Ruling,
    SideExplained,
    WayShown,
)

HELD = "held"
MOST_POLICIES = 50
"""Of one pod and direction, that are shown."""
CHAINS = {"egress_side": Direction.EGRESS, "ingress_side": Direction.INGRESS}
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
    packet: Packet, verdict: Verdict, held: Mapping[str, tuple[str, str]]
) -> tuple[SideExplained, ...]:
    """Return why each side of a connection is allowed or denied.

    Args:
        packet: its first one.
        verdict: the judge's.
        held: pods here whose packets are all dropped, by address: their name, and why.
    """
    decided = {decision.direction: decision for decision in verdict.decisions}
    ends = (
        (Direction.EGRESS, packet.source),
        (Direction.INGRESS, packet.destination),
    )
    found = (
        _held(direction, *held[address])
        if address in held
        else _side(decided[direction])
        for direction, address in ends
        if address in held or direction in decided
    )
    return tuple(found)


def _held(direction: Direction, pod: str, why: str) -> SideExplained:
    sentence = f"Pod {pod} is held, so all its packets are dropped: {why}."
    return SideExplained(
        direction=direction, pod=pod, allowed=False, ground=HELD, sentences=(sentence,)
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
            yield f"The chain {name} is not there, so nothing is denied."
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
    chain = ruling.path[-1]
    if not ruling.handle:
        return f"the policy of chain {chain}"
    way = " > ".join(ruling.path)
    return f"{way}, the rule with handle {ruling.handle}"
