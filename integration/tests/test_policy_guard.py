"""The guard: it drops nothing that the table accepts, and closes when that is lost."""

import errno
import socket
from collections.abc import Iterator
from itertools import product

import pytest
from msgspec.structs import replace

from fakeoci.fabric import netns
from integration.lab import streams
from integration.lab.policy import NODE, PolicyNode
from integration.tests.policy import (
    DB,
    FAR,
    LINKS,
    NAMELESS,
    PORTS,
    TCP,
    WEB,
    app,
    cluster,
    policy,
    small_node,
    tcp,
    udp,
)
from vcnd.core.policy.generations import NUMBERS
from vcnd.core.policy.rule_set import AJAR
from vcnd.linux.policy import guard as policy_guard
from vcnd.linux.policy import table as policy_table
from vcnd.model.policy import Direction, Packet, Pods, Rule, Tier

OUT = "192.0.2.7"
LOST = f"delete table inet {policy_table.TABLE}\n"
UNJUDGED = """
flush ruleset
table inet tracking {
  chain any { type filter hook forward priority 0; ct state new accept; }
}
"""
"""Connections are tracked, as by the node's own table."""
FROM_DB = Rule(peers=(Pods(pods=app("db")),))
POLICIES = {
    "none": (),
    "isolated": (policy(FROM_DB),),
    "admin": (policy(FROM_DB, tier=Tier.ADMIN), policy()),
    "both ways": (policy(FROM_DB), policy(Rule(), direction=Direction.EGRESS)),
}
SERVICE = "10.96.0.1"
TO_ITSELF = f"""
table ip service {{
  chain before {{
    type nat hook prerouting priority -100;
    ip daddr {SERVICE} dnat to {WEB}
  }}
  chain after {{
    type nat hook postrouting priority 100;
    ct status dnat ip daddr {WEB} masquerade
  }}
}}
"""


@pytest.fixture
def node() -> Iterator[PolicyNode]:
    with small_node() as made:
        made.apply(cluster(), LINKS)
        yield made


def syn(source: str, destination: str = WEB) -> Packet:
    return Packet(source=source, destination=destination, protocol=TCP, port=80)


@pytest.mark.parametrize("policies", POLICIES)
def test_without_the_table_live_connections_go_on_and_new_ones_are_closed(
    node: PolicyNode, policies: str
) -> None:
    node.apply(cluster(*POLICIES[policies]), LINKS)
    with (
        tcp(node, DB) as into,
        tcp(node, "fd00::2", "fd00::1") as six,
        tcp(node, WEB, OUT) as out,
        udp(node, DB) as talk,
    ):
        talk.exchange()
        netns.nft(NODE, LOST)
        for live, back in product((into, six, out, talk), (False, True)):
            assert live.arrives(back=back)
        for packet in (syn(DB), syn(OUT), syn(WEB, OUT), syn("fd00::2", "fd00::1")):
            assert not node.passes(packet)
        # The node reaches its own pods, and the other way round.
        assert node.passes(syn(node_address(node)))
        assert node.passes(syn(WEB, node_address(node)))


def node_address(node: PolicyNode) -> str:
    return next(x for x, link in node.links.items() if not link and ":" not in x)


def test_a_connection_from_before_the_table_goes_on(node: PolicyNode) -> None:
    netns.nft(NODE, UNJUDGED)
    with tcp(node, DB) as flow, udp(node, FAR) as talk:
        talk.exchange()
        node.restart()
        node.apply(cluster(policy(FROM_DB)), LINKS)
        assert flow.arrives()
        assert talk.arrives(back=True)
        assert talk.arrives()


def test_a_chain_without_a_number_gives_one_to_its_connections(
    node: PolicyNode,
) -> None:
    node.generations = replace(
        node.generations, taken=dict.fromkeys(Direction, NUMBERS)
    )
    node.apply(cluster(*POLICIES["both ways"]), LINKS)
    assert node.generations.numbers == {}
    with tcp(node, DB) as into, tcp(node, WEB, OUT) as out:
        netns.nft(NODE, LOST)
        assert into.arrives()
        assert out.arrives()
        assert not node.passes(syn(DB))


def test_a_pod_that_talks_to_itself_passes(node: PolicyNode) -> None:
    """By a Service, whatever its policies say."""
    isolated = policy(), policy(direction=Direction.EGRESS, name="out")
    node.apply(cluster(*isolated), LINKS)
    netns.nft(NODE, TO_ITSELF)
    port, space = next(PORTS), node.space_of(WEB)
    with (
        streams.listen(space, (WEB, port)) as listener,
        streams.connect(
            space, (WEB, next(PORTS)), listener, to=(SERVICE, port)
        ) as flow,
    ):
        flow.exchange()
        netns.nft(NODE, LOST)
        assert flow.arrives()


@pytest.mark.parametrize("policies", POLICIES)
def test_an_error_about_a_connection_passes(node: PolicyNode, policies: str) -> None:
    """One in the direction of the connection, that no chain gave a number to."""
    netns.nft(NODE, UNJUDGED)
    with udp(node, DB) as talk:
        talk.exchange()
        node.restart()
        node.apply(cluster(*POLICIES[policies]), LINKS)
        talk.client.close()
        talk.server.send(b".")
        assert (
            talk.server.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            == errno.ECONNREFUSED
        )


def test_unknown_pods_are_open_until_they_are_known(node: PolicyNode) -> None:
    """With ``enforcement = "standard"``; pods that are known are judged as ever."""
    node.unknown, node.guarded = AJAR, False
    netns.nft(NODE, f"delete table inet {policy_guard.TABLE}\n")
    passes = {syn(NAMELESS, OUT): True, syn(OUT, NAMELESS): True}
    passes |= {syn(NAMELESS): False, syn(DB): True, syn(OUT): False}
    for here in (LINKS[:-1], LINKS):  # with its link in no map, and in one
        node.apply(cluster(policy(FROM_DB)), here)
        assert {packet: node.passes(packet) for packet in passes} == passes


@pytest.mark.parametrize("name", ["oci*", 'oci"x', "oci\\*", "oci$x"])
def test_a_stranger_with_an_odd_name_opens_nothing(node: PolicyNode, name: str) -> None:
    node.strangers = (name, "ocibr0")
    node.apply(cluster(policy()), LINKS)
    closed = syn(DB), syn(OUT), syn(NAMELESS, OUT), syn(OUT, NAMELESS)
    assert not any(node.passes(packet) for packet in closed)
    assert node.passes(syn(WEB, DB))
    netns.nft(NODE, LOST)
    assert not any(node.passes(packet) for packet in (*closed, syn(WEB, DB)))


def test_strangers_pass_at_their_own_end(node: PolicyNode) -> None:
    stranger = "10.0.0.5"
    pods = [x for x in LINKS if x.link != "oci5"]
    node.strangers = ("oci5",)
    node.apply(cluster(policy()), pods)
    assert node.passes(syn(stranger, OUT))
    assert node.passes(syn(OUT, stranger))
    assert node.passes(syn(stranger, DB))
    assert not node.passes(syn(stranger))
    assert node.passes(syn(WEB, stranger))
    netns.nft(NODE, LOST)
    assert node.passes(syn(stranger, OUT))
    assert node.passes(syn(OUT, stranger))
    assert not node.passes(syn(stranger, DB))
    assert not node.passes(syn(WEB, stranger))
