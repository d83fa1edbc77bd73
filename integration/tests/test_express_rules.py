"""A rule that is added while flows are in the express lane."""

import subprocess
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from fakeoci.fabric import netns
from integration.lab import express, others
from integration.lab.bare import BareNode, BareStage
from integration.tests.express import BRIEF, FAMILIES, KINDS, LASTING, LASTS, two

LEGACY = "/usr/sbin/iptables-legacy"
FORWARD = "filter hook forward priority filter"


def policy(node: BareNode, rule: str) -> AbstractContextManager[None]:
    """Have one rule in a forward chain."""
    return others.table(node.name, "inet lab", others.chain(FORWARD, rule))


@LASTING
@FAMILIES
@KINDS
@pytest.mark.parametrize("at", [0, 1], ids=["sender", "receiver"])
def test_a_new_rule_counts_at_once(
    stage: BareStage, kind: express.Opening, at: int, *, six: bool
) -> None:
    """The kernel tells vcnd of it: sooner than any flow is proven anew."""
    a, b = two(stage)
    with kind(a, b, six=six) as flow:
        assert all(express.rides(node, flow.exchange) for node in stage.nodes)
        family = "ip6" if six else "ip"
        with policy(stage.nodes[at], f"{family} daddr {b.address(six=six)} drop"):
            express.until(lambda: not flow.arrives(), "the rule counts")


POLICIES = {
    "an element of a set": (
        "set closed { type ipv4_addr; }\n"
        + others.chain(FORWARD, "ip daddr @closed drop"),
        "add element inet lab closed { POD }",
    ),
    "an element of a verdict map": (
        "map closed { type ipv4_addr : verdict; }\n"
        + others.chain(FORWARD, "ip daddr vmap @closed"),
        "add element inet lab closed { POD : drop }",
    ),
    "a chain's policy": (
        others.chain(FORWARD, "policy accept;"),
        "add chain inet lab forward { policy drop; }",
    ),
    "a chain before the last hook": (
        "",
        "add chain inet lab late { type filter hook postrouting priority 200; }\n"
        "add rule inet lab late ip daddr POD drop",
    ),
    "a chain behind ours": (
        "",
        "add chain inet lab late { type filter hook postrouting priority 400; }\n"
        "add rule inet lab late ip daddr POD drop",
    ),
    "a chain at the VNIC's ingress": (
        "",
        "add chain netdev lab early {"
        " type filter hook ingress device eth1 priority 0; }\n"
        "add rule netdev lab early ip saddr POD drop",
    ),
    "an untracked connection": (
        others.chain(FORWARD, "ct state untracked drop"),
        "add chain inet lab early { type filter hook prerouting priority raw; }\n"
        "add rule inet lab early ip daddr POD notrack",
    ),
}


@LASTING
@pytest.mark.parametrize(("before", "change"), POLICIES.values(), ids=POLICIES)
def test_each_change_of_the_rules_counts_at_once(
    stage: BareStage, before: str, change: str
) -> None:
    a, b = two(stage)
    back = "ingress" in change
    name = "netdev lab" if back else "inet lab"
    with express.udp(a, b) as flow, others.table(a.node.name, name, before):
        express.until_rides(a.node, flow.exchange)
        netns.nft(a.node.name, change.replace("POD", b.address()) + "\n")
        express.until(lambda: not flow.arrives(back=back), "the rule counts")


ROUTING = {
    "a route": ("route {} blackhole {}/32 table 102", "add", "del"),
    "a routing rule": ("rule {} pref 5 from all to {} blackhole", "add", "del"),
    "a policy for IPsec": (
        "xfrm policy {} src 0.0.0.0/0 dst {}/32 dir fwd action block",
        "add",
        "delete",
    ),
}


@BRIEF
@pytest.mark.parametrize(("command", "add", "delete"), ROUTING.values(), ids=ROUTING)
def test_a_change_of_the_routes_counts_soon(
    stage: BareStage, command: str, add: str, delete: str
) -> None:
    a, b = two(stage)
    with express.udp(a, b) as flow:
        assert express.rides(a.node, flow.exchange)
        netns.ip(a.node.name, [command.format(add, b.address())])
        try:
            express.until(lambda: not flow.arrives(), "it counts", 2 * LASTS)
        finally:
            undo = command.replace(" action block", "")
            netns.ip(a.node.name, [undo.format(delete, b.address())])


@BRIEF
def test_a_forgotten_connection_is_judged_anew_soon(stage: BareStage) -> None:
    """So administrators cut connections: a rule for new ones, and conntrack -D."""
    a, b = two(stage)
    with express.udp(a, b) as flow:
        rule = f"ip daddr {b.address()} ct state new drop"
        flow.exchange()
        with policy(a.node, rule):
            express.until_rides(a.node, flow.exchange)
            express.forget(a.node, b.address())
            express.until(lambda: not flow.arrives(), "it counts", 2 * LASTS)


@BRIEF
@pytest.mark.skipif(not Path(LEGACY).exists(), reason="no iptables-legacy here")
def test_a_rule_without_an_event_counts_soon(stage: BareStage) -> None:
    a, b = two(stage)
    with express.udp(a, b) as flow:
        assert express.rides(a.node, flow.exchange)
        command = ["/usr/bin/nsenter", f"--net={netns.DIRECTORY / a.node.name}"]
        rule = ["FORWARD", "-d", b.address(), "-j", "DROP"]
        done = subprocess.run([*command, LEGACY, "-I", *rule], check=False)
        if done.returncode:
            pytest.skip("this kernel has no legacy iptables")
        express.until(lambda: not flow.arrives(), "the rule counts", 2 * LASTS)
        subprocess.run([*command, LEGACY, "-D", *rule], check=True)


@BRIEF
def test_a_rule_counts_soon_without_the_daemon(stage: BareStage) -> None:
    a, b = two(stage)
    with express.udp(a, b) as flow:
        assert express.rides(a.node, flow.exchange)
        a.node.kill()
        flow.exchange(express.EXCHANGES)
        with policy(a.node, f"ip daddr {b.address()} drop"):
            express.until(lambda: not flow.arrives(), "the rule counts", 2 * LASTS)
        a.node.start()
