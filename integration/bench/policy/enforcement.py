"""Q3: how long after a policy is written all nodes enforce it."""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import msgspec

from integration.bench.policy import populate
from integration.bench.policy.probes import Probes
from integration.bench.policy.synthetic import MEASURED, Body
from integration.lab.apiserver import ApiServer

NAME = "measured"
PATH = f"{populate.POLICIES.format(MEASURED)}"
PAUSE_SECONDS = 0.3
"""Between two writes, with as much again by chance: no write meets a fixed moment."""
DENY: Body = {"podSelector": {}, "policyTypes": ["Ingress"]}
TIER: Body = {"namespaceSelector": {"matchLabels": {"tier": "t1"}}}
SOME: Body = {"podSelector": {}, "ingress": [{"from": [TIER]}]}
"""Lets a fifth of the cluster's pods in; the outside host is no pod."""


class Writer:
    """Writes and withdraws policies of the measured namespace."""

    def __init__(self, call: populate.Call) -> None:
        self._call = call

    def write(self, spec: Body, name: str = NAME) -> None:
        """Create a policy."""
        body = {"metadata": {"name": name, "namespace": MEASURED}, "spec": spec}
        self._call("POST", PATH, body)

    def withdraw(self, name: str = NAME) -> None:
        """Delete a policy."""
        self._call("DELETE", f"{PATH}/{name}", None)


@contextmanager
def writer(server: ApiServer) -> Iterator[Writer]:
    """Yield what writes policies of the measured namespace, by one connection."""
    with populate.connection(server) as call:
        yield Writer(call)


class Timed(msgspec.Struct):
    """Seconds until a change was in force on the slowest node."""

    written: list[float] = msgspec.field(default_factory=list)
    withdrawn: list[float] = msgspec.field(default_factory=list)


def rounds(
    writer: Writer, probes: Probes, count: int, seconds: float, timed: Timed
) -> None:
    """Write and withdraw a policy, and note how long each takes.

    Args:
        writer: writes it.
        probes: of pods on all nodes, which are open.
        count: how often it is written, and as often withdrawn.
        seconds: the longest time to wait.
        timed: gets the times.

    Raises:
        TimeoutError: a change is not in force in time; it is noted as if it then were.
    """
    chance = random.Random(1)  # noqa: S311 - no secret
    for number in range(count):
        spec = (DENY, SOME)[number % 2]
        for into, until, change in (
            (timed.written, probes.until_closed, partial(writer.write, spec)),
            (timed.withdrawn, probes.until_open, writer.withdraw),
        ):
            time.sleep(PAUSE_SECONDS * (1 + chance.random()))
            try:
                into.append(max(until(change, seconds)))
            except TimeoutError:
                into.append(seconds)
                raise
