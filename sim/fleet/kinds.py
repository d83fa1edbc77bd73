"""The kinds of faults: how often each is, and how one is drawn."""

from collections.abc import Callable

from sim.fleet import events as e
from sim.fleet.chance import Chance
from sim.kubernetes.watching import Cut

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

Maker = Callable[[Chance, float], e.Event]


def _call_fault(d: Chance, at: float) -> e.Event:
    status, code = d.random.choice(REFUSALS)
    return e.CallFault(
        at=at,
        operation=d.random.choice(OPERATIONS),
        kind=d.random.choice(KINDS),
        status=status,
        code=code,
        seconds=d.span(1, 70),
        times=d.random.choice((1, 1, 2, 5, 20)),
    )


def _api_fault(d: Chance, at: float) -> e.Event:
    what = d.random.choice([*e.ApiTrouble])
    most = 30.0 if what is e.ApiTrouble.LAG else 1.0
    amount = d.random.choice((0.1, 0.3, 1.0)) * most
    return e.ApiFault(at=at, what=what, amount=amount, seconds=d.span(5, 300))


OF_ALL = frozenset(
    ("calls", "slow", "throttle", "late", "full", "api server", "compact")
)
"""Faults of what all nodes share (``chance.FEW``)."""
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
    "calls": (3.0, _call_fault),
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
    "foreign": (0.5, lambda d, at: e.Plant(at=at, node=d.node())),
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
    "watches": (
        1.0,
        lambda d, at: e.CutWatches(
            at=at,
            node=d.whose(),
            how=d.random.choice([*Cut]),
            share=d.random.choice((0.3, 1.0)),
        ),
    ),
    "api server": (1.0, _api_fault),
    "compact": (0.2, lambda d, at: e.Compact(at=at)),
    "meddle": (
        0.5,
        lambda d, at: e.Meddle(
            at=at, node=d.node(), what=d.random.choice([*e.Meddling])
        ),
    ),
    "rename": (
        0.1,
        lambda d, at: e.Rename(at=at, node=d.node(), seconds=d.span(5, 120)),
    ),
    "lose": (0.05, lambda d, at: e.Lose(at=at, node=d.node())),
}
