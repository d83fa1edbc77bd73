"""What the kernel counts of new connections and of packets that are dropped."""

import re
from collections.abc import Iterator

import pytest

from fakeoci.fabric import netns
from integration.lab import streams
from integration.lab.policy import NODE, PolicyNode
from integration.tests.policy import (
    DB,
    FAR,
    LINKS,
    NAMELESS,
    TCP,
    WEB,
    app,
    cluster,
    policy,
    small_node,
)
from vcnd.linux.policy import table as policy_table
from vcnd.model.policy import Action, Direction, Packet, Pods, PortRange, Rule, Tier

FROM_DB = Rule(peers=(Pods(pods=app("db")),))
DENIED = policy(
    Rule(peers=(Pods(pods=app("db")),), action=Action.DENY), tier=Tier.ADMIN, name="no"
)
OTHER_PORT = Rule(ports=(PortRange(protocol=TCP, first=9999, last=9999),))
NEW_POD = "10.0.0.5"
"""Its link is in no map."""


@pytest.fixture
def node() -> Iterator[PolicyNode]:
    with small_node() as made:
        yield made


def tcp(source: str, destination: str = WEB) -> Packet:
    return Packet(source=source, destination=destination, protocol=TCP, port=80)


def only(node: PolicyNode, kind: str) -> int:
    """Return the count of the only counter of a kind."""
    (count,) = (n for name, n in node.counters().items() if name.startswith(kind))
    return count


def test_each_dropped_packet_is_counted_where_it_was_dropped(node: PolicyNode) -> None:
    node.apply(cluster(DENIED, policy(Rule(peers=()))), LINKS)
    (chain,) = node.generations.rules.chains
    packets = {DB: 1, "192.0.2.7": 2, "fd00::6": 3}
    for source, count in packets.items():
        target = "fd00::1" if ":" in source else WEB
        for _ in range(count):
            assert not node.passes(tcp(source, target))
    for _ in range(4):
        assert not node.passes(tcp(NAMELESS, "192.0.2.7"))
        assert not node.passes(tcp("192.0.2.7", NAMELESS))
    assert not node.passes(tcp(NEW_POD, DB))
    assert not node.passes(tcp(DB, NEW_POD))
    assert node.counters() == {
        f"rule_{chain}.blue": 1,
        f"isolated_{chain}.blue": 5,
        "held_out": 4,
        "held_in": 4,
        "unknown_out": 1,
        "unknown_in": 1,
    }


def test_a_connection_is_counted_once(node: PolicyNode) -> None:
    node.apply(cluster(policy(FROM_DB)), LINKS)
    server, client = (WEB, 8080), (DB, 30_000)
    with (
        streams.listen(node.space_of(WEB), server) as listener,
        streams.connect(node.space_of(DB), client, listener) as stream,
    ):
        for _ in range(5):
            assert stream.arrives()
            assert stream.arrives(back=True)
        assert only(node, "accepted_in") == 1
        # It is judged again, and accepted again, and is the same connection.
        before = node.generations.numbers
        node.apply(cluster(policy(FROM_DB, OTHER_PORT)), LINKS)
        assert node.generations.numbers != before
        assert stream.arrives()
    assert only(node, "accepted_in") == 1
    assert node.passes(tcp(DB))
    assert only(node, "accepted_in") == 2


def test_counters_go_on_while_rules_change(node: PolicyNode) -> None:
    node.apply(cluster(policy(FROM_DB)), LINKS)
    before = set(node.generations.numbers.values())
    assert node.passes(tcp(DB))
    assert not node.passes(tcp("192.0.2.7"))
    node.apply(cluster(policy(FROM_DB, OTHER_PORT)), LINKS)
    assert set(node.generations.numbers.values()) != before
    assert node.passes(tcp(DB))
    assert not node.passes(tcp("192.0.2.7"))
    node.restart()  # the whole table is put
    node.apply(cluster(policy(FROM_DB)), LINKS)
    assert not node.passes(tcp("192.0.2.7"))
    assert only(node, "accepted_in") == 2
    assert only(node, "isolated_in") == 3


def test_a_chain_without_a_number_counts_too(node: PolicyNode) -> None:
    node.apply(cluster(policy(FROM_DB)), LINKS)
    node.generations = type(node.generations)(
        taken={x: frozenset(range(1, 256)) for x in Direction}
    )
    node.apply(cluster(policy(FROM_DB)), LINKS)
    assert node.generations.numbers == {}
    assert node.passes(tcp(DB))
    assert not node.passes(tcp(FAR, "10.0.0.4"))
    assert only(node, "accepted_in") == 1


@pytest.mark.parametrize("whole", [False, True])
def test_counters_go_with_their_chain(node: PolicyNode, *, whole: bool) -> None:
    node.apply(cluster(policy(FROM_DB)), LINKS)
    assert node.passes(tcp(DB))
    if whole:
        node.restart()
    node.apply(cluster(), LINKS)
    assert node.counters() == {}
    node.apply(cluster(policy(FROM_DB)), LINKS)
    assert node.counters() == {}


def test_another_rate_of_the_log_keeps_the_counters(node: PolicyNode) -> None:
    for count, rate in enumerate((10, 20, 0, 10), 1):
        node.logged_per_second = rate
        node.restart()
        node.apply(cluster(policy(FROM_DB)), LINKS)
        assert not node.passes(tcp("192.0.2.7"))
        listed = netns.nft_output(NODE, f"list table inet {policy_table.TABLE}")
        assert re.findall(r"limit (denied_\d+) {", listed) == (
            [f"denied_{rate}"] if rate else []
        )
        assert only(node, "isolated_in") == count
