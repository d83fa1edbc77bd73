"""Schedules made of a seed: which faults a run has, how many, and when."""

from collections.abc import Callable, Iterator
from random import Random

from sim.fleet import events as e

PART_OF_KINDS = 0.35
"""How many of the kinds of faults a seed has."""
NEAR_SECONDS = 2.0
"""How near to a pod's start or end most faults are."""
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
        self.busy: list[tuple[float, int]] = []
        """When sandboxes are made and ended, and on which node."""
        self._here = -1
        """The node of the moment that was drawn last."""
        self.quiet = 0.0
        """At the start nothing but pods happens for so long."""

    def moment(self) -> float:
        """Return a time of a fault: mostly while a sandbox is made or ended."""
        at, self._here = self.random.uniform(0, self.seconds), -1
        if self.busy and self.random.random() < 0.6:
            near = self.random.choice((0.1, NEAR_SECONDS))
            at, self._here = self.random.choice(self.busy)
            at += self.random.uniform(-near, near)
        return round(min(max(at, self.quiet), self.seconds), 3)

    def node(self) -> int:
        return self.any_node() if self._here < 0 else self._here

    def any_node(self) -> int:
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
    "journal": (
        0.2,
        lambda d, at: e.DamageJournal(
            at=at,
            node=d.node(),
            how=d.random.choice(("gone", "flip")),
            pick=d.random.randrange(100_000),
        ),
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
    "sandboxes": (4.0, lambda d, at: e.EndSandbox(at=at, node=d.node(), pick=d.pick())),
    "repeat": (
        4.0,
        lambda d, at: e.RepeatCall(
            at=at,
            node=d.node(),
            command=d.random.choice(("ADD", "DEL")),
            seconds=d.random.choice((0.0, 0.001, 0.1, 1.0, 5.0, 20.0)),
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
        lambda d, at: e.MoveAddress(
            at=at, node=d.node(), pick=d.pick(), to=d.any_node()
        ),
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
        pods_per_hour: how many pods a node gets, roughly.
    """
    draw = _Draw(seed, nodes, seconds)
    random = draw.random
    traits = _traits(random, nodes)
    pods = [*_pods(draw, pods_per_hour * random.choice((0.5, 1.0, 1.0, 4.0)))]
    draw.busy = [(p.at + p.kubelet_seconds, p.node) for p in pods]
    draw.busy += [(p.at + p.seconds, p.node) for p in pods]
    draw.quiet = random.choice((0.0, 60.0))
    kinds = {kind for kind in FAULTS if random.random() < PART_OF_KINDS}
    if "tags" in kinds:
        kinds -= {"journal"}  # without both nobody can know whose a VNIC is
    faults = [event for k in FAULTS if k in kinds for event in _of_kind(draw, k)]
    joins = [
        e.Join(at=draw.span(0, seconds), node=nodes + n) for n in range(traits.spare)
    ]
    events: list[e.Event] = [*pods, *faults, *joins]
    return e.Schedule(
        seed=seed,
        nodes=nodes,
        seconds=seconds,
        traits=traits,
        events=tuple(sorted(events, key=lambda one: one.at)),
    )


def _of_kind(draw: _Draw, kind: str) -> list[e.Event]:
    """Return the faults of a kind."""
    random = draw.random
    rate, make = FAULTS[kind]
    expected = rate * random.choice((0.5, 1.0, 3.0)) * draw.nodes * draw.seconds / 3600
    count = _rounded(random, expected) + random.choice((0, 1, 2))
    return [make(draw, draw.moment()) for _ in range(count)]


def _rounded(random: Random, number: float) -> int:
    whole = int(number)
    return whole + (random.random() < number - whole)


def _traits(random: Random, nodes: int) -> e.Traits:
    return e.Traits(
        others=random.choice((0, 0, nodes // 3)),
        spare=random.choice((0, 0, 1)),
        batch=random.choice((2, 4, 8, 16)),
        cooling_seconds=random.choice((10.0, 30.0, 30.0, 60.0)),
        blocks=random.random() < 0.6,
        has_bulk=random.random() < 0.8,
        bulk_is_atomic=random.random() < 0.6,
        private_ips_per_vnic=random.choice((4, 8, 16, 64)),
        ocpus=random.choice((4.0, 8.0)),
        imds_seconds=random.choice((0.0, 0.0, 5.0)),
        consistency_seconds=random.choice((0.0, 0.0, 0.0, 10.0)),
        latency_seconds=random.choice((0.02, 0.05, 0.3)),
        latency_sigma=random.choice((0.0, 0.3, 1.0)),
    )


def _pods(draw: _Draw, per_hour: float) -> Iterator[e.StartPod]:
    """Yield pods: some come alone, some together at the start or later."""
    random, number = draw.random, 0
    life = random.choice((60.0, 300.0, 1200.0))
    together = [0.0, draw.span(0, draw.seconds), draw.span(0, draw.seconds)]
    for node in range(draw.nodes):
        for _ in range(_rounded(random, per_hour * draw.seconds / 3600)):
            number += 1
            at = draw.span(0, draw.seconds)
            if random.random() < 0.4:
                at = min(draw.seconds, random.choice(together) + draw.span(0, 5))
            yield e.StartPod(
                at=round(at, 3),
                node=node,
                pod=number,
                seconds=round(random.expovariate(1 / life) + 1, 3),
                kubelet_seconds=draw.span(0.05, 3),
            )
