"""The text of the nft table of network policies."""

import pytest

from tests.linux.odd_names import ODD_NAMES
from vcnd.core.policy.rule_set import (
    AJAR,
    HOLD,
    OPEN,
    Chain,
    Kind,
    Line,
    Match,
    NamedSet,
    RuleSet,
)
from vcnd.linux.nft_scripts import objects
from vcnd.linux.policy.marks import Marks, numbers_in
from vcnd.linux.policy.table import render
from vcnd.model.family import Family
from vcnd.model.policy import Action, Direction, Protocol

TCP = Protocol.TCP
LINES = {
    Match(): "",
    Match(family=Family.IPV6): "meta nfproto ipv6 ",
    Match(family=Family.IPV4, peers="p"): "ip saddr @p ",
    Match(family=Family.IPV6, network="fd00::/8", excepted="e"): (
        "ip6 saddr fd00::/8 ip6 saddr != @e "
    ),
    Match(family=Family.IPV4, port_of="n"): ("ip daddr . meta l4proto . th dport @n "),
    Match(protocol=TCP): "meta l4proto tcp ",
    Match(protocol=Protocol.SCTP, first=80, last=80): "meta l4proto sctp th dport 80 ",
    Match(protocol=Protocol.UDP, first=0, last=80): "meta l4proto udp th dport 0-80 ",
}
"""What each match is in the text, in a chain of ingress."""


def chain(*lines: Line, direction: Direction = Direction.INGRESS) -> Chain:
    return Chain(direction=direction, lines=lines, otherwise=Action.DENY)


def text(rules: RuleSet, **numbers: int) -> str:
    return render(
        rules, numbers, marks=Marks(), link_prefix="oci", strangers=["ocibr0"]
    )


@pytest.mark.parametrize("unknown", [HOLD, AJAR])
@pytest.mark.parametrize("name", ODD_NAMES)
def test_no_rule_lets_a_stranger_with_an_odd_name_pass(name: str, unknown: str) -> None:
    rules = RuleSet(unknown=unknown)
    marks = Marks()
    made = render(rules, {}, marks=marks, link_prefix="oci", strangers=[name, "ocibr0"])
    assert made == render(
        rules, {}, marks=marks, link_prefix="oci", strangers=["ocibr0"]
    )


def body(made: str, name: str) -> list[str]:
    lines = made.splitlines()
    begin = lines.index(f"  chain {name} {{") + 1
    return [x.strip() for x in lines[begin : lines.index("  }", begin)]]


def test_what_each_match_is() -> None:
    made = chain(*(Line(match, Action.ACCEPT) for match in LINES))
    lines = body(text(RuleSet(chains={"x": made})), "x")
    expected = [f"{line}goto accept_x" for line in LINES.values()]
    isolated = 'counter name "isolated_x" drop'
    assert lines == ["jump always", *expected, isolated]


def test_the_peer_of_egress_is_the_destination() -> None:
    match = Match(family=Family.IPV4, peers="p", excepted="e", port_of="n")
    made = chain(Line(match, Action.DENY), direction=Direction.EGRESS)
    assert body(text(RuleSet(chains={"x": made})), "x")[1] == (
        "ip daddr @p ip daddr != @e ip daddr . meta l4proto . th dport @n"
        ' counter name "rule_x" drop'
    )


def test_a_chain_gives_its_number_to_connections() -> None:
    into = chain(Line(Match(), Action.ACCEPT))
    out = chain(Line(Match(), Action.ACCEPT), direction=Direction.EGRESS)
    made = text(RuleSet(chains={"x": into, "y": out}), x=255, y=7)
    assert body(made, "x")[0] == "ct mark & 0x0000ff00 == 0x0000ff00 accept"
    assert body(made, "x")[2] == "goto ok_in_255"
    assert body(made, "ok_in_255") == [
        'ct state new counter name "accepted_x"',
        "ct mark set ct mark & 0xffff00ff | 0x0000ff00",
        "accept",
    ]
    assert body(made, "y")[0] == "ct mark & 0x00ff0000 == 0x00070000 accept"
    assert numbers_in(objects(made).chains) == {
        Direction.INGRESS: {255},
        Direction.EGRESS: {7},
    }


