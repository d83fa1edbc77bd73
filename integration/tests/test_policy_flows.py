"""What live connections notice of a change of policies."""

import socket
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from fakeoci.fabric import netns
from integration.lab import streams
from integration.lab.policy import NODE, PolicyNode
from integration.lab.streams import Datagrams
from integration.tests.policy import (
    DB,
    FAR,
    KNOWN,
    LINKS,
    PORTS,
    TCP,
    UDP,
    WEB,
    app,
    cluster,
    policy,
    small_node,
    tcp,
    udp,
)
from vcnd.model.policy import Cluster, Direction, Pods, PortRange, Rule

FROM_DB = Rule(peers=(Pods(pods=app("db")),))
ANYBODY = policy(Rule())
ONLY_DB = policy(FROM_DB)
WEB6 = "fd00::1"


@pytest.fixture(scope="module")
def running() -> Iterator[PolicyNode]:
    with small_node() as made:
        yield made


@pytest.fixture
def node(running: PolicyNode) -> PolicyNode:
    """Without policies."""
    running.apply(cluster(), LINKS)
    return running


def talk(node: PolicyNode, source: str, destination: str = WEB) -> Datagrams:
    made = udp(node, source, destination)
    made.exchange()
    return made


def with_labels(pod: int, app: str) -> Cluster:
    pods = list(KNOWN)
    pods[pod] = replace(pods[pod], labels={"app": app})
    return replace(cluster(ONLY_DB), pods=tuple(pods))


def test_a_new_policy_cuts_what_it_does_not_allow(node: PolicyNode) -> None:
    with (
        tcp(node, DB) as allowed,
        tcp(node, "192.0.2.7") as other,
        talk(node, "fd00::6", WEB6) as third,
        tcp(node, WEB, FAR) as out,
    ):
        node.apply(cluster(ONLY_DB), LINKS)
        assert allowed.arrives()
        assert not other.arrives()
        assert not third.arrives()
        assert out.arrives()
        assert allowed.arrives(back=True)


def test_a_change_of_rules_cuts_what_they_no_longer_allow(node: PolicyNode) -> None:
    node.apply(cluster(ANYBODY), LINKS)
    with tcp(node, DB) as allowed, tcp(node, "192.0.2.7") as other:
        node.apply(cluster(ONLY_DB), LINKS)
        assert allowed.arrives()
        assert not other.arrives()
        node.apply(cluster(ANYBODY), LINKS)
        # What was lost is sent again.
        assert other.arrives(seconds=streams.ANSWER_SECONDS)


def test_a_peer_that_is_no_longer_selected_is_cut(node: PolicyNode) -> None:
    node.apply(cluster(ONLY_DB), LINKS)
    with tcp(node, DB) as flow, talk(node, FAR) as stays:
        node.apply(with_labels(1, "other"), LINKS)
        assert not flow.arrives()
        assert stays.arrives()


def test_a_pod_that_gets_other_policies_takes_no_flow_along(node: PolicyNode) -> None:
    """Both chains are there before and after."""
    both = ONLY_DB, policy(name="none", subject="db")
    node.apply(cluster(*both), LINKS)
    with tcp(node, FAR) as flow:
        pods = list(KNOWN)
        pods[0] = replace(pods[0], labels={"app": "db"})
        pods[1] = replace(pods[1], labels={"app": "web"})
        node.apply(replace(cluster(*both), pods=tuple(pods)), LINKS)
        assert not flow.arrives()


def test_rules_that_are_put_again_judge_no_flow_again(node: PolicyNode) -> None:
    node.apply(cluster(ONLY_DB), LINKS)
    numbers = node.generations.numbers
    node.apply(cluster(ONLY_DB, policy(name="other", subject="db")), LINKS)
    assert numbers.items() <= node.generations.numbers.items()


def test_a_new_process_judges_flows_of_the_old_one(node: PolicyNode) -> None:
    node.restart()
    node.apply(cluster(ANYBODY), LINKS)
    number = node.generations.numbers
    with tcp(node, DB) as allowed, tcp(node, "192.0.2.7") as other:
        for _ in range(2):
            node.restart()
            node.apply(cluster(ONLY_DB), LINKS)
        assert node.generations.numbers == number
        assert allowed.arrives()
        assert not other.arrives()


def test_egress_is_cut_as_ingress_is(node: PolicyNode) -> None:
    with tcp(node, WEB, FAR) as allowed, tcp(node, WEB, "192.0.2.7") as other:
        node.apply(cluster(policy(FROM_DB, direction=Direction.EGRESS)), LINKS)
        assert allowed.arrives()
        assert not other.arrives()


def test_an_error_about_an_answer_comes_back(node: PolicyNode) -> None:
    """It is about a connection that other rules have accepted."""
    ports = (PortRange(protocol=UDP),)
    node.apply(cluster(ANYBODY), LINKS)
    with talk(node, "192.0.2.7") as flow:
        node.apply(cluster(policy(Rule(ports=ports))), LINKS)
        flow.client.close()
        assert flow.server.send(b"?")
        with pytest.raises(ConnectionRefusedError):
            flow.server.send(b"?")


def test_fragments_of_a_datagram_are_judged_as_one_packet(node: PolicyNode) -> None:
    for protocol, passes in ((UDP, True), (TCP, False)):
        rule = Rule(ports=(PortRange(protocol=protocol),))
        node.apply(cluster(policy(rule)), LINKS)
        source, server = ("192.0.2.7", next(PORTS)), (WEB, next(PORTS))
        ends = (node.space_of(source[0]), source), (node.space_of(WEB), server)
        with streams.talk(*ends) as made:
            assert made.arrives(size=4000, seconds=0.2) == passes


SERVICE = """
table ip service {
  chain prerouting {
    type nat hook prerouting priority dstnat;
    ip daddr 10.96.0.1 dnat to 10.0.0.1
  }
  chain postrouting {
    type nat hook postrouting priority srcnat;
    ip saddr 10.0.0.1 ip daddr 10.0.0.1 snat to 10.1.0.1
  }
}
"""


def test_a_pod_reaches_itself_by_a_service(node: PolicyNode) -> None:
    neither = (policy(), policy(direction=Direction.EGRESS, name="out"))
    node.apply(cluster(*neither), LINKS)
    netns.nft(NODE, SERVICE)
    place, port = node.space_of(WEB), next(PORTS)
    with (
        streams.bound(place, socket.SOCK_DGRAM, (WEB, port)) as server,
        streams.bound(place, socket.SOCK_DGRAM, (WEB, next(PORTS))) as client,
    ):
        server.settimeout(0)
        client.sendto(b"?", ("10.96.0.1", port))
        assert server.recv(1) == b"?"
    netns.nft(NODE, "delete table ip service")
