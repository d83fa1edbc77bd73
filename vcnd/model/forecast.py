"""How long subnets last, as ``vcndctl forecast --json`` prints it.

The names in JSON are an interface: fields are added, and none is renamed or removed.
"""

import msgspec


class SubnetForecast(msgspec.Struct, frozen=True, kw_only=True):
    """One pod subnet; IPv4 alone."""

    cidr: str
    size: int
    """Addresses that OCI gives out in all."""
    held: int
    """Those that nodes hold, with those of their VNICs."""
    pods: int
    """Pods that have one."""
    per_day: float
    """By how many more a day at most, as in the days before."""
    days: float | None
    """Days until it is full at that pace, at the earliest; None: it does not grow."""


class PoolAdvice(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of ``[pool]`` for the demand that was seen."""

    burst: int
    """The most pods that came to one node while a refill takes its time."""
    batch: int
    buffer_fraction: float
    held_now: int
    """Addresses that all nodes ought to hold by the settings there are."""
    held_then: int
    """By the advised ones."""


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """A forecast."""

    nodes: int
    days_seen: float
    """How many days the growth was taken from."""
    subnets: tuple[SubnetForecast, ...]
    advice: PoolAdvice
