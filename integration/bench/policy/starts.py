"""Q2: what passes before a new pod's policy is in force, and what is lost after it.

From before its ADD a pod sends packets that its policy denies to a host outside, and
the host sends to the pod as soon as it has an address.  When its process could run, the
pod connects to a pod on another node that allows it: a first SYN that is lost is sent
again after a second, so a slow connection shows that.
"""

import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path

import msgspec
import trio

from fakeoci.fabric import netns
from integration.bench.noise import Meter
from integration.bench.policy import kube_router, populate, synthetic
from integration.bench.policy.denied import Denied, Ear
from integration.bench.policy.living import (
    NEW,
    OURS,
    SPACE,
    TARGET,
    THEIRS,
    Living,
    Sandbox,
    Side,
    listening,
    living,
)
from integration.bench.report import Report, row
from integration.bench.samples import Samples
from integration.bench.spawn import PluginError
from integration.build.cache import Cache
from integration.lab.apiserver import ApiServer
from integration.lab.lab import ONPREM
from integration.lab.traffic import SERVICE_PORT

AT_ONCE = 3
"""So many pods start at the same time."""
BOUND_SECONDS = 0.1
"""From the binding to ADD: a kubelet that has no volume to wait for."""
STARTED_SECONDS = 0.2
"""From ADD to a pod's first packet: a runtime still makes two processes.  On the kind
cluster the quickest of 183 pods took 0.36 s (docs/performance.md)."""
SYN_SECONDS = 0.9
"""A connection that takes longer has lost its first SYN."""
CONNECT_SECONDS = 5.0
WATCH_SECONDS = 1.0
"""Packets are counted from before ADD until so long after it."""
CHURN_SECONDS = 0.2


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of one pod's start."""

    add_seconds: float
    sent: int
    """Denied packets that were sent, both ways."""
    leaked: int
    """Those that arrived."""
    connect_seconds: float
    """Of the connection to the target; more than ``CONNECT_SECONDS``: none."""

    @property
    def lost(self) -> bool:
        """Return True if the first SYN was lost."""
        return self.connect_seconds > SYN_SECONDS


def start(stage: Living, side: Side, outside: Ear, number: int) -> Start | None:
    """Start a pod, watch it, and remove it; return None if its ADD failed."""
    name = f"{NEW}-{number}"
    sandbox = Sandbox(stage, side, name, NEW, 0)
    try:
        denied = Denied(name, outside, name.encode())
        with denied.sending():
            time.sleep(BOUND_SECONDS)
            try:
                took = sandbox.add()
            except PluginError:
                return None
            time.sleep(STARTED_SECONDS)
            # The kubelet writes the status a second later; the bench does not wait.
            telling = threading.Thread(target=sandbox.tell)
            telling.start()
            connected = _connect(name, stage.targets[side.name])
            telling.join()
            time.sleep(WATCH_SECONDS)
        found = Start(
            add_seconds=took,
            sent=denied.sent,
            leaked=denied.leaked,
            connect_seconds=connected,
        )
        denied.close()
        return found
    finally:
        sandbox.remove()


def _connect(space: str, address: str) -> float:
    """Return how long a new connection takes."""
    with netns.inside(space, socket.socket) as sock:
        sock.settimeout(CONNECT_SECONDS)
        began = time.monotonic()
        try:
            sock.connect((address, SERVICE_PORT))
        except OSError:
            return CONNECT_SECONDS * 2
        return time.monotonic() - began


@contextmanager
def churn(server: ApiServer) -> Iterator[None]:
    """Let other pods and policies come and go in the same namespace."""
    stop = threading.Event()
    chance = random.Random(1)  # noqa: S311 - no secret

    def work() -> None:
        with populate.connection(server) as call:
            for number in count():
                if stop.wait(CHURN_SECONDS * (0.5 + chance.random())):
                    return
                app = (NEW, TARGET, "other")[number % 3]
                for method, path, body in _others(number, app):
                    call(method, path, body)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _others(number: int, app: str) -> Iterator[tuple[str, str, synthetic.Body | None]]:
    pod = synthetic.Pod(
        namespace=SPACE,
        name=f"other-{number}",
        app=app,
        node="elsewhere",
        address=str(synthetic.FIRST_FAR + number),
    )
    yield from populate.started(pod)
    policy = {
        "metadata": {"name": f"other-{number}", "namespace": SPACE},
        "spec": {
            "podSelector": {"matchLabels": {"app": app}},
            "ingress": [{"from": [{"podSelector": {"matchLabels": {"x": "y"}}}]}],
        },
    }
    path = populate.policy_path(policy)
    yield "POST", path, policy
    yield "DELETE", f"{path}/other-{number}", None
    yield from populate.deleted(pod)


