"""The packets that the kernel denies, as the log tells of them."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
import trio

from fakeoci.fabric import netns
from integration.lab.policy import NODE, PolicyNode
from integration.tests.policy import (
    BLUE,
    DB,
    LINKS,
    NAMELESS,
    SCTP,
    TCP,
    UDP,
    WEB,
    app,
    cluster,
    policy,
    small_node,
)
from vcnd.core.policy.compiler import compile_rules
from vcnd.core.policy.denials import DeniedPacket, InForce
from vcnd.core.policy.drops import Counted
from vcnd.core.policy.generations import Generations
from vcnd.core.policy.tally import Tally
from vcnd.linux import nft
from vcnd.linux.layout import POLICY_TABLES, Layout
from vcnd.linux.policy.denied_log import DeniedLog
from vcnd.linux.policy.drops import GROUP, read_counter
from vcnd.linux.policy.host import PolicyHost
from vcnd.log import Event, log
from vcnd.model.policy import Action, Cluster, Direction, Packet, Pods, Rule, Tier
from vcnd.policy.counts import Counts
from vcnd.policy.denials import Denials

SECONDS = 20.0
INGRESS, EGRESS = "Ingress", "Egress"
OUTSIDE, OUTSIDE6 = "192.0.2.7", "fd00::6"
NEW_POD = "10.0.0.5"
TO_DB = Rule(peers=(Pods(pods=app("db")),), action=Action.DENY, name="not to db")
MADE = cluster(
    policy(name="deny-all"),
    policy(name="deny-more"),
    policy(TO_DB, tier=Tier.ADMIN, direction=Direction.EGRESS, name="apart"),
)


@pytest.fixture
def node() -> Iterator[PolicyNode]:
    with small_node() as made:
        yield made


class Listening:
    """The log of the node's namespace."""

    def __init__(self) -> None:
        self._log = netns.inside(NODE, DeniedLog)

    async def until_denied(self) -> None:
        await self._log.until_denied()

    def take(self) -> list[DeniedPacket]:
        return netns.inside(NODE, self._log.take)

    def close(self) -> None:
        self._log.close()


def denials(node: PolicyNode, made: Cluster = MADE) -> Denials:
    node.apply(made, LINKS)
    chains = node.generations.rules.chains
    known = InForce(chains=chains, here=LINKS, cluster=made)

    async def read() -> dict[Counted, int]:
        read = {read_counter(name): n for name, n in node.counters().items()}
        return {counted: n for counted, n in read.items() if counted is not None}

    return Denials(Listening, Counts(Tally(), read), lambda: known)


async def until_silent(events: list[Event], seconds: float) -> None:
    """Return when nothing has been told for some seconds."""
    count = -1
    while count < len(events):
        count = len(events)
        await trio.sleep(seconds)


async def heard(telling: Denials, act: Callable[[], None]) -> list[Event]:
    """Return what is told of what an act does, until half a second is silent."""
    with log.collected() as events:
        async with trio.open_nursery() as running:
            running.start_soon(telling.run)
            await trio.sleep(0.2)
            await trio.to_thread.run_sync(act)
            await until_silent(events, 0.5)
            running.cancel_scope.cancel()
    return [{k: v for k, v in e.items() if k != "level"} for e in events]


def packet(source: str, destination: str, protocol: object = TCP) -> Packet:
    port = 0 if protocol is None else 80
    return Packet(source=source, destination=destination, protocol=protocol, port=port)  # type: ignore[arg-type]


def told(denied: Packet, direction: str, name: str, why: str, **more: str) -> Event:
    """Return what is to be told of a packet that a pod's policies deny."""
    ends = denied.source, denied.destination
    own, peer = ends if direction == EGRESS else reversed(ends)
    kind = "ICMPv6" if ":" in own else "ICMP"
    ports = {} if denied.protocol is None else {"port": denied.port}
    return {
        "event": "policy_denied",
        "direction": direction,
        **({"pod": name} if name else {}),
        "address": own,
        "peer_address": peer,
        "protocol": str(denied.protocol or kind),
        **ports,
        "why": why,
        **more,
    }


ISOLATING = "NetworkPolicy blue/deny-all, NetworkPolicy blue/deny-more"
RULE = {"policies": "ClusterNetworkPolicy (Admin) apart", "rule": "1 ('not to db')"}
NO_POD = "the link has no name of a pod"
TOO_NEW = "the pod's rules are not in force yet"
WEB_POD, DB_POD = f"{BLUE}/pod1", f"{BLUE}/pod2"

