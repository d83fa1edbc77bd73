"""How many addresses the node ought to hold.

    target = B · ⌈mf + demand / B⌉, clamped

B is the batch, mf the buffer as a fraction of a batch, demand the addresses
leased or asked for.  The formula is stateless and idempotent: it looks at
neither what is held nor what is in flight, so looking twice does no harm
(as the second version of Azure CNS' pool does,
https://github.com/Azure/azure-container-networking, ``cns/ipampool/v2``).
"""

import math
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolPolicy:
    """The pool's settings."""

    batch: int = 8
    """B: addresses are asked for in multiples of this."""
    buffer_fraction: float = 0.5
    """mf: at least this part of a batch is held beyond demand."""
    minimum: int = 0
    """Hold at least so many addresses, however idle the node is."""
    maximum: int = 110
    """At most so many usable at once, the node's max pods; what cools, and what a block
    is more than was missing, comes on top.
    """
    cooling_seconds: float = 30.0
    """An address rests so long after its pod is gone."""
    shrink_after_seconds: float = 300.0
    """A surplus must have stood so long before addresses are given back."""

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise ValueError("batch must be at least 1")
        if self.buffer_fraction < 0:
            raise ValueError("buffer_fraction must not be negative")
        if not 0 <= self.minimum <= self.maximum:
            raise ValueError("minimum must lie between 0 and maximum")
        if self.cooling_seconds < 0:
            raise ValueError("cooling_seconds must not be negative")
        if self.shrink_after_seconds < 0:
            raise ValueError("shrink_after_seconds must not be negative")


def target(demand: int, policy: PoolPolicy) -> int:
    """Return how many addresses to hold for this demand.

    Args:
        demand: leased addresses plus pods that wait for one.
        policy: the pool's settings.
    """
    batches = math.ceil(policy.buffer_fraction + demand / policy.batch)
    return max(policy.minimum, min(policy.maximum, policy.batch * batches))


def class_policy(
    policy: PoolPolicy, *, own: bool, needed: bool, elsewhere: int
) -> PoolPolicy:
    """Return the settings for one class of a node's pods.

    Args:
        policy: the node's settings.
        own: whether it is kept warm: the node's own class, for pods that wish for
            nothing, and those of profiles.  Another is while somebody needs it.
        needed: whether a pod has or wants an address of the class.
        elsewhere: addresses that pods of other classes have or want: the maximum
            is the node's.
    """
    maximum = max(0, policy.maximum - elsewhere)
    if own:
        return replace(policy, maximum=maximum, minimum=min(policy.minimum, maximum))
    if needed:
        return replace(policy, maximum=maximum, minimum=0)
    return replace(policy, maximum=maximum, minimum=0, batch=1, buffer_fraction=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What the node holds of a class, and what is asked of it."""

    free: int
    leased: int
    cooling: int
    in_flight: int
    """Addresses that changes under way will bring."""
    wanted: int
    """Pods that have no address yet."""


def balance(holding: Holding, policy: PoolPolicy) -> int:
    """Return how many addresses are missing, or, negative, how many are over.

    What cools is held, but serves nobody for now: while pods come and go all the
    time it is as much as what is leased.  So two things must hold: all that is held
    reaches the target, and what is free reaches what is wanted and the buffer; short
    of that a whole batch is missing.  What cools is never over.
    """
    aim = target(holding.leased + holding.wanted, policy)
    usable = holding.free + holding.leased + holding.in_flight
    missing = aim - usable - holding.cooling
    buffer = math.ceil(policy.buffer_fraction * policy.batch)
    short = holding.wanted + buffer - holding.free - holding.in_flight
    if short > 0:
        batches = policy.batch * math.ceil(short / policy.batch)
        missing = max(missing, min(batches, policy.maximum - usable))
    return missing if missing > 0 else max(min(0, aim - usable), -holding.free)
