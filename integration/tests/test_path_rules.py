"""``vcndctl path`` says of rules and routes what the fabric's packets find."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import trio

from fakeoci.api.service import Service
from fakeoci.fabric import netns
from fakeoci.fabric.fabric import INTERNET_HOST
from fakeoci.fabric.gateways import INTERNET
from fakeoci.world.resources import (
    Instance,
    Ipv6,
    Nsg,
    PortRange,
    PrivateIp,
    RouteTable,
    SecurityList,
    SecurityRule,
)
from integration.lab import traffic
from integration.tests.fabric import Running, running_fabric
from sim.cloud import KEY_ID, operator, signing_key
from vcnd.core.vcn_path import ruling, steps
from vcnd.model.vcn_rules import Connection, Ruling, Stage, Transport
from vcnd.oci.vcn_reading import VcnReader

WORLD = """
[[vcns]]
name = "main"
cidrs = ["10.0.0.0/16"]
ipv6 = true
nsgs = [{ name = "red" }, { name = "blue" }, { name = "web" }]
gateways = [{ name = "nat", kind = "nat" }]

[[vcns.subnets]]
name = "askers"
cidrs = ["10.0.1.0/24"]
ipv6 = true
routes = [{ to = "0.0.0.0/0", by = "nat" }]

[[vcns.subnets]]
name = "servers"
cidrs = ["10.0.0.0/24"]
ipv6 = true

[[instances]]
name = "asker"
subnet = "askers"
nsgs = ["red", "blue"]

