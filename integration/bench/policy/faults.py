"""Q6: vcnd-policy is killed, restarted, and without its API server.

Meanwhile packets that a policy denies are sent to a pod, a connection that policies
allow goes on between two nodes, and pods start.  Half an hour is not waited for: the
process has no timer that ends rules, and tests in virtual time cover the half hour.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import msgspec
import trio

from fakeoci.fabric import netns
from integration.bench.noise import Meter
from integration.bench.policy.daemon import PolicyDaemon
from integration.bench.policy.denied import UDP, Ear
from integration.bench.policy.living import (
    NEW,
    OURS,
    TARGET,
    Living,
    Sandbox,
    listening,
    living,
)
from integration.bench.report import Report, row
from integration.bench.samples import Samples
from integration.bench.spawn import PluginError
from integration.build.cache import Cache
from integration.lab.lab import ONPREM
from integration.lab.traffic import SERVICE_PORT

AWAY_SECONDS = {"killed": 5.0, "restarted": 1.0, "API server away": 60.0}
"""Fault → how long it lasts; the last one holds a kill and a restart too."""
PODS_EACH = 5
PAUSE_SECONDS = 0.005
ANSWER_SECONDS = 3.0
"""A connection counts as cut if it gets no answer for so long."""
AFTER_SECONDS = 5.0
"""After a fault the process is in force again in less."""


class Seen(msgspec.Struct):
    """What was seen during one fault."""

    denied_sent: int = 0
    denied_arrived: int = 0
    answers: int = 0
    cuts: int = 0
    adds: int = 0
    failed_adds: int = 0


class Watch:
    """Sends denied packets, and uses an allowed connection."""

    def __init__(self, pod: Sandbox, target: str) -> None:
        self._pod, self._target = pod, target
        self._ear = Ear(pod.name)
        self._out = netns.inside(ONPREM, lambda: socket.socket(type=UDP))

    @contextmanager
    def watching(self, seen: Seen, token: bytes) -> Iterator[None]:
        """Watch while the body runs."""
        stop = threading.Event()
        threads = [
            threading.Thread(target=self._send, args=(seen, token, stop)),
            threading.Thread(target=self._talk, args=(seen, stop)),
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join()
            seen.denied_arrived = self._ear.heard(token)

    def _send(self, seen: Seen, token: bytes, stop: threading.Event) -> None:
        while not stop.wait(PAUSE_SECONDS):
            with suppress(OSError):
                self._out.sendto(token, (self._pod.address, SERVICE_PORT))
                seen.denied_sent += 1

    def _talk(self, seen: Seen, stop: threading.Event) -> None:
        with netns.inside(self._pod.name, socket.socket) as sock:
            sock.settimeout(ANSWER_SECONDS)
            sock.connect((self._target, SERVICE_PORT))
            while not stop.wait(PAUSE_SECONDS):
                try:
                    sock.sendall(b"?")
                    seen.answers += bool(sock.recv(1))
                except OSError:
                    seen.cuts += 1
                    return

    def close(self) -> None:
        """Close the sockets."""
        self._ear.close()
        self._out.close()


def measure(directory: Path, cache: Cache, progress: Callable[[str], None]) -> Report:
    """Return what was seen during each fault."""
    return trio.run(_measure, directory, cache, progress)


async def _measure(
    directory: Path, cache: Cache, progress: Callable[[str], None]
) -> Report:
    meter = Meter()
    async with living(cache, directory, None) as stage:
        found = await trio.to_thread.run_sync(_run, stage, meter, progress)
    return _report(found, meter)


def _run(
    stage: Living, meter: Meter, progress: Callable[[str], None]
) -> dict[str, Seen]:
    side = stage.sides[OURS]
    daemons = [x for x in side.engines if isinstance(x, PolicyDaemon)]
    target = Sandbox(stage, side, TARGET, TARGET, 1)
    pod = Sandbox(stage, side, NEW, NEW, 0)
    for one in (target, pod):
        one.add()
        one.tell()
    time.sleep(AFTER_SECONDS)
    faults: dict[str, Callable[[float, Callable[[], None]], None]] = {
        "killed": partial(_killed, daemons),
        "restarted": partial(_restarted, daemons),
        "API server away": partial(_away, stage, daemons),
    }
    found: dict[str, Seen] = {}
    watch = Watch(pod, target.address)
    with listening(TARGET):
        for name, fault in faults.items():
            meter.tick()
            progress(f"Q6: {name}, {AWAY_SECONDS[name]:.0f} s")
            seen = found[name] = Seen()
            ready = [
                Sandbox(stage, side, f"{name[:3].lower()}-{n}", NEW, 0)
                for n in range(PODS_EACH)
            ]
            with watch.watching(seen, name.encode()):
                fault(AWAY_SECONDS[name], partial(_add, ready, seen))
                time.sleep(AFTER_SECONDS)
            for one in ready:
                one.remove()
    watch.close()
    return found


def _add(ready: list[Sandbox], seen: Seen) -> None:
    for one in ready:
        seen.adds += 1
        try:
            one.add()
        except PluginError:
            seen.failed_adds += 1


def _killed(
    daemons: list[PolicyDaemon], seconds: float, starts: Callable[[], None]
) -> None:
    for daemon in daemons:
        daemon.kill()
    starts()
    time.sleep(seconds)
    for daemon in daemons:
        daemon.start()


def _restarted(
    daemons: list[PolicyDaemon], seconds: float, starts: Callable[[], None]
) -> None:
    """Do what an upgrade does: the process ends, and another one starts."""
    for daemon in daemons:
        daemon.stop()
    time.sleep(seconds)
    for daemon in daemons:
        daemon.start()
    starts()


def _away(
    stage: Living,
    daemons: list[PolicyDaemon],
    seconds: float,
    starts: Callable[[], None],
) -> None:
    stage.server.stop()
    try:
        time.sleep(seconds / 2)
        starts()
        for daemon in daemons:
            daemon.kill()
            daemon.start(wait=False)
        time.sleep(seconds / 2)
    finally:
        stage.server.start()


def _report(found: dict[str, Seen], meter: Meter) -> Report:
    sent, answers = Samples(), Samples()
    for name, seen in found.items():
        sent.add(name, [seen.denied_sent])
        answers.add(name, [seen.answers])
    every = found.values()
    return Report(
        bench="policy",
        rows=[
            row("denied packets that were sent during a fault", "", sent),
            row("answers of an allowed connection during a fault", "", answers),
        ],
        values={
            "q6_rules_lost": sum(seen.denied_arrived for seen in every),
            "q6_failed_adds": sum(seen.failed_adds for seen in every),
            "q6_flows_cut": sum(seen.cuts for seen in every),
        },
        noise=meter.noise(),
    )
