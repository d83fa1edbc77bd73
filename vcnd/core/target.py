"""How many addresses the node ought to hold.

    target = B · ⌈mf + demand / B⌉, clamped

B is the batch, mf the buffer as a fraction of a batch, demand the addresses
leased or requested.  The formula is stateless and idempotent: it uses neither
the held addresses nor those in flight, so a second reconcile changes nothing
(as the second version of Azure CNS' pool does,
https://github.com/Azure/azure-container-networking, ``cns/ipampool/v2``).
"""

import math

import msgspec
from msgspec.structs import replace


class PoolPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The pool's settings."""

    batch: int = 8
    """B: addresses are held in multiples of this."""
    buffer_fraction: float = 0.5
    """mf: at least this part of a batch is held beyond demand."""
    minimum: int = 0
    """The least number of addresses to hold, even on an idle node."""
    maximum: int = 110
    """The most usable addresses, such as the node's max pods.  Cooling addresses, and
    those of a block beyond the missing number, come on top."""
    cooling_seconds: float = 30.0
    """Seconds of an address' cooldown after its pod is gone."""
    shrink_after_seconds: float = 300.0
    """Seconds that a surplus must last before addresses are released."""

    lean_at: float = 0.0
    """Part of a subnet's addresses in use from which nodes hold only what pods need,
    and release the rest at once; 0: never."""

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
        if not 0 <= self.lean_at <= 1:
            raise ValueError("lean_at must lie between 0 and 1")


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
        own: True if it is always kept warm: the node's own class (for pods without
            requests) and those of profiles.  Others are warm while pods need them.
        needed: True if a pod has or needs an address of the class.
        elsewhere: addresses that pods of other classes have or need, since the
            maximum applies to the node.
    """
    maximum = max(0, policy.maximum - elsewhere)
    if own:
        return replace(policy, maximum=maximum, minimum=min(policy.minimum, maximum))
    if needed:
        return replace(policy, maximum=maximum, minimum=0)
    return lean(replace(policy, maximum=maximum))


def lean(policy: PoolPolicy) -> PoolPolicy:
    """Return settings by which the node holds just what pods have or need.

    Of a node that is being drained, or whose subnet is nearly full.
    """
    return replace(
        policy, minimum=0, batch=1, buffer_fraction=0.0, shrink_after_seconds=0.0
    )


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """The addresses that the node holds of a class, and the demand for them."""

    free: int
    leased: int
    cooling: int
    in_flight: int
    """Addresses that changes in flight will bring."""
    wanted: int
    """Pods that have no address yet."""


def balance(holding: Holding, policy: PoolPolicy) -> int:
    """Return the number of missing addresses, or, negative, the surplus.

    Cooling addresses count as held but cannot be leased yet.  Under churn there can be
    as many cooling as leased.  So two conditions must hold: held addresses reach the
    target, and free ones reach the pods without an address plus the buffer.  If one
    fails, a whole batch is missing.  Cooling addresses are never surplus.
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