[[instances]]
name = "server"
subnet = "servers"
nsgs = ["web", "blue"]
"""
ANSWERED, SILENT = traffic.ANSWER_SECONDS, 0.4
PORT = PortRange(min=traffic.SERVICE_PORT, max=traffic.SERVICE_PORT)
OTHER = PortRange(min=1, max=1023)
LISTS = ("askers", "servers")


def rule(**more: Any) -> SecurityRule:
    return SecurityRule(**{"protocol": "6", "ports": PORT, **more})


def egress(**more: Any) -> SecurityRule:
    return rule(direction="EGRESS", **more)


def nsg(name: str) -> dict[str, str]:
    return {"peer": name, "peer_type": "NETWORK_SECURITY_GROUP"}


FAST = {"is_stateless": True}
BACK: dict[str, Any] = {"ports": None, "source_ports": PORT}


@dataclass(kw_only=True)
class Case:
    """Rules by their holder, and who decides."""

    name: str
    rules: dict[str, list[SecurityRule]]
    denied: list[Stage] = field(default_factory=list)
    six: bool = False
    internet: bool = False


IN, OUT = Stage.INGRESS, Stage.EGRESS
OPEN = {"red": [egress()], "web": [rule()]}
CASES = [
    Case(name="nothing", rules={}, denied=[OUT, IN]),
    Case(name="stateful", rules=OPEN),
    Case(name="no egress", rules={"web": [rule()]}, denied=[OUT]),
    Case(name="no ingress", rules={"red": [egress()]}, denied=[IN]),
    Case(name="security lists", rules={"askers": [egress()], "servers": [rule()]}),
    Case(name="the second NSG", rules={"blue": [egress(), rule()]}),
    Case(
        name="another port",
        rules={"red": [egress()], "web": [rule(ports=OTHER)]},
        denied=[IN],
    ),
    Case(
        name="another protocol",
        rules={"red": [egress(protocol="17")], "web": [rule()]},
        denied=[OUT],
    ),
    Case(
        name="from the sender's NSG",
        rules={"red": [egress(**nsg("web"))], "web": [rule(**nsg("blue"))]},
    ),
    Case(
        name="from an NSG that the sender lacks",
        rules={"red": [egress()], "web": [rule(**nsg("web"))]},
        denied=[IN],
    ),
    Case(
        name="from another CIDR",
        rules={"red": [egress()], "web": [rule(peer="10.0.9.0/24")]},
        denied=[IN],
    ),
    Case(
        name="stateless ingress",
        rules={"red": [egress()], "web": [rule(**FAST)]},
        denied=[Stage.ANSWER_EGRESS],
    ),
    Case(
        name="stateless ingress and its answer",
        rules={"red": [egress()], "web": [rule(**FAST), egress(**FAST, **BACK)]},
    ),
    Case(
        name="stateless egress",
        rules={"red": [egress(**FAST)], "web": [rule()]},
        denied=[Stage.ANSWER_INGRESS],
    ),
    Case(
        name="stateless egress and its answer",
        rules={"red": [egress(**FAST), rule(**FAST, **BACK)], "web": [rule()]},
    ),
    Case(
        name="stateless before stateful",
        rules={"red": [egress()], "web": [rule()], "servers": [rule(**FAST)]},
        denied=[Stage.ANSWER_EGRESS],
    ),
    Case(
        name="IPv6",
        rules={"red": [egress(peer="::/0")], "web": [rule(peer="::/0")]},
        six=True,
    ),
    Case(name="IPv6 by rules of IPv4", rules=OPEN, denied=[OUT, IN], six=True),
    Case(
        name="IPv6 by NSGs",
        rules={"red": [egress(**nsg("web"))], "web": [rule(**nsg("red"))]},
        six=True,
    ),
    Case(name="the internet", rules=OPEN, internet=True),
    Case(name="the internet, no egress", rules={}, denied=[OUT], internet=True),
]


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    async with running_fabric(WORLD) as made:
        await made.serve("server", INTERNET)
        yield made


def lay(running: Running, rules: dict[str, list[SecurityRule]]) -> None:
    """Let lists and NSGs have these rules, and no others."""
    world = running.world
    for name in LISTS:
        world.named(SecurityList, name).rules = list(rules.get(name, ()))
    for name in ("red", "blue", "web"):
        held = world.named(Nsg, name)
        held.rules = {str(n): r for n, r in enumerate(rules.get(name, ()))}
        for number, one in held.rules.items():
            one.id = number
            if one.peer in ("red", "blue", "web"):
                one.peer = world.named(Nsg, one.peer).id


def addresses(running: Running, *, six: bool) -> dict[str, str]:
    """Return the addresses of both hosts; the asker sends from its own."""
    world = running.world
    found = {}
    for name in ("asker", "server"):
        (vnic,) = world.vnics_of(world.named(Instance, name).id)
        found[name] = world.addresses_of(vnic.id, Ipv6 if six else PrivateIp)[
            0
        ].ip_address
    return found


async def told(
    running: Running, source: str, destination: str
) -> tuple[Ruling, list[Stage]]:
    """Return what path comes to, and the stages that deny."""
    service = Service(running.world, trio.current_time)
    service.identities.add_api_key(KEY_ID, signing_key().public_key())
    (vnic,) = running.world.vnics_of(running.world.named(Instance, "asker").id)
    async with operator(service) as (core, retry):
        view = await VcnReader(core=core, retry=retry).view(
            vnic_id=vnic.id, source=source, destination=destination
        )
    assert view.unread == ()
    found = steps(
        view,
        Connection(
            source=source,
            destination=destination,
            transport=Transport.TCP,
            port=traffic.SERVICE_PORT,
        ),
    )
    return ruling(found), [s.stage for s in found if s.ruling is Ruling.DENIED]


async def test_path_says_what_packets_find(running: Running) -> None:
    for case in CASES:
        lay(running, case.rules)
        await running.fabric.settled()
        here = addresses(running, six=case.six)
        target = INTERNET_HOST if case.internet else here["server"]
        decided, denied = await told(running, here["asker"], target)
        assert denied == case.denied, case.name
        allowed = decided is Ruling.ALLOWED
        seconds = ANSWERED if allowed else SILENT
        answer = await traffic.ask("asker", target, seconds=seconds)
        assert (answer is not None) is allowed, case.name


async def test_path_says_that_no_route_leads_out(running: Running) -> None:
    lay(running, OPEN)
    table = running.world.named(RouteTable, "askers")
    table.rules.clear()
    await running.fabric.settled()
    here = addresses(running, six=False)["asker"]
    assert await told(running, here, INTERNET_HOST) == (Ruling.DENIED, [Stage.ROUTE])
    assert await traffic.ask("asker", INTERNET_HOST, seconds=SILENT) is None
    assert INTERNET in netns.names()


async def test_path_says_that_nobody_has_an_address(running: Running) -> None:
    lay(running, OPEN)
    await running.fabric.settled()
    here = addresses(running, six=False)["asker"]
    decided = await told(running, here, "10.0.0.77")
    assert decided == (Ruling.DENIED, [Stage.ROUTE])
    assert await traffic.ask("asker", "10.0.0.77", seconds=SILENT) is None
