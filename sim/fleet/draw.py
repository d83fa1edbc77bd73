"""Schedules made of a seed: which faults a run has, how many, and when."""

from collections.abc import Callable, Iterator
from random import Random

from sim.fleet import events as e

QUIET_SECONDS = 60.0
"""At the start nothing but pods happens, so that nodes have addresses."""
OPERATIONS = (
    "*",
    "ListVnicAttachments",
    "GetVnicAttachment",
    "GetVnic",
    "AttachVnic",
    "DetachVnic",
    "ListPrivateIps",
    "GetPrivateIp",
    "CreatePrivateIp",
    "BulkCreatePrivateIps",
    "DeletePrivateIp",
    "BulkDeletePrivateIps",
    "GetWorkRequest",
    "IMDS",
)
REFUSALS = (
    (500, "InternalServerError"),
    (503, "ServiceUnavailable"),
    (429, "TooManyRequests"),
    (409, "IncorrectState"),
    (404, "NotAuthorizedOrNotFound"),
    (400, "LimitExceeded"),
    (401, "NotAuthenticated"),
)
KINDS = ("before", "before", "after", "after", "cut", "slow", "hang", "reset")

Maker = Callable[["_Draw", float], e.Event]


class _Draw:
    """The chance of one schedule."""

    def __init__(self, seed: int, nodes: int, seconds: float) -> None:
        self.random = Random(f"schedule/{seed}")
        self.nodes = nodes
        self.seconds = seconds
        self.spare = 0

    def node(self) -> int:
        return self.random.randrange(self.nodes)

    def pick(self) -> int:
        return self.random.randrange(1000)

    def span(self, least: float, most: float) -> float:
        return round(self.random.uniform(least, most), 3)

    def whose(self) -> int:
        return self.random.choice((-1, self.node()))

    def call_fault(self, at: float) -> e.Event:
        status, code = self.random.choice(REFUSALS)
        return e.CallFault(
            at=at,
            operation=self.random.choice(OPERATIONS),
            kind=self.random.choice(KINDS),
            status=status,
            code=code,
            seconds=self.span(1, 70),
            times=self.random.choice((1, 1, 2, 5, 20)),
        )


FAULTS: dict[str, tuple[float, Maker]] = {
    # how many an hour and node, and how one is made
    "kill": (
        1.0,
        lambda d, at: e.Kill(
            at=at, node=d.node(), steps=d.random.choice((0, 1, 2, 3, 5, 9, 20))
        ),
    ),
    "restart": (0.5, lambda d, at: e.Restart(at=at, node=d.node())),
    "reboot": (
        0.3,
        lambda d, at: e.Reboot(at=at, node=d.node(), seconds=d.span(5, 120)),
    ),
    "calls": (3.0, lambda d, at: d.call_fault(at)),
    "outage": (
        0.2,
        lambda d, at: e.Outage(
            at=at,
            what=d.random.choice(("oci", "imds", "kubernetes")),
            node=d.whose(),
            seconds=d.span(10, 900),
        ),
    ),
    "slow": (
        0.1,
        lambda d, at: e.SlowCloud(
            at=at, median=d.span(0.5, 8), seconds=d.span(30, 600)
        ),
    ),
    "throttle": (
        0.1,
        lambda d, at: e.Throttle(
            at=at, per_second=d.span(0.5, 5), seconds=d.span(30, 600)
        ),
    ),
    "late": (
        0.1,
        lambda d, at: e.LateLists(at=at, late=d.span(1, 30), seconds=d.span(60, 600)),
    ),
    "full": (0.1, lambda d, at: e.FillSubnet(at=at, seconds=d.span(60, 600))),
    "sandboxes": (1.0, lambda d, at: e.EndSandbox(at=at, node=d.node(), pick=d.pick())),
    "repeat": (
        4.0,
        lambda d, at: e.RepeatCall(
            at=at, node=d.node(), seconds=d.random.choice((0.0, 0.001, 0.1, 1.0, 20.0))
        ),
    ),
    "hang up": (
        2.0,
        lambda d, at: e.HangUp(
            at=at, node=d.node(), seconds=d.random.choice((0.0, 0.001, 0.005, 0.1, 2.0))
        ),
    ),
    "check": (1.0, lambda d, at: e.CheckPods(at=at, node=d.node())),
    "detach": (0.1, lambda d, at: e.DetachVnic(at=at, node=d.node(), pick=d.pick())),
    "delete": (0.3, lambda d, at: e.DeleteAddress(at=at, node=d.node(), pick=d.pick())),
    "move": (
        0.2,
        lambda d, at: e.MoveAddress(at=at, node=d.node(), pick=d.pick(), to=d.node()),
    ),
    "tags": (0.2, lambda d, at: e.RemoveTags(at=at, node=d.node(), pick=d.pick())),
    "disk": (
        0.5,
        lambda d, at: e.DiskFault(
            at=at,
            node=d.node(),
            what=d.random.choice(("full", "write", "sync", "rename", "read-only")),
            seconds=d.span(0.1, 120),
        ),
    ),
    "slow disk": (
        0.3,
        lambda d, at: e.SlowDisk(
            at=at, node=d.node(), sync_seconds=d.span(0.05, 2), seconds=d.span(10, 300)
        ),
    ),
    "clock": (
        0.1,
        lambda d, at: e.ClockJump(
            at=at,
            node=d.node(),
            by=d.random.choice((-4000, -200, 200, 400, 90000)),
            seconds=d.span(10, 600),
        ),
    ),
    "second": (
        0.2,
        lambda d, at: e.SecondDaemon(at=at, node=d.node(), seconds=d.span(1, 1800)),
    ),
    "drain": (
        0.1,
        lambda d, at: e.Drain(at=at, node=d.node(), seconds=d.span(60, 900)),
    ),
    "lose": (0.05, lambda d, at: e.Lose(at=at, node=d.node())),
}


