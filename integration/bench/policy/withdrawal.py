"""Q7: packets of a live flow that arrive after the policy that allows it is gone."""

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial

from integration.bench.datapath import underlay
from integration.bench.datapath.underlay import ROUTER, Place
from integration.bench.policy import enforcement
from integration.bench.policy.enforcement import Writer
from integration.bench.policy.probes import Probe, beside, target
from integration.bench.policy.synthetic import Body
from integration.lab import streams
from integration.lab.streams import Datagrams

WATCHED = 300
"""Packets of the flow that are sent after a new connection was denied."""
EXCHANGES = 20
"""Enough for the express lane to take the flow."""
FIRST_PORT = 30_000
ALLOW, DENY = "measured-allow", "measured-deny"


def allowing(place: Place) -> Body:
    """Return a policy that allows the router's address on a node."""
    block = {"cidr": f"{underlay.router_of(place.pods)}/32"}
    return {"podSelector": {}, "ingress": [{"from": [{"ipBlock": block}]}]}


def packets_after(
    writer: Writer, places: Sequence[Place], count: int, seconds: float
) -> list[float]:
    """Return how many packets arrived after the first new connection was denied.

    Args:
        writer: writes policies.
        places: nodes, which take turns.
        count: how often to measure.
        seconds: the longest time to wait for a change.
    """
    chance = random.Random(2)  # noqa: S311 - no secret
    found = list[float]()
    writer.write(enforcement.DENY, DENY)
    try:
        for number in range(count):
            place = places[number % len(places)]
            probe = Probe(target(place, 0))
            try:
                probe.until_closed(seconds)
                writer.write(allowing(place), ALLOW)
                probe.until_open(seconds)
                time.sleep(chance.random() / 10)
                with _flow(place, FIRST_PORT + number) as flow:
                    withdraw = partial(writer.withdraw, ALLOW)
                    with beside(withdraw):
                        found.append(_after(probe, flow, seconds))
            finally:
                probe.close()
    finally:
        writer.withdraw(DENY)
    return found


@contextmanager
def _flow(place: Place, port: int) -> Iterator[Datagrams]:
    """Yield a live flow from the router to the pod."""
    here = underlay.router_of(place.pods)
    made = streams.talk(
        (ROUTER, (here, port)), (place.pod_netns(0), (place.pod(0), port))
    )
    with made as flow:
        flow.exchange(EXCHANGES)
        flow.server.settimeout(0)
        yield flow


def _after(probe: Probe, flow: Datagrams, seconds: float) -> float:
    """Return how many of the flow's packets arrived after new ones did not."""
    probe.forget()
    arrived = list[bool]()
    give_up_at = time.monotonic() + seconds
    while len(probe.sent) - 1 - probe.last_arrived < WATCHED:
        if time.monotonic() > give_up_at:
            raise TimeoutError(f"a withdrawn policy is in force after {seconds} s")
        probe.send()
        arrived.append(_arrives(flow))
        time.sleep(0.001)
    return sum(arrived[probe.last_arrived + 1 :])


def _arrives(flow: Datagrams) -> bool:
    with suppress(OSError):
        flow.client.send(b"?")
    with suppress(BlockingIOError):
        return bool(flow.server.recv(1))
    return False