CASES: list[tuple[Packet, str, str, str, dict[str, str]]] = [
    *(
        (packet(OUTSIDE, WEB, kind), INGRESS, WEB_POD, "isolated", {})
        for kind in (TCP, UDP, SCTP, None)
    ),
    *(
        (packet(OUTSIDE6, "fd00::1", kind), INGRESS, WEB_POD, "isolated", {})
        for kind in (TCP, UDP, SCTP, None)
    ),
    (packet(DB, WEB), INGRESS, WEB_POD, "isolated", {"peer": DB_POD}),
    (packet(WEB, DB), EGRESS, WEB_POD, "rule", {"peer": DB_POD, **RULE}),
    (
        packet("fd00::1", "fd00::2", UDP),
        EGRESS,
        WEB_POD,
        "rule",
        {"peer": DB_POD, **RULE},
    ),
    (packet(NAMELESS, OUTSIDE), EGRESS, "", "held", {"reason": NO_POD}),
    (packet(OUTSIDE, NAMELESS), INGRESS, "", "held", {"reason": NO_POD}),
    (packet(NEW_POD, OUTSIDE), EGRESS, "", "unknown", {"reason": TOO_NEW}),
    (packet(OUTSIDE6, "fd00::5"), INGRESS, "", "unknown", {"reason": TOO_NEW}),
]


async def test_each_denied_packet_is_told_of_once_with_names(node: PolicyNode) -> None:
    node.logged_per_second = 100
    telling = denials(node)

    def send() -> None:
        for denied, *_ in CASES:
            assert not node.passes(denied), denied
        assert node.passes(packet(DB, OUTSIDE))

    expected = []
    for denied, direction, name, why, more in CASES:
        isolating = {"policies": ISOLATING} if why == "isolated" else {}
        expected.append(told(denied, direction, name, why, **isolating, **more))
    assert await heard(telling, send) == expected


@pytest.mark.parametrize("rate", [10, 1000])
async def test_a_flood_is_told_of_in_few_lines_and_counted_whole(
    node: PolicyNode, rate: int
) -> None:
    node.logged_per_second = rate
    telling, count = denials(node), 10_000

    def flood() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((OUTSIDE, 0))
            for _ in range(count):
                sock.sendto(b"?", (WEB, 80))

    began, spent = time.monotonic(), time.thread_time()
    with log.collected() as events:
        async with trio.open_nursery() as running:
            running.start_soon(telling.run)
            await trio.sleep(0.2)
            space = node.space_of(OUTSIDE)
            await trio.to_thread.run_sync(lambda: netns.inside(space, flood))
            # The limit has room again, and the counters are read again: a second after
            # they were read last, which is when the last packet was told of.
            await until_silent(events, 1.5)
            assert not node.passes(packet(OUTSIDE, WEB))
            with trio.fail_after(SECONDS):
                while not _is_complete(events, count + 1):
                    await trio.sleep(0.05)
            running.cancel_scope.cancel()
    # One rule has half of all.
    assert len(events) <= rate / 2 * (1 + time.monotonic() - began)
    assert time.thread_time() - spent < 1  # this thread only listens
    assert sum(node.counters().values()) == count + 1


def _is_complete(events: list[Event], count: int) -> bool:
    """Return True if lines, and what they say is missing, are all packets."""
    told = len(events) + sum(int(e.get("not_logged", 0)) for e in events)
    assert told <= count
    return told == count


async def test_without_a_rate_nothing_is_told(node: PolicyNode) -> None:
    node.logged_per_second = 0
    telling = denials(node)

    def send() -> None:
        assert not node.passes(packet(OUTSIDE, WEB))

    assert await heard(telling, send) == []
    assert sum(node.counters().values()) == 1


async def test_rules_deny_while_nobody_listens(node: PolicyNode) -> None:
    telling = denials(node)
    assert not node.passes(packet(OUTSIDE, WEB))
    with closing(Listening()):
        assert not node.passes(packet(OUTSIDE, WEB))
    # Nothing of before is told of.
    assert await heard(telling, lambda: None) == []


async def test_a_group_that_another_program_has_is_named_once(
    node: PolicyNode,
) -> None:
    telling = denials(node)
    with closing(Listening()):
        events = await heard(telling, lambda: None)
    assert len(events) == 1
    assert events[0]["event"] == "denied_not_heard"
    assert f"another program has group {GROUP}" in events[0]["reason"]


async def test_rules_are_in_force_where_the_kernel_refuses_to_log(
    node: PolicyNode,
) -> None:
    """Here it refuses the rate; many kernels are built without NFLOG."""
    made = PolicyHost(Layout(), logged_per_second=1 << 70)
    try:
        with closing(made) as host, log.collected() as events:
            for links in ([], LINKS):
                await host.put(Generations(rules=compile_rules(MADE, links)))
        assert [e["event"] for e in events if e["event"] != "rule_set_replaced"] == [
            "denied_not_logged"
        ]
        assert len(await host.counters()) > 4
    finally:
        for table in POLICY_TABLES:
            nft.remove(table)