def measure(
    directory: Path, cache: Cache, each: int, progress: Callable[[str], None]
) -> Report:
    """Return what was seen of many starts on each side."""
    missing: dict[str, str] = {}
    router = kube_router.found(cache, missing)
    return trio.run(_measure, directory, cache, each, router, missing, progress)


async def _measure(
    directory: Path,
    cache: Cache,
    each: int,
    router: Path | None,
    missing: dict[str, str],
    progress: Callable[[str], None],
) -> Report:
    meter = Meter()
    found: dict[str, list[Start | None]] = {}
    async with living(cache, directory, router) as stage:
        outside = Ear(ONPREM)
        with churn(stage.server):
            for side in stage.sides.values():
                progress(f"Q2: a target for {side.name}")
                await trio.to_thread.run_sync(_add_target, stage, side)
            numbers = count()
            with (
                listening(f"{TARGET}-{OURS}"),
                _listening_if(THEIRS in stage.sides, f"{TARGET}-{THEIRS}"),
            ):
                for block in range(-(-each // AT_ONCE)):
                    meter.tick()
                    if block % 10 == 0:
                        progress(f"Q2: {block * AT_ONCE} of {each} starts a side")
                    for side in stage.sides.values():
                        some = [next(numbers) for _ in range(AT_ONCE)]
                        got = await _together(stage, side, outside, some)
                        found.setdefault(side.name, []).extend(got)
        outside.close()
    return report_of(found, meter, missing)


@contextmanager
def _listening_if(there: bool, space: str) -> Iterator[None]:  # noqa: FBT001
    if not there:
        yield
        return
    with listening(space):
        yield


def _add_target(stage: Living, side: Side) -> None:
    sandbox = Sandbox(stage, side, f"{TARGET}-{side.name}", TARGET, 1)
    sandbox.add()
    sandbox.tell()
    stage.targets[side.name] = sandbox.address
    time.sleep(5)  # both engines know it then


async def _together(
    stage: Living, side: Side, outside: Ear, numbers: list[int]
) -> list[Start | None]:
    got: list[Start | None] = []

    async def one(number: int) -> None:
        call = partial(start, stage, side, outside, number)
        got.append(await trio.to_thread.run_sync(call))

    async with trio.open_nursery() as starting:
        for number in numbers:
            starting.start_soon(one, number)
    return got


def report_of(
    found: dict[str, list[Start | None]], meter: Meter, missing: dict[str, str]
) -> Report:
    """Return rows and values of the starts."""
    leaked, connect, lost, add = Samples(), Samples(), Samples(), Samples()
    for side, starts in found.items():
        good = [one for one in starts if one is not None]
        leaked.add(side, [one.leaked for one in good])
        # A pod whose ADD failed cannot even send one.
        lost.add(side, [sum(one is None or one.lost for one in starts)])
        add.add(side, [one.add_seconds for one in good])
        # Of one that is rejected it cannot be said how long it takes.
        made = [s for one in good if (s := one.connect_seconds) < CONNECT_SECONDS]
        if made:
            connect.add(side, made)
    totals = {
        "leaked_packets": {side: sum(leaked.all(side)) for side in found},
        "lost_first_syns": {side: sum(lost.all(side)) for side in found},
    }
    values = {f"q2_{name}": total[OURS] for name, total in totals.items()}
    for name, total in totals.items():
        if THEIRS in total:
            theirs = total[THEIRS]
            ratio = total[OURS] / theirs if theirs else 1.0
            values[f"q8_{name}_of_kube_router"] = round(ratio, 4)
    for side, starts in found.items():
        failed = sum(one is None for one in starts)
        if failed:
            missing[f"{side}: ADDs that failed"] = str(failed)
    return Report(
        bench="policy",
        rows=[
            row(
                "a new pod's packets that its policy denies, and that passed",
                "",
                leaked,
            ),
            row(f"allowed first SYNs lost, of {len(found[OURS])}", "", lost),
            row(
                "first connection of a new pod to another node",
                "ms",
                connect,
                scale=1e3,
            ),
            row("ADD of such a pod", "ms", add, scale=1e3),
        ],
        values=values,
        noise=meter.noise(),
        missing=missing,
    )
