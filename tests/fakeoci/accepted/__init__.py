"""An accepted request of each operation, in a world that is made for them."""

import json
from dataclasses import dataclass, field
from typing import Any

import httpx2

from fakeoci.api.app import build
from fakeoci.api.operations.table import OPERATIONS
from fakeoci.api.service import Service
from fakeoci.transport import FakeTransport
from fakeoci.world import state, worldfile
from tests.fakeoci.accepted import instances, networks
from tests.fakeoci.accepted.bodies import DNS, FILTER, HERE, IN_SIX, RULE, SERVICE_ID
from tests.fakeoci.refusals import filled, names_in

CORE = "https://iaas.us-ashburn-1.oraclecloud.com/20160918"
METHODS = {operation.name: operation.method for operation in OPERATIONS}
ACCEPTED = instances.ACCEPTED | networks.ACCEPTED
"""Operation → a request that it accepts: target and body."""
NEEDS_ETAG = ("PatchVcn", "PatchSubnet")
"""Operations that refuse a request without if-match."""

SETUP: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (
        "six",
        "/vcns",
        HERE
        | {
            "cidrBlocks": ["10.20.0.0/16", "10.21.0.0/16"],
            "ipv6PrivateCidrBlocks": ["fd00:1::/56", "fd00:2::/56"],
            "isIpv6Enabled": True,
            "dnsLabel": "six",
        },
    ),
    (
        "six-subnet",
        "/subnets",
        IN_SIX
        | {
            "ipv4CidrBlocks": ["10.20.0.0/24", "10.20.1.0/24"],
            "ipv6CidrBlocks": ["fd00:1::/64", "fd00:1:0:1::/64"],
            "dnsLabel": "hosts",
        },
    ),
    ("empty-subnet", "/subnets", IN_SIX | {"cidrBlock": "10.20.9.0/24"}),
    ("bare", "/vcns", HERE | {"cidrBlocks": ["10.30.0.0/16"]}),
    ("other", "/vcns", HERE | {"cidrBlocks": ["10.31.0.0/16"]}),
    ("spare-nsg", "/networkSecurityGroups", IN_SIX),
    (
        "spare-list",
        "/securityLists",
        IN_SIX | {"ingressSecurityRules": [], "egressSecurityRules": []},
    ),
    ("spare-routes", "/routeTables", IN_SIX | {"routeRules": []}),
    ("spare-dhcp", "/dhcps", IN_SIX | {"options": [DNS]}),
    ("internet", "/internetGateways", IN_SIX | {"isEnabled": True}),
    ("spare-nat", "/natGateways", IN_SIX),
    ("peering", "/localPeeringGateways", IN_SIX),
    ("other-peering", "/localPeeringGateways", HERE | {"vcnId": "{other}"}),
    (
        "service-gateway",
        "/serviceGateways",
        IN_SIX | {"services": [{"serviceId": SERVICE_ID}]},
    ),
    ("spare-drg", "/drgs", HERE),
    ("filter", "/captureFilters", HERE | FILTER),
    ("spare-filter", "/captureFilters", HERE | FILTER),
    ("used-drg", "/drgs", HERE),
    ("drg-attachment", "/drgAttachments", {"drgId": "{used-drg}", "vcnId": "{six}"}),
    (
        "second",
        "/vnicAttachments",
        {
            "instanceId": "{node1}",
            "createVnicDetails": {"subnetId": "{six-subnet}", "hostnameLabel": "two"},
        },
    ),
)
"""Objects that are created first: name, path and body."""
ON_THE_VNIC: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("ip", "/privateIps", {"vnicId": "{second-vnic}"}),
    (
        "vtap",
        "/vtaps",
        IN_SIX
        | {
            "sourceId": "{six-subnet}",
            "targetId": "{second-vnic}",
            "captureFilterId": "{filter}",
        },
    ),
    ("reserved", "/privateIps", {"vnicId": "{second-vnic}", "lifetime": "RESERVED"}),
    (
        "ipv6",
        "/ipv6",
        {"vnicId": "{second-vnic}", "ipv6SubnetCidr": "fd00:1::/64"},
    ),
    (
        "reserved-ipv6",
        "/ipv6",
        {
            "vnicId": "{second-vnic}",
            "ipv6SubnetCidr": "fd00:1::/64",
            "lifetime": "RESERVED",
        },
    ),
)


def accepted(operation: str, ids: dict[str, str]) -> tuple[str, str, Any]:
    """Return method, target and body of the request that an operation accepts."""
    target, body = ACCEPTED[operation]
    return METHODS[operation], filled(target, ids), filled(body, ids)


class Clock:
    """The time of a made cloud; only tests advance it."""

    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class MadeCloud:
    """A cloud with objects for each operation; ``put_back`` undoes changes."""

    service: Service
    clock: Clock
    ids: dict[str, str] = field(default_factory=dict)
    _document: bytes = b""

    def __post_init__(self) -> None:
        self._app = build(self.service)

    async def ask(
        self,
        method: str,
        target: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> httpx2.Response:
        """Send a request; a body of bytes is sent unchanged."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = {} if body is None else {"content-type": "application/json"}
        transport = FakeTransport(self._app, client_address="10.0.0.2")
        async with httpx2.AsyncClient(transport=transport) as client:
            return await client.request(
                method,
                CORE + target,
                content=None if body is None else content,
                headers=kind | (headers or {}),
            )

    def put_back(self) -> None:
        """Restore the world as ``make`` left it."""
        state.restore(self.service.world, self._document, self.clock())

    def let_pass(self, seconds: float) -> None:
        """Advance the time, and carry out due changes."""
        self.clock.now += seconds
        self.service.world.advance(self.clock.now)

    async def make(self) -> None:
        """Create the objects that the accepted requests name."""
        self.ids |= names_in(self.service)
        for name, path, body in SETUP:
            await self._made(name, path, body)
        self.let_pass(10.0)
        second = await self.ask("GET", f"/vnicAttachments/{self.ids['second']}")
        self.ids["second-vnic"] = second.json()["vnicId"]
        for name, path, body in ON_THE_VNIC:
            await self._made(name, path, body)
        nsg = f"/networkSecurityGroups/{self.ids['spare-nsg']}/actions/addSecurityRules"
        rules = await self.ask("POST", nsg, {"securityRules": [RULE]})
        self.ids["rule"] = rules.json()["securityRules"][0]["id"]
        images = await self.ask(
            "GET", filled("/images?compartmentId={compartment}", self.ids)
        )
        self.ids["image"] = images.json()[0]["id"]
        volume = self.ids["node1"].replace("ocid1.instance.", "ocid1.bootvolume.", 1)
        self.ids["boot-volume"] = volume
        cidr = filled("/vcns/{other}/actions/addCidr", self.ids)
        begun = await self.ask("POST", cidr, {"cidrBlock": "10.32.0.0/16"})
        self.ids["work"] = begun.headers["opc-work-request-id"]
        self.let_pass(10.0)
        self._document = state.dump(self.service.world, [])

    async def _made(self, name: str, path: str, body: dict[str, Any]) -> None:
        answer = await self.ask("POST", path, filled(body, self.ids))
        assert answer.status_code == 200, (name, answer.text)
        self.ids[name] = answer.json()["id"]


async def made_cloud() -> MadeCloud:
    """Return a cloud made for the requests of ``ACCEPTED``."""
    clock = Clock()
    service = Service(worldfile.parse(worldfile.default_text()), clock)
    service.world.settings.timing.latency_seconds = 0.0
    service.world.settings.behaviour.verify_signatures = False
    cloud = MadeCloud(service, clock)
    await cloud.make()
    return cloud
