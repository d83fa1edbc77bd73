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


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """A figure's name, the bench that measures it, and the value that we aim at."""

    name: str
    bench: str
    aim: float
    bound: Bound = Bound.AT_MOST
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


def _datapath(name: str, aim: float, what: str) -> Aim:
    return Aim(name=name, bench="datapath", aim=aim, what=what)


def _cloud(addresses: int, way: str, what: str, theirs: str, aim: float) -> Aim:
    return Aim(
        name=f"cold_{addresses}_{way}_{what}_of_{theirs}",
        bench="cloud",
        aim=aim,
        what=f"cold node to {addresses}: {what}, {way} / {theirs}".replace("_", " "),
    )


AIMS = (
    _datapath("rr_of_flannel", 0.56, "request/response, ours / Flannel VXLAN"),
    _datapath("rr_of_host", 0.95, "request/response, ours / host to host"),
    _datapath("udp_of_host", 0.95, "UDP one way, ours / host to host"),
    _datapath("connect_of_flannel", 0.70, "new connection, ours / Flannel VXLAN"),
    _datapath("connect_of_host", 1.10, "new connection, ours / host to host"),
    _datapath("burst_of_host", 1.0, "60 KB burst, ours / host to host"),
    _datapath(
        "ordinary_rr_of_flannel",
        0.72,
        "request/response with the lane off, ours / Flannel VXLAN",
    ),
    _datapath(
        "rr_250_pods_of_1_pod",
        1.03,
        "request/response at 250 pods a node / at 1",
    ),
    Aim(
        name="add_p50_ratio",
        bench="add",
        aim=0.15,
        what="ADD, median, ours / ptp + host-local",
    ),
    Aim(
        name="add_p99_ratio",
        bench="add",
        aim=0.25,
        what="ADD, p99, ours / ptp + host-local",
    ),
    Aim(
        name="add_rate_x32_ratio",
        bench="add",
        aim=6.0,
        bound=Bound.AT_LEAST,
        what="ADDs a second with 32 callers, ours / ptp + host-local",
    ),
    Aim(
        name="del_p50_ratio",
        bench="add",
        aim=0.06,
        what="DEL, median, ours / ptp + host-local",
    ),
    Aim(
        name="add_p50_250_pods_of_0",
        bench="add",
        aim=1.2,
        what="ADD, median, at 250 pods / at 0",
    ),
    Aim(
        name="rss_110_leases_mib",
        bench="memory",
        aim=50.0,
        what="resident memory with 110 leases, MiB",
    ),
    Aim(
        name="rss_change_after_20000_calls_mib",
        bench="memory",
        aim=1.0,
        what="change of resident memory, up or down, by 20,000 ADD and DEL, MiB",
    ),
    Aim(
        name="start_110_leases_seconds",
        bench="start",
        aim=0.5,
        bound=Bound.BELOW,
        what="exec to READY=1 with 110 leases, seconds",
    ),
    Aim(
        name="kind_latency_p50_of_flannel",
        bench="kind",
        aim=0.75,
        what="kind: pod to pod latency, median, ours / Flannel on the same nodes",
    ),
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
)
NAMES = frozenset(aim.name for aim in AIMS)


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
    return [_judge(a, values.get(a.name)) for a in AIMS if a.bench in benches]


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
