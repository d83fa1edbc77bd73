"""When denied packets are told of, and what happens when the log cannot be had."""

import trio
from msgspec.structs import replace
from trio.testing import MockClock

from vcnd.core.policy.denials import DeniedPacket, InForce
from vcnd.core.policy.drops import Counted, Drop, Why
from vcnd.core.policy.rule_set import Chain
from vcnd.core.policy.tally import Tally
from vcnd.log import Event, log
from vcnd.model.policy import Action, Cluster, Direction, PolicyRef, Tier
from vcnd.policy.counts import Counts
from vcnd.policy.denials import (
    AGAIN_SECONDS,
    FRESH_SECONDS,
    GATHER_SECONDS,
    Denials,
)
from vcnd.signals import Latch

INGRESS = Direction.INGRESS
DROP = Drop(direction=INGRESS, why=Why.ISOLATED, chain="in_x")
COUNTED = Counted(direction=INGRESS, why=Why.ISOLATED, chain="in_x")
ACCEPTED = Counted(direction=INGRESS, why=None, chain="in_x")
PACKET = DeniedPacket(
    drop=DROP, link="oci1", address="10.0.0.1", peer="10.0.0.2", protocol="TCP", port=80
)
CHAIN = Chain(
    direction=INGRESS,
    policies=(PolicyRef(Tier.NAMESPACE, "blue", "p"),),
    otherwise=Action.DENY,
)
KNOWN = InForce(chains={"in_x": CHAIN}, here=(), cluster=Cluster(namespaces={}))


class Kernel:
    """Logs packets, and counts them and others."""

    def __init__(self) -> None:
        self.known: InForce | None = KNOWN
        self.counted, self.reads = 0, 0
        self.refused: OSError | None = None
        self.listeners = 0
        self._news, self._packets = Latch(), list[DeniedPacket]()

    def drop(self, logged: int, others: int = 0) -> None:
        self._packets += [PACKET] * logged
        self.counted += logged + others
        self._news.set()

    def listen(self) -> "Kernel":
        if self.refused:
            raise self.refused
        self.listeners += 1
        return self

    async def until_denied(self) -> None:
        await self._news.wait()
        if self.refused:
            raise self.refused

    def take(self) -> list[DeniedPacket]:
        found, self._packets = self._packets, []
        return found

    def close(self) -> None:
        self.listeners -= 1

    def end(self) -> None:
        self.refused = OSError(1, "the group is taken")
        self._news.set()

    async def counts(self) -> dict[Counted, int]:
        self.reads += 1
        return {COUNTED: self.counted, ACCEPTED: 1000}


async def started(nursery: trio.Nursery, kernel: Kernel) -> None:
    counts = Counts(Tally(), kernel.counts)
    telling = Denials(kernel.listen, counts, lambda: kernel.known)
    nursery.start_soon(telling.run)
    await trio.sleep(FRESH_SECONDS)


def missing(events: list[Event]) -> list[int]:
    return [e.get("not_logged", 0) for e in events]


async def test_packets_that_were_not_logged_are_told_with_the_next(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    kernel = Kernel()
    kernel.counted = 77  # dropped while nobody listened
    await started(nursery, kernel)
    with log.collected() as events:
        kernel.drop(2, others=5)
        await trio.sleep(FRESH_SECONDS)
        kernel.drop(0, others=3)
        await trio.sleep(FRESH_SECONDS)
        assert missing(events) == [5, 0]
        kernel.drop(1)
        await trio.sleep(FRESH_SECONDS)
    assert missing(events) == [5, 0, 3]


async def test_a_flood_makes_few_reads_and_all_is_told_at_last(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    kernel = Kernel()
    await started(nursery, kernel)
    with log.collected() as events:
        reads = kernel.reads
        for _ in range(100):  # for ten seconds
            kernel.drop(1, others=99)
            await trio.sleep(GATHER_SECONDS)
        assert kernel.reads - reads <= 12
        await trio.sleep(FRESH_SECONDS)
        kernel.drop(1)
        await trio.sleep(FRESH_SECONDS)
    assert len(events) == 101
    assert sum(missing(events)) == 9900


async def test_a_packet_that_is_older_than_a_change_keeps_its_policies(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    kernel = Kernel()
    await started(nursery, kernel)
    with log.collected() as events:
        kernel.drop(1)
        await trio.sleep(FRESH_SECONDS)
        kernel.known = replace(KNOWN, chains={})
        for _ in range(2):
            kernel.drop(1)
            await trio.sleep(FRESH_SECONDS)
        kernel.known = replace(KNOWN, chains={})
        kernel.drop(1)
        await trio.sleep(FRESH_SECONDS)
    told = [e.get("policies") for e in events]
    assert told == ["NetworkPolicy blue/p"] * 3 + [None]


async def test_before_any_rules_nothing_is_told(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    kernel = Kernel()
    kernel.known = None
    await started(nursery, kernel)
    with log.collected() as events:
        kernel.drop(1)
        await trio.sleep(FRESH_SECONDS)
    assert events == []


async def test_a_log_that_another_has_is_named_once_and_tried_again(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    kernel = Kernel()
    await started(nursery, kernel)
    with log.collected() as events:
        kernel.end()
        await trio.sleep(3 * AGAIN_SECONDS + 1)
        assert kernel.listeners == 0
        kernel.refused = None
        await trio.sleep(AGAIN_SECONDS + 1)
        assert kernel.listeners == 1
        kernel.drop(1)
        await trio.sleep(FRESH_SECONDS)
    names = [e["event"] for e in events]
    assert names == ["denied_not_heard", "policy_denied"]


async def test_a_line_tells_no_more_than_is_known(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    kernel = Kernel()
    await started(nursery, kernel)
    with log.collected() as events:
        kernel.drop(1)
        await trio.sleep(FRESH_SECONDS)
    assert events == [
        {
            "event": "policy_denied",
            "level": "info",
            "direction": "Ingress",
            "address": "10.0.0.1",
            "peer_address": "10.0.0.2",
            "protocol": "TCP",
            "port": 80,
            "why": "isolated",
            "policies": "NetworkPolicy blue/p",
        }
    ]