def test_passing_leads_on_from_admin_rules_and_accepts_in_the_last_tier() -> None:
    line = Line(Match(), Action.PASS)
    made = Chain(
        direction=Direction.INGRESS,
        admin=(line,),
        lines=(line,),
        otherwise=Action.ACCEPT,
    )
    whole = text(RuleSet(chains={"x": made}), x=1)
    assert body(whole, "admin_x") == ["return"]
    assert body(whole, "x")[1:] == [
        "jump always",
        "jump admin_x",
        "goto ok_in_1",
        "goto ok_in_1",
    ]


def test_maps_and_sets_have_their_elements() -> None:
    ports = frozenset([("fd00::1", TCP, 80)])
    networks = frozenset(["10.0.0.0/8"])
    made = text(
        RuleSet(
            egress={"oci1": OPEN},
            ingress={"10.0.0.1": OPEN, "fd00::1": HOLD},
            sets={
                "n": NamedSet(kind=Kind.PORTS, family=Family.IPV6, elements=ports),
                "e": NamedSet(
                    kind=Kind.NETWORKS, family=Family.IPV4, elements=networks
                ),
            },
        )
    )
    for expected in (
        'map egress { type ifname : verdict; elements = { "oci1" : jump open_out }; }',
        "map ingress4 { type ipv4_addr : verdict;"
        " elements = { 10.0.0.1 : jump open_in }; }",
        "map ingress6 { type ipv6_addr : verdict;"
        " elements = { fd00::1 : jump hold_in }; }",
        'set own { type ifname . ifname; elements = { "oci1" . "oci1" }; }',
        "set n { type ipv6_addr . inet_proto . inet_service;"
        " elements = { fd00::1 . tcp . 80 }; }",
        "set e { type ipv4_addr; flags interval; elements = { 10.0.0.0/8 }; }",
    ):
        assert f"  {expected}\n" in made


def test_links_of_others_with_the_prefix_pass() -> None:
    made = text(RuleSet())
    assert body(made, "egress_side") == [
        "type filter hook forward priority -5;",
        'iifname != "oci*" accept',
        'iifname "ocibr0" accept',
        "ct direction reply accept",
        "iifname vmap @egress",
        'counter name "unknown_out" drop',
    ]
    assert 'oifname "ocibr0" accept' in body(made, "ingress_side")


def test_what_is_dropped_is_logged_with_a_prefix_that_says_where() -> None:
    deny = Line(Match(protocol=TCP), Action.DENY, (2, 0))
    made = Chain(
        direction=Direction.INGRESS, admin=(deny,), lines=(), otherwise=Action.DENY
    )
    whole = render(
        RuleSet(chains={"in_x": made}),
        {},
        marks=Marks(),
        link_prefix="oci",
        logged_per_second=10,
    )
    rate = "limit rate 5/second burst 5 packets"
    logging = rate + ' limit name "denied_10" log prefix "vcnd {}"'
    assert "  limit denied_10 { rate 10/second burst 10 packets; }" in whole
    assert body(whole, "admin_in_x") == ["meta l4proto tcp goto deny_in_x_2_0"]
    for name, told, counted in (
        ("deny_in_x_2_0", "rule in_x 2 0", "rule_in_x"),
        ("in_x", "isolated in_x", "isolated_in_x"),
        ("hold_out", "held out", "held_out"),
        ("ingress_side", "unknown in", "unknown_in"),
    ):
        assert body(whole, name)[-2:] == [
            f"{logging.format(told)} group 30307 snaplen 128",
            f'counter name "{counted}" drop',
        ]


def test_errors_about_connections_pass_by_their_protocol_number() -> None:
    # Names of ICMP need /etc/protocols, which our image does not have.
    assert body(text(RuleSet()), "always")[:2] == [
        "ct state related meta l4proto 1 accept",
        "ct state related meta l4proto 58 accept",
    ]
