"""VTAPs of the fabric, by packets."""

import socket
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import trio

from fakeoci.fabric import netns
from fakeoci.world.resources import (
    CaptureFilter,
    CaptureRule,
    Instance,
    PortRange,
    SecurityList,
    SecurityRule,
    Subnet,
    Vcn,
    Vtap,
)
from integration.lab import traffic
from integration.lab.vxlan import PORT as VXLAN_PORT
from integration.lab.vxlan import Inner
from integration.tests.fabric import Running, running_fabric

ASKER, SERVER, COLLECTOR = "10.0.0.2", "10.0.0.3", "10.0.1.2"
WORLD = """
[[vcns]]
name = "main"
cidrs = ["10.0.0.0/16"]

[[vcns.subnets]]
name = "hosts"
cidrs = ["10.0.0.0/24"]
rules = [{ direction = "egress" }, {}]

[[vcns.subnets]]
name = "collectors"
cidrs = ["10.0.1.0/24"]
rules = [{ protocol = "udp", ports = [4789] }]

[[instances]]
name = "asker"
subnet = "hosts"

[[instances]]
name = "server"
subnet = "hosts"

[[instances]]
name = "collector"
subnet = "collectors"
"""
BOTH_WAYS = [CaptureRule(direction="INGRESS"), CaptureRule(direction="EGRESS")]
PORT = PortRange(min=traffic.SERVICE_PORT, max=traffic.SERVICE_PORT)


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    async with running_fabric(WORLD) as made:
        await made.serve("server")
        yield made


def vnic_of(running: Running, name: str) -> str:
    """Return the OCID of an instance's VNIC."""
    world = running.world
    (vnic,) = world.vnics_of(world.named(Instance, name).id)
    return vnic.id


async def tapped(
    running: Running, rules: list[CaptureRule], source_id: str = ""
) -> Vtap:
    """Start a VTAP from the asker, or another source, to the collector."""
    world = running.world
    inside = world.compartment_id
    held = world.add(
        CaptureFilter(id=world.names.ocid("f"), compartment_id=inside, rules=rules)
    )
    made = world.add(
        Vtap(
            id=world.names.ocid("vtap"),
            vcn_id=world.named(Vcn, "main").id,
            source_id=source_id or vnic_of(running, "asker"),
            target_id=vnic_of(running, "collector"),
            capture_filter_id=held.id,
            vxlan_network_identifier=42,
            is_enabled=True,
            compartment_id=inside,
        )
    )
    await running.fabric.settled()
    return made


def collecting() -> trio.socket.SocketType:
    """Return the socket at which the copies arrive."""
    return traffic.datagrams("collector", COLLECTOR, VXLAN_PORT)


async def mirrored(sock: trio.socket.SocketType) -> list[Inner]:
    """Let the asker ask the server; return the TCP packets that were mirrored."""
    assert await traffic.ask("asker", SERVER) == ASKER
    found = []
    with trio.move_on_after(0.3):
        while True:
            data, (outer_source, _) = await sock.recvfrom(65535)
            packet = Inner.of(outer_source, data)
            if packet.protocol == socket.IPPROTO_TCP:
                found.append(packet)
    return found


async def test_both_directions_are_mirrored_as_vxlan(running: Running) -> None:
    await tapped(running, BOTH_WAYS)
    with collecting() as sock:
        packets = await mirrored(sock)
    ways = {(p.source, p.destination) for p in packets}
    assert ways == {(ASKER, SERVER), (SERVER, ASKER)}
    assert {(p.outer_source, p.identifier) for p in packets} == {(ASKER, 42)}


async def test_first_rule_that_matches_decides(running: Running) -> None:
    not_answers = CaptureRule(
        direction="INGRESS", protocol="6", source_ports=PORT, includes=False
    )
    await tapped(running, [not_answers, *BOTH_WAYS])
    with collecting() as sock:
        packets = await mirrored(sock)
    assert {p.source for p in packets} == {ASKER}


async def test_vtaps_of_one_source_each_mirror(running: Running) -> None:
    await tapped(running, BOTH_WAYS)
    second = await tapped(running, [CaptureRule(direction="EGRESS")])
    second.vxlan_network_identifier = 43
    await running.fabric.settled()
    with collecting() as sock:
        packets = await mirrored(sock)
    assert {p.identifier for p in packets} == {42, 43}


async def test_a_subnet_mirrors_all_its_vnics(running: Running) -> None:
    subnet = running.world.named(Subnet, "hosts").id
    await tapped(running, [CaptureRule(direction="EGRESS")], subnet)
    with collecting() as sock:
        packets = await mirrored(sock)
    assert {p.outer_source for p in packets} == {ASKER, SERVER}


async def test_stopped_or_refused_it_mirrors_nothing(running: Running) -> None:
    made = await tapped(running, BOTH_WAYS)
    collectors = running.world.named(SecurityList, "collectors")
    allowed = collectors.rules[0]
    with collecting() as sock:
        collectors.rules = [replace(allowed, protocol="6")]
        await running.fabric.settled()
        assert await mirrored(sock) == []
        collectors.rules = [allowed]
        await running.fabric.settled()
        assert await mirrored(sock) != []
        made.is_enabled = False
        await running.fabric.settled()
        assert await mirrored(sock) == []
    links = netns.ip_output("vcn-main", "-br", "link")
    assert "vtap" not in links


async def test_what_a_vtap_sends_is_not_mirrored_again(running: Running) -> None:
    """Even where the target is a source itself."""
    everything = SecurityRule(direction="EGRESS")
    for name in ("hosts", "collectors"):
        running.world.named(SecurityList, name).rules += [everything]
    await tapped(running, BOTH_WAYS)
    back = await tapped(running, BOTH_WAYS, vnic_of(running, "collector"))
    back.target_id = vnic_of(running, "asker")
    await running.fabric.settled()
    with collecting() as sock:
        packets = await mirrored(sock)
    assert 0 < len(packets) < 30
