"""Security rules of a VNIC: a table, and the fake's own judge as the second opinion."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fakeoci.console.judge import Judge
from fakeoci.fabric.netfilter import Way
from fakeoci.world import resources, worldfile
from fakeoci.world.resources import Instance, Nsg, SecurityList, Subnet, Vcn, Vnic
from fakeoci.world.world import World
from vcnd.core.vcn_path import EPHEMERAL, steps
from vcnd.core.vcn_rules import Packet, in_words, judge
from vcnd.model.vcn_rules import (
    Connection,
    Direction,
    End,
    PeerKind,
    PortSpan,
    RouteTable,
    Ruling,
    SecurityRule,
    Stage,
    Transport,
    VcnView,
)

TO = Packet(
    direction=Direction.EGRESS,
    peer="10.0.0.2",
    peer_nsgs=frozenset({"servers"}),
    transport=Transport.TCP,
    ports=PortSpan(80, 80),
    source_ports=EPHEMERAL,
)
OUT = SecurityRule(holder="NSG a", direction=Direction.EGRESS, peer="0.0.0.0/0")
YES, NO, OPEN = Ruling.ALLOWED, Ruling.DENIED, Ruling.UNKNOWN
HTTP = replace(OUT, protocol="6", ports=PortSpan(80, 80))
TABLE = [
    ("all", [OUT], TO, YES),
    ("none", [], TO, NO),
    ("the other direction", [replace(OUT, direction=Direction.INGRESS)], TO, NO),
    ("another CIDR", [replace(OUT, peer="10.0.1.0/24")], TO, NO),
    ("the other family", [replace(OUT, peer="::/0")], TO, NO),
    ("its port", [HTTP], TO, YES),
    ("another port", [replace(HTTP, ports=PortSpan(443, 443))], TO, NO),
    ("another protocol", [replace(HTTP, protocol="17")], TO, NO),
    ("no port told", [HTTP], replace(TO, ports=PortSpan(0, 65535)), OPEN),
    ("no protocol told", [HTTP], replace(TO, transport=None), OPEN),
    ("source ports", [replace(OUT, source_ports=PortSpan(1024, 65535))], TO, YES),
    ("some of them", [replace(OUT, source_ports=PortSpan(40000, 50000))], TO, OPEN),
    ("none of them", [replace(OUT, source_ports=PortSpan(1, 1023))], TO, NO),
    ("its NSG", [replace(OUT, peer="servers", peer_kind=PeerKind.NSG)], TO, YES),
    ("another NSG", [replace(OUT, peer="x", peer_kind=PeerKind.NSG)], TO, NO),
    (
        "an NSG, and the peer's are unknown",
        [replace(OUT, peer="servers", peer_kind=PeerKind.NSG)],
        replace(TO, peer_nsgs=None),
        OPEN,
    ),
    (
        "a service, inside",
        [replace(OUT, peer="all-iad", peer_kind=PeerKind.SERVICE)],
        TO,
        NO,
    ),
    (
        "a service, outside",
        [replace(OUT, peer="all-iad", peer_kind=PeerKind.SERVICE)],
        replace(TO, peer="8.8.8.8"),
        OPEN,
    ),
    (
        "ICMP of the family",
        [replace(OUT, protocol="1")],
        replace(TO, transport=Transport.ICMP),
        YES,
    ),
    (
        "ICMPv6",
        [replace(OUT, protocol="58", peer="::/0")],
        replace(TO, transport=Transport.ICMP, peer="2001:db8::1"),
        YES,
    ),
    (
        "an ICMP type",
        [replace(OUT, protocol="1", icmp_type=8, icmp_code=0)],
        replace(TO, transport=Transport.ICMP),
        OPEN,
    ),
]


@pytest.mark.parametrize(
    ("rules", "packet", "ruling"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE]
)
def test_rules_decide(
    rules: list[SecurityRule], packet: Packet, ruling: Ruling
) -> None:
    end = End(vnic_id="v", nsg_ids=(), rules=tuple(rules))
    assert judge(end, packet).ruling is ruling
    part = judge(replace(end, is_whole=False), packet).ruling
    assert part is (ruling if ruling is YES else OPEN)


def test_stateless_rule_comes_first_and_is_told() -> None:
    stateless = replace(HTTP, stateless=True, description="web")
    end = End(vnic_id="v", nsg_ids=(), rules=(OUT, stateless))
    found = judge(end, TO)
    assert (found.ruling, found.stateless) == (YES, YES)
    assert found.why == in_words(stateless)
    assert found.why == "NSG a: stateless tcp 80 to 0.0.0.0/0 (web)"
    assert judge(replace(end, rules=(OUT,)), TO).stateless is NO
    # One of the packets that it may be meets the stateless rule.
    untold = replace(TO, ports=PortSpan(0, 65535))
    assert judge(end, untold).stateless is OPEN


def test_what_is_missing_is_told() -> None:
    end = End(vnic_id="v", nsg_ids=(), rules=())
    assert judge(end, TO).why == (
        "no rule allows tcp 80 source ports 32768-60999 to 10.0.0.2"
    )


TEXT = """
[[vcns]]
name = "main"
cidrs = ["10.0.0.0/16"]
nsgs = [{ name = "askers" }, { name = "servers" }, { name = "others" }]

