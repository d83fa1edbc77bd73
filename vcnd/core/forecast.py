"""How long a subnet lasts, and which pool settings fit the demand that was seen."""

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from vcnd.core.networks import RESERVED_ADDRESSES
from vcnd.core.target import PoolPolicy, target
from vcnd.model.forecast import PoolAdvice, SubnetForecast

LEAST_BATCH, MOST_BATCH = 4, 64
"""Powers of two: a block of addresses is one."""
DAY = 86400.0


def subnet_forecast(
    cidr: str, addresses: int, held: int, pods: int, new_per_day: float
) -> SubnetForecast:
    """Return how long a subnet lasts.

    Args:
        cidr: the subnet.
        addresses: how many its prefix has.
        held: how many nodes hold.
        pods: how many of them pods have.
        new_per_day: pods that come, and stay, on a day at most.
    """
    size = max(0, addresses - RESERVED_ADDRESSES)
    # What is in reserve, and the VNICs' own addresses, grow with the pods.
    per_day = new_per_day * max(1.0, held / pods) if pods else new_per_day
    left = max(0, size - held)
    return SubnetForecast(
        cidr=cidr,
        size=size,
        held=held,
        pods=pods,
        per_day=round(per_day, 2),
        days=round(left / per_day, 1) if per_day > 0 else None,
    )


def burst(arrivals: Iterable[float], seconds: float) -> int:
    """Return the most arrivals within any span of time.

    Args:
        arrivals: when, in seconds.
        seconds: the span; its begin is not part of it.
    """
    at = sorted(arrivals)
    return max(
        (i + 1 - bisect_right(at, t - seconds) for i, t in enumerate(at)), default=0
    )


def advise(
    arrivals: Mapping[str, Sequence[float]],
    demand: Mapping[str, int],
    policy: PoolPolicy,
    refill_seconds: float,
) -> PoolAdvice:
    """Return settings by which no pod that was seen would have waited.

    A node replaces an address as soon as a pod takes it, and gets the new one when a
    refill has taken its time.  So the buffer has to hold what comes meanwhile.

    Args:
        arrivals: when pods came, in seconds, by node.
        demand: how many pods each node has.
        policy: the settings there are.
        refill_seconds: how long a refill takes at most.
    """
    most = max((burst(at, refill_seconds) for at in arrivals.values()), default=0)
    need = max(1, most)
    batch = min(MOST_BATCH, max(LEAST_BATCH, 1 << (need - 1).bit_length()))
    # Rounded up, so that the buffer in whole addresses is not smaller.
    fraction = math.ceil(need / batch * 100) / 100
    advised = replace(policy, batch=batch, buffer_fraction=fraction)
    return PoolAdvice(
        burst=most,
        batch=batch,
        buffer_fraction=fraction,
        held_now=sum(target(n, policy) for n in demand.values()),
        held_then=sum(target(n, advised) for n in demand.values()),
    )
