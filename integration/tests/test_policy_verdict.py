"""What we read in a listed table is what the kernel does with packets."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from fakeoci.fabric import netns
from integration.lab.policy import NODE, UPLINK, PolicyNode
from integration.tests.policy import (
    DB,
    HERE,
    LINKS,
    NAMELESS,
    SCTP,
    TCP,
    UDP,
    WEB,
    cluster,
    link_of,
    policy,
    small_node,
)
from tests.core.policy.strategies import OUTSIDE, clusters, packets
from vcnd.core.policy import show
from vcnd.core.policy.judge import judge
from vcnd.linux.nft_listed import ListedTable, UnreadableError, listed
from vcnd.linux.nft_verdict import Forwarded, rulings
from vcnd.linux.policy.table import TABLE
from vcnd.model.policy import Cluster, Direction, Packet, Rule


@pytest.fixture(scope="module")
def node() -> Iterator[PolicyNode]:
    with small_node() as made:
        made.guarded = False  # rules by hand give no numbers
        yield made


def in_force() -> ListedTable:
    return listed(netns.nft_output(NODE, f"-j list table inet {TABLE}"))


def forwarded(node: PolicyNode, packet: Packet) -> Forwarded | None:
    """Return a packet with its links; None if the node itself is an end."""
    iif, oif = node.links[packet.source], node.links[packet.destination]
    if not iif or not oif:
        return None
    return Forwarded(packet=packet, iifname=iif, oifname=oif)


def reads_as_passing(node: PolicyNode, packet: Packet) -> bool:
    found = forwarded(node, packet)
    return found is None or all(r.allowed for r in rulings([in_force()], found))


def agrees(node: PolicyNode, cluster: Cluster, packet: Packet) -> bool:
    """Return True if each side of a packet is judged as policies say."""
    found = forwarded(node, packet)
    if found is None:
        return True
    here = {
        Direction.EGRESS: found.iifname != UPLINK,
        Direction.INGRESS: found.oifname != UPLINK,
    }
    explained = show.sides(packet, judge(cluster, packet), {})
    check = show.compare(explained, here, rulings([in_force()], found))
    return check.agrees is True


@settings(max_examples=40, derandomize=True, deadline=None, database=None)
@given(st.data())
def test_a_listed_table_is_read_as_the_kernel_reads_it(
    node: PolicyNode, data: st.DataObject
) -> None:
    drawn = data.draw(clusters())
    made = replace(drawn, pods=tuple(replace(p, node=HERE) for p in drawn.pods))
    node.apply(made, [link_of(pod) for pod in made.pods])
    for _ in range(8):
        packet = data.draw(packets(made))
        if packet.source == packet.destination:
            continue  # it never leaves the pod
        assert node.passes(packet) == reads_as_passing(node, packet), packet
        assert agrees(node, made, packet), packet


def syn(source: str = DB, destination: str = WEB, port: int = 80) -> Packet:
    return Packet(source=source, destination=destination, protocol=TCP, port=port)


PROBES = [
    *(syn(port=n) for n in (79, 80, 81, 100, 101, 443)),
    *(syn(source) for source in (OUTSIDE[0], OUTSIDE[1], "10.0.0.3", NAMELESS)),
    *(syn("fd00::2", "fd00::1", n) for n in (80, 81)),
    *(syn("2001:db8::7", "fd00::1"), syn(WEB, OUTSIDE[0]), syn(WEB, DB)),
    Packet(source=DB, destination=WEB, protocol=UDP, port=80),
    Packet(source=DB, destination=WEB, protocol=SCTP, port=80),
    Packet(source=DB, destination=WEB),
    Packet(source="fd00::2", destination="fd00::1"),
]
BY_HAND = [
    "ip saddr 10.0.0.2 drop",
    "ip saddr != 10.0.0.2 drop",
    "ip6 saddr != fd00::2 drop",
    "ip saddr { 10.0.0.2, 192.0.2.0/25 } tcp dport { 80, 90-100 } drop",
    "ip saddr != { 10.0.0.2, 192.0.2.0/25 } drop",
    "ip saddr 10.0.0.2-10.0.0.3 reject",
    "tcp dport >= 81 drop",
    "tcp dport != 80 drop",
    "tcp dport < 80 drop",
    "th dport 80-90 drop",
    "udp dport 80 counter drop",
    "sctp dport 80 drop",
    "meta l4proto != tcp drop",
    "meta l4proto { icmp, ipv6-icmp } drop",
    "meta nfproto ipv6 drop",
    "meta protocol ip drop",
    "ip protocol udp drop",
    "ip6 nexthdr tcp drop",
    'iifname "oci2" drop',
    'iif "oci2" drop',
    'iifname { "oci2", "oci3" } drop',
    'oifname "ens*" drop',
    'iifname . ip saddr { "oci2" . 10.0.0.2 } drop',
    "ip saddr . th dport { 10.0.0.0/24 . 80-90 } drop",
    "ct state new drop",
    "ct state established,related drop",
    "ct direction reply drop",
    "ct direction original ip saddr 10.0.0.2 drop",
    "ct mark set ct mark | 0x1 ct mark & 0x1 == 0x1 drop",
    "ct mark 0x7 drop",
    "meta l4proto vmap { tcp : drop, udp : jump open_in }",
    "ip saddr vmap { 10.0.0.2 : drop, 10.0.0.3-10.0.0.9 : continue }",
    "jump open_in",
    "goto hold_in",
    "return",
    "counter",
    'log prefix "x" group 5',
    "limit rate 1/second log group 5",
    'counter comment "by hand"',
]


@pytest.mark.parametrize("rule", BY_HAND)
@pytest.mark.parametrize("chain", ["ingress_side", "always"])
def test_a_rule_added_by_hand_is_read_as_the_kernel_reads_it(
    node: PolicyNode, rule: str, chain: str
) -> None:
    node.apply(cluster(policy(Rule())), LINKS)
    node.restart()
    netns.nft(NODE, f"insert rule inet {TABLE} {chain} {rule}\n")
    probes = [p for p in PROBES if p.source in node.links]
    found = {p: reads_as_passing(node, p) for p in probes}
    assert found == {p: node.passes(p) for p in probes}


@pytest.mark.parametrize(
    "rule",
    [
        "limit rate 1/second drop",
        "meta mark 7 drop",
        "ip ttl 7 drop",
        "fib saddr type local drop",
        "ct status dnat drop",
        "tcp flags syn drop",
        "numgen random mod 2 0 drop",
    ],
)
def test_a_rule_that_is_not_read_is_named(node: PolicyNode, rule: str) -> None:
    node.apply(cluster(), LINKS)
    node.restart()
    netns.nft(NODE, f"insert rule inet {TABLE} ingress_side {rule}\n")
    with pytest.raises(UnreadableError, match="chain ingress_side, handle"):
        reads_as_passing(node, syn())