[[vcns.subnets]]
name = "askers"
cidrs = ["10.0.1.0/24"]

[[vcns.subnets]]
name = "servers"
cidrs = ["10.0.0.0/24"]

[[instances]]
name = "asker"
subnet = "askers"
nsgs = ["askers", "others"]

[[instances]]
name = "server"
subnet = "servers"
nsgs = ["servers", "others"]
"""
NSGS = ("askers", "servers", "others")
ports = st.sampled_from(
    [None, resources.PortRange(min=80, max=80), resources.PortRange(min=81, max=90)]
)
rules = st.builds(
    resources.SecurityRule,
    direction=st.sampled_from(["INGRESS", "EGRESS"]),
    protocol=st.sampled_from(["all", "1", "6", "17"]),
    peer=st.sampled_from(["0.0.0.0/0", "10.0.0.0/24", "10.0.1.2/32", *NSGS]),
    ports=ports,
    is_stateless=st.booleans(),
)


def model(rule: resources.SecurityRule) -> SecurityRule:
    span = rule.ports
    return SecurityRule(
        holder="any",
        direction=Direction(rule.direction),
        protocol=rule.protocol,
        peer=rule.peer,
        peer_kind=PeerKind(rule.peer_type),
        ports=PortSpan(span.min, span.max) if span else None,
        stateless=rule.is_stateless,
    )


def end(world: World, name: str) -> End:
    (vnic,) = world.vnics_of(world.named(Instance, name).id)
    lists = world.get(Subnet, vnic.subnet_id).security_list_ids
    held = [r for one in lists for r in world.get(SecurityList, one).rules]
    held += [r for one in vnic.nsg_ids for r in world.get(Nsg, one).rules.values()]
    return End(
        vnic_id=vnic.id, nsg_ids=tuple(vnic.nsg_ids), rules=tuple(map(model, held))
    )


@given(
    held=st.lists(st.tuples(st.sampled_from(["lists", *NSGS]), rules), max_size=6),
    port=st.sampled_from([80, 85, 443]),
)
def test_rules_decide_as_the_fakes_judge(
    held: list[tuple[str, resources.SecurityRule]], port: int
) -> None:
    world = worldfile.parse(TEXT)
    lists = [world.named(SecurityList, n) for n in ("askers", "servers")]
    for one in lists:
        one.rules = []
    for number, (holder, rule) in enumerate(held):
        if rule.peer in NSGS:
            if holder == "lists":
                continue
            rule.peer_type = "NETWORK_SECURITY_GROUP"
            rule.peer = world.named(Nsg, rule.peer).id
        if rule.protocol not in ("6", "17"):
            rule.ports = None
        if holder == "lists":
            lists[number % 2].rules.append(rule)
        else:
            world.named(Nsg, holder).rules[str(number)] = rule
    ends = end(world, "asker"), end(world, "server")
    addresses = [world.primary_ip(world.get(Vnic, e.vnic_id).id) for e in ends]
    view = VcnView(
        cidrs=("10.0.0.0/16",),
        sender=ends[0],
        receiver=ends[1],
        table=RouteTable(id="t", rules=()),
    )
    found = steps(
        view,
        Connection(
            source=addresses[0],
            destination=addresses[1],
            transport=Transport.TCP,
            port=port,
        ),
    )
    way = Way(
        source=addresses[0],
        destination=addresses[1],
        protocol=6,
        source_port=40000,
        destination_port=port,
    )
    vcn_id = world.named(Vcn, "main").id
    decided = Judge(world).decisions(
        vcn_id, way, accepted=False, reply=False, spoofed=False
    )
    ours = {s.stage: s.ruling is YES for s in found}
    for decision in decided:
        assert ours[Stage(decision.stage)] is decision.allows, (decision, found)
