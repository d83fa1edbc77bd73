"""Security rules of the fabric, by packets."""

from collections.abc import AsyncIterator

import pytest

from fakeoci.world.resources import (
    PortRange,
    RouteRule,
    RouteTable,
    SecurityList,
    SecurityRule,
    Vcn,
)
from fakeoci.world.services import CIDRS
from integration.lab import traffic
from integration.tests.fabric import Running, running_fabric

ASKER, SERVER = "10.0.1.2", "10.0.0.2"
WORLD = """
[[vcns]]
name = "main"
cidrs = ["10.0.0.0/16"]

[[vcns.subnets]]
name = "askers"
cidrs = ["10.0.1.0/24"]

[[vcns.subnets]]
name = "servers"
cidrs = ["10.0.0.0/24"]

[[instances]]
name = "asker"
subnet = "askers"

[[instances]]
name = "server"
subnet = "servers"
"""
PORT = PortRange(min=traffic.SERVICE_PORT, max=traffic.SERVICE_PORT)
ASK = SecurityRule(direction="EGRESS", protocol="6", ports=PORT)
ASK_STATELESS = SecurityRule(
    direction="EGRESS", protocol="6", ports=PORT, is_stateless=True
)
HEAR = SecurityRule(protocol="6", ports=PORT)
HEAR_STATELESS = SecurityRule(protocol="6", ports=PORT, is_stateless=True)
ANSWER = SecurityRule(
    direction="EGRESS", protocol="6", source_ports=PORT, is_stateless=True
)
ANSWER_STATEFUL = SecurityRule(direction="EGRESS", protocol="6", source_ports=PORT)
TAKE_ANSWER = SecurityRule(protocol="6", source_ports=PORT, is_stateless=True)


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    async with running_fabric(WORLD) as made:
        await made.serve("server")
        yield made


async def answered(
    running: Running, asker: list[SecurityRule], server: list[SecurityRule]
) -> bool:
    """Return True if the server answers under these rules."""
    await lay(running, asker, server)
    return await traffic.ask("asker", SERVER) is not None


async def silent(
    running: Running, asker: list[SecurityRule], server: list[SecurityRule]
) -> bool:
    """Return True if the server does not answer under these rules."""
    await lay(running, asker, server)
    return await traffic.ask("asker", SERVER, seconds=0.4) is None


async def lay(
    running: Running, asker: list[SecurityRule], server: list[SecurityRule]
) -> None:
    """Let both security lists have these rules."""
    running.world.named(SecurityList, "askers").rules = asker
    running.world.named(SecurityList, "servers").rules = server
    await running.fabric.settled()


async def test_answer_to_a_stateless_rule_needs_its_own(running: Running) -> None:
    assert await answered(running, [ASK], [HEAR])
    assert await silent(running, [ASK], [HEAR_STATELESS])
    assert await answered(running, [ASK], [HEAR_STATELESS, ANSWER])
    assert await answered(running, [ASK], [HEAR_STATELESS, ANSWER_STATEFUL])
    assert await silent(running, [ASK_STATELESS], [HEAR])
    assert await answered(running, [ASK_STATELESS, TAKE_ANSWER], [HEAR])


async def test_stateless_rule_wins_over_a_stateful_one(running: Running) -> None:
    assert await silent(running, [ASK], [HEAR, HEAR_STATELESS])
    assert await silent(running, [ASK, ASK_STATELESS], [HEAR])


async def test_refused_answer_is_no_accepted_flow(running: Running) -> None:
    vcn_id = running.world.named(Vcn, "main").id
    log = running.fabric.flow_logs[vcn_id]
    assert await silent(running, [ASK], [HEAR_STATELESS])
    log.close_window(await running.fabric.connections(vcn_id), 1.0)
    actions = {(w.way.source, w.action) for w in log.windows}
    assert actions == {(ASKER, "ACCEPT"), (SERVER, "REJECT")}


async def test_rules_and_routes_of_a_service_do_no_harm(running: Running) -> None:
    service = next(iter(CIDRS))
    of_service = SecurityRule(peer=service, peer_type="SERVICE_CIDR_BLOCK")
    table = running.world.named(RouteTable, "servers")
    table.rules.append(
        RouteRule(
            destination=service,
            network_entity_id="a service gateway",
            destination_type="SERVICE_CIDR_BLOCK",
        )
    )
    assert await answered(running, [ASK], [of_service, HEAR])
