"""What the benches aim at: one row for each figure, all values in this file.

Ratios are ours / theirs of one interleaved run.
"""

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Bound(StrEnum):
    """How a value must stand to the aim."""

    AT_MOST = "<="
    BELOW = "<"
    AT_LEAST = ">="


HOLDS = {
    Bound.AT_MOST: operator.le,
    Bound.BELOW: operator.lt,
    Bound.AT_LEAST: operator.ge,
}


@dataclass(frozen=True, slots=True)
class Aim:
    """A figure's name, and how its value must stand to the one that we aim at."""

    name: str
    bound: Bound
    aim: float
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """An aim beside the measured value; ``value`` is None if nothing measured it."""

    name: str
    aim: float
    bound: Bound
    value: float | None
    met: bool
    what: str


def _cloud(addresses: int, way: str, what: str, theirs: str, aim: float) -> Aim:
    name = f"cold_{addresses}_{way}_{what}_of_{theirs}"
    words = f"cold node to {addresses}: {what}, {way} / {theirs}".replace("_", " ")
    return Aim(name, MOST, aim, words)


MOST, BELOW, LEAST = Bound.AT_MOST, Bound.BELOW, Bound.AT_LEAST
AIMS = {
    "datapath": (
        Aim("rr_of_flannel", MOST, 0.56, "request/response, ours / Flannel VXLAN"),
        Aim("rr_of_host", MOST, 0.95, "request/response, ours / host to host"),
        Aim("udp_of_host", MOST, 0.95, "UDP one way, ours / host to host"),
        Aim("connect_of_flannel", MOST, 0.70, "new connection, ours / Flannel VXLAN"),
        Aim("connect_of_host", MOST, 1.10, "new connection, ours / host to host"),
        Aim("burst_of_host", MOST, 1.0, "60 KB burst, ours / host to host"),
        Aim(
            "ordinary_rr_of_flannel",
            MOST,
            0.72,
            "request/response with the lane off, ours / Flannel VXLAN",
        ),
        Aim(
            "rr_250_pods_of_1_pod",
            MOST,
            1.03,
            "request/response at 250 pods a node / at 1",
        ),
    ),
    "add": (
        Aim("add_p50_ratio", MOST, 0.15, "ADD, median, ours / ptp + host-local"),
        Aim("add_p99_ratio", MOST, 0.25, "ADD, p99, ours / ptp + host-local"),
        Aim(
            "add_rate_x32_ratio",
            LEAST,
            6.0,
            "ADDs a second with 32 callers, ours / ptp + host-local",
        ),
        Aim("del_p50_ratio", MOST, 0.06, "DEL, median, ours / ptp + host-local"),
        Aim("add_p50_250_pods_of_0", MOST, 1.2, "ADD, median, at 250 pods / at 0"),
    ),
    "memory": (
        Aim("rss_110_leases_mib", MOST, 50.0, "resident memory with 110 leases, MiB"),
        Aim(
            "rss_change_after_20000_calls_mib",
            MOST,
            1.0,
            "change of resident memory, up or down, by 20,000 ADD and DEL, MiB",
        ),
    ),
    "start": (
        Aim(
            "start_110_leases_seconds",
            BELOW,
            0.5,
            "exec to READY=1 with 110 leases, seconds",
        ),
    ),
    "kind": (
        Aim(
            "kind_latency_p50_of_flannel",
            MOST,
            0.75,
            "kind: pod to pod latency, median, ours / Flannel on the same nodes",
        ),
    ),
    "cloud": (
        _cloud(110, "ours_blocks", "calls", "classic", 0.1),
        _cloud(110, "ours_blocks", "seconds", "classic", 0.3),
        _cloud(110, "ours_singles", "calls", "classic", 0.25),
        _cloud(110, "ours_singles", "seconds", "classic", 0.6),
        _cloud(31, "ours_blocks", "calls", "classic", 0.15),
        *(
            _cloud(addresses, "ours_blocks", what, "block_mode", 1.0)
            for addresses in (31, 110, 250)
            for what in ("calls", "seconds")
        ),
    ),
}
"""Bench → what it aims at."""
NAMES = frozenset(aim.name for aims in AIMS.values() for aim in aims)


def judged(values: Mapping[str, float], *benches: str) -> list[Judged]:
    """Return the aims of some benches beside the values.

    Args:
        values: aim's name → measured value; an aim without a value is not met.
        benches: whose aims.

    Raises:
        ValueError: a value's name is no aim's name.
    """
    if unknown := values.keys() - NAMES:
        raise ValueError(f"no aims have these names: {sorted(unknown)}")
    return [_judge(a, values.get(a.name)) for bench in benches for a in AIMS[bench]]


def _judge(aim: Aim, value: float | None) -> Judged:
    met = value is not None and HOLDS[aim.bound](value, aim.aim)
    return Judged(
        name=aim.name,
        aim=aim.aim,
        bound=aim.bound,
        value=value,
        met=met,
        what=aim.what,
    )
