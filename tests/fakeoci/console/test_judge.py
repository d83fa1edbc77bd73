"""Which rule decided about a flow."""

import pytest

from fakeoci.console.judge import Judge
from fakeoci.fabric.netfilter import Way
from fakeoci.world import worldfile
from fakeoci.world.resources import (
    Instance,
    Nsg,
    PortRange,
    PrivateIp,
    SecurityList,
    SecurityRule,
    Vcn,
)
from fakeoci.world.world import World

TCP, UDP, ICMP = 6, 17, 1
NODE1, NODE2, PEER = "10.0.0.2", "10.0.0.3", "192.168.1.2"


@pytest.fixture
def world() -> World:
    return worldfile.parse(worldfile.default_text())


def decided(
    world: World,
    source: str,
    destination: str,
    protocol: int = TCP,
    port: int = 8080,
    *,
    accepted: bool = True,
    reply: bool = False,
    spoofed: bool = False,
) -> list[tuple[str, bool, str]]:
    way = Way(source, destination, protocol, 40000, port)
    vcn_id = world.named(Vcn, "main").id
    found = Judge(world).decisions(
        vcn_id, way, accepted=accepted, reply=reply, spoofed=spoofed
    )
    return [(d.stage, d.allows, d.text) for d in found]


def test_both_sides_and_their_rules_are_named(world: World) -> None:
    assert decided(world, NODE1, NODE2) == [
        ("egress", True, "security list nodes: all to 0.0.0.0/0"),
        ("ingress", True, "security list nodes: all from 10.0.0.0/15 (nodes and pods)"),
    ]


def test_missing_rule_names_the_lists_that_lack_it(world: World) -> None:
    assert decided(world, "172.16.0.10", NODE1, accepted=False) == [
        (
            "ingress",
            False,
            "no rule of security list nodes allows tcp 8080 from 172.16.0.10",
        ),
    ]
    allowed = decided(world, "172.16.0.10", NODE1, port=30080)
    assert allowed[0][2] == (
        "security list nodes: tcp 30000-32767 from 0.0.0.0/0 (NodePorts)"
    )


def test_route_out_of_the_vcn_is_the_most_specific(world: World) -> None:
    assert decided(world, NODE1, PEER)[-1] == (
        "route",
        True,
        "192.168.0.0/16 by peering gateway to-peer",
    )
    assert decided(world, NODE1, "198.51.100.80")[-1] == (
        "route",
        True,
        "0.0.0.0/0 by nat gateway nat",
    )


def test_replies_and_spoofed_packets_need_no_rule(world: World) -> None:
    assert [d[:2] for d in decided(world, NODE1, NODE2, reply=True)] == [
        ("established", True)
    ]
    spoofed = decided(world, "10.9.9.9", NODE2, accepted=False, spoofed=True)
    assert [d[:2] for d in spoofed] == [("source check", False)]


def test_services_of_the_router_are_local(world: World) -> None:
    assert [d[0] for d in decided(world, NODE1, "169.254.169.254")] == ["local"]


def _in_group(world: World, name: str, instance: str) -> Nsg:
    nsg = world.named(Nsg, name)
    vnic = world.vnics_of(world.named(Instance, instance).id)[0]
    vnic.nsg_ids = [nsg.id]
    return nsg


def test_members_of_an_nsg_match_its_rule(world: World) -> None:
    nsg = _in_group(world, "pods", "peer-host")
    rule = SecurityRule(
        id="r",
        protocol="17",
        peer=nsg.id,
        peer_type="NETWORK_SECURITY_GROUP",
        ports=PortRange(min=53, max=53),
    )
    vnic = world.vnics_of(world.named(Instance, "node1").id)[0]
    vnic.nsg_ids = [nsg.id]
    nsg.rules = {"r": rule}
    found = decided(world, NODE1, PEER, UDP, 53)
    assert found[0][0] == "egress"
    members = decided(world, NODE1, NODE1, UDP, 53)[-1]
    assert members[2].startswith("security list nodes")
    away = decided(world, "192.168.1.9", NODE1, UDP, 53, accepted=False)
    assert away[-1][2].endswith("allows udp 53 from 192.168.1.9")


def test_icmp_and_ports_are_told_apart(world: World) -> None:
    vnic = _in_group(world, "pods", "node1")
    assert vnic.rules
    icmp = decided(world, "172.16.0.10", NODE1, ICMP, 0)
    assert icmp[-1][2] == "NSG pods: icmp from 0.0.0.0/0"
    udp = decided(world, "172.16.0.10", NODE1, UDP, 8080)
    assert udp[-1][2] == "NSG pods: udp 8080 from 0.0.0.0/0"


def _list_of(world: World, name: str) -> SecurityList:
    return world.named(SecurityList, name)


def test_stateless_rule_decides_before_a_stateful_one(world: World) -> None:
    rules = _list_of(world, "nodes").rules
    rules.append(SecurityRule(protocol="6", is_stateless=True))
    ingress = decided(world, NODE1, NODE2)[-1]
    assert ingress[2] == "security list nodes: stateless tcp from 0.0.0.0/0"


def test_answer_to_a_stateless_rule_has_its_own_rule(world: World) -> None:
    rules = _list_of(world, "nodes").rules
    rules.append(SecurityRule(protocol="6", is_stateless=True))
    from_port = PortRange(min=8080, max=8080)
    egress = SecurityRule(direction="EGRESS", protocol="6", source_ports=from_port)
    egress.is_stateless = True
    rules.append(egress)
    source, destination = NODE2, NODE1
    way = Way(source, destination, TCP, 8080, 40000)
    vcn_id = world.named(Vcn, "main").id
    found = Judge(world).decisions(
        vcn_id, way, accepted=True, reply=True, spoofed=False
    )
    assert [(d.stage, d.text) for d in found] == [
        (
            "egress",
            "security list nodes: stateless tcp source ports 8080-8080 to 0.0.0.0/0",
        )
    ]


def test_live_flow_without_a_rule_began_under_earlier_rules(world: World) -> None:
    assert [d[:2] for d in decided(world, "172.16.0.10", NODE1)] == [
        ("established", True)
    ]


def test_address_of_a_block_belongs_to_its_vnic(world: World) -> None:
    vnic = world.vnics_of(world.named(Instance, "node2").id)[0]
    world.add(
        PrivateIp(
            id="block",
            compartment_id=world.compartment_id,
            ip_address="10.0.0.64",
            prefix_length=28,
            subnet_id=vnic.subnet_id,
            vnic_id=vnic.id,
        )
    )
    judge, main = Judge(world), world.named(Vcn, "main").id
    assert judge.name(main, "10.0.0.70") == "node2"
    assert judge.name(main, "10.0.0.80") == ""
    assert judge.name(main, PEER) == "peer-host"


def test_deleted_objects_do_not_break_an_older_judge(world: World) -> None:
    judge, main = Judge(world), world.named(Vcn, "main").id
    for resource in list(world.objects.values()):
        world.drop(resource)
    way = Way(NODE1, PEER, TCP, 40000, 8080)
    found = judge.decisions(main, way, accepted=True, reply=False, spoofed=False)
    assert [d.stage for d in found] == ["egress", "route"]
    assert judge.name(main, NODE1) == "node1"