def schedule(
    seed: int, *, nodes: int, seconds: float, pods_per_hour: float = 30.0
) -> e.Schedule:
    """Return the schedule of a seed.

    Each seed has some kinds of faults only: with all of them at once, rare meetings of
    two would be hidden behind the others.

    Args:
        seed: all chance comes from it.
        nodes: how many nodes the fleet begins with.
        seconds: how long events happen.
        pods_per_hour: how many pods a node gets.
    """
    draw = _Draw(seed, nodes, seconds)
    random = draw.random
    traits = _traits(random, nodes)
    draw.spare = traits.spare
    kinds = [k for k in FAULTS if random.random() < 0.35]
    events = [*_pods(draw, pods_per_hour)]
    for kind in kinds:
        rate, make = FAULTS[kind]
        expected = rate * random.choice((0.5, 1.0, 3.0)) * nodes * seconds / 3600
        for _ in range(_rounded(random, expected)):
            at = round(random.uniform(QUIET_SECONDS, seconds), 3)
            events.append(make(draw, at))
    events += [
        e.Join(at=draw.span(0, seconds), node=nodes + n) for n in range(traits.spare)
    ]
    return e.Schedule(
        seed=seed,
        nodes=nodes,
        seconds=seconds,
        traits=traits,
        events=tuple(sorted(events, key=lambda one: one.at)),
    )


def _rounded(random: Random, number: float) -> int:
    whole = int(number)
    return whole + (random.random() < number - whole)


def _traits(random: Random, nodes: int) -> e.Traits:
    return e.Traits(
        others=random.choice((0, 0, nodes // 3)),
        spare=random.choice((0, 0, 1)),
        batch=random.choice((4, 8, 8, 16)),
        cooling_seconds=random.choice((10.0, 30.0, 30.0, 60.0)),
        blocks=random.random() < 0.6,
        has_bulk=random.random() < 0.8,
        bulk_is_atomic=random.random() < 0.6,
        private_ips_per_vnic=random.choice((8, 16, 64, 64)),
        ocpus=random.choice((2.0, 4.0, 8.0)),
        imds_seconds=random.choice((0.0, 0.0, 5.0)),
        consistency_seconds=random.choice((0.0, 0.0, 0.0, 10.0)),
        latency_seconds=random.choice((0.02, 0.05, 0.3)),
        latency_sigma=random.choice((0.0, 0.3, 1.0)),
    )


def _pods(draw: _Draw, per_hour: float) -> Iterator[e.Event]:
    random, number = draw.random, 0
    for node in range(draw.nodes):
        for _ in range(_rounded(random, per_hour * draw.seconds / 3600)):
            number += 1
            burst = random.random() < 0.3
            at = random.choice((0.0, 100.0, 1000.0)) if burst else 0.0
            yield e.StartPod(
                at=round(min(draw.seconds, at + random.uniform(0, 5)), 3)
                if burst
                else draw.span(0, draw.seconds),
                node=node,
                pod=number,
                seconds=round(random.expovariate(1 / 600) + 1, 3),
                kubelet_seconds=draw.span(0.05, 3),
            )
