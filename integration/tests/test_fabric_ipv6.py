"""IPv6 by the fabric's gateways, by packets."""

from fakeoci.fabric import netns
from fakeoci.fabric.fabric import INTERNET_HOST_V6
from fakeoci.fabric.gateways import INTERNET
from fakeoci.world.resources import Instance, Ipv6, SecurityList, SecurityRule, Subnet
from fakeoci.world.world import World
from integration.lab import traffic
from integration.tests.fabric import running_fabric

OFFICE, OFFICE_HOST = "onprem-office", "2001:db8:ac10::10"
WORLD = """
[[onprem]]
name = "office"
cidr = "172.16.0.0/24"
host = "172.16.0.10"
ipv6_cidr = "2001:db8:ac10::/64"
ipv6_host = "2001:db8:ac10::10"

[[vcns]]
name = "main"
cidrs = ["10.0.0.0/16"]
ipv6 = true
gateways = [
    { name = "internet", kind = "internet" },
    { name = "to-office", kind = "drg", network = "office" },
    { name = "to-peer", kind = "peering", peer = "to-main" },
]

[[vcns.subnets]]
name = "hosts"
cidrs = ["10.0.0.0/24"]
ipv6 = true
public = true
routes = [
    { to = "::/0", by = "internet" },
    { to = "2001:db8:ac10::/64", by = "to-office" },
    { to = "2603:c020:0:100::/56", by = "to-peer" },
]
rules = [{ direction = "egress", peer = "::/0" }, { peer = "::/0" }]

[[vcns]]
name = "peer"
cidrs = ["192.168.0.0/16"]
ipv6 = true
gateways = [{ name = "to-main", kind = "peering", peer = "to-peer" }]

[[vcns.subnets]]
name = "peer-hosts"
cidrs = ["192.168.1.0/24"]
ipv6 = true
routes = [{ to = "2603:c020::/56", by = "to-main" }]
rules = [{ direction = "egress", peer = "::/0" }, { peer = "::/0" }]

[[instances]]
name = "host"
subnet = "hosts"

[[instances]]
name = "peer-host"
subnet = "peer-hosts"
"""


def ipv6_of(world: World, name: str) -> str:
    """Return the IPv6 address of an instance."""
    (vnic,) = world.vnics_of(world.named(Instance, name).id)
    return world.addresses_of(vnic.id, Ipv6)[0].ip_address


async def test_ipv6_reaches_peers_office_and_internet() -> None:
    async with running_fabric(WORLD) as running:
        address = ipv6_of(running.world, "host")
        peer = "peer-host", ipv6_of(running.world, "peer-host")
        await running.serve("host")
        for other in (peer, (OFFICE, OFFICE_HOST), (INTERNET, INTERNET_HOST_V6)):
            await running.serve(other[0])
            assert await traffic.ask("host", other[1]) == address
            assert await traffic.ask(other[0], address) == other[1]


async def test_rules_and_source_check_hold_for_ipv6_from_outside() -> None:
    async with running_fabric(WORLD) as running:
        address = ipv6_of(running.world, "host")
        await running.serve("host", OFFICE)
        # What a host sends with an address that its VNIC has not goes nowhere.
        netns.ip("host", ["addr add 2603:c020::77/128 dev eth0 nodad"])
        before = await running.fabric.spoofed()
        default = netns.ip_output("host", "-6", "route", "show", "default")
        via = default.split()[2]
        netns.ip("host", [f"route replace ::/0 via {via} dev eth0 src 2603:c020::77"])
        assert await traffic.ask("host", OFFICE_HOST, seconds=0.4) is None
        assert await running.fabric.spoofed() > before
        netns.ip("host", [f"route replace ::/0 via {via} dev eth0"])
        running.world.named(SecurityList, "hosts").rules = [
            SecurityRule(direction="EGRESS", peer="::/0")
        ]
        await running.fabric.settled()
        assert await traffic.ask(OFFICE, address, seconds=0.4) is None


async def test_private_subnet_has_no_ipv6_to_the_internet() -> None:
    async with running_fabric(WORLD) as running:
        running.world.named(Subnet, "hosts").prohibit_public_ip = True
        await running.fabric.settled()
        await running.serve("host", INTERNET, OFFICE)
        address = ipv6_of(running.world, "host")
        assert await traffic.ask("host", INTERNET_HOST_V6, seconds=0.4) is None
        assert await traffic.ask(INTERNET, address, seconds=0.4) is None
        assert await traffic.ask("host", OFFICE_HOST) == address
