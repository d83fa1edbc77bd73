"""World files: a world in one TOML file; the ``*.toml`` files here are examples."""

import re
import tomllib
from functools import lru_cache
from importlib.resources import files
from ipaddress import IPv6Network, ip_network
from typing import Any

import msgspec

from fakeoci.world.errors import ServiceError
from fakeoci.world.instances import launch
from fakeoci.world.networks import create_vcn
from fakeoci.world.policies import conditions, statement
from fakeoci.world.resources import (
    DrgAttachment,
    Gateway,
    Instance,
    Nsg,
    OnPrem,
    PortRange,
    RouteRule,
    RouteTable,
    SecurityList,
    SecurityRule,
    Subnet,
    Vcn,
)
from fakeoci.world.rules import check_route
from fakeoci.world.settings import Settings
from fakeoci.world.shapes import max_vnics
from fakeoci.world.subnets import NewSubnet, create_subnet
from fakeoci.world.tables import (
    InstanceTable,
    RuleTable,
    SubnetTable,
    VcnTable,
    WorldFile,
)
from fakeoci.world.vnics import NewVnic
from fakeoci.world.world import World

PROTOCOLS = {
    "all": "all",
    "icmp": "1",
    "tcp": "6",
    "udp": "17",
    "icmpv6": "58",
    "sctp": "132",
}
GATEWAY_KINDS = {
    "internet": "internetgateway",
    "nat": "natgateway",
    "drg": "drg",
    "peering": "localpeeringgateway",
}


class WorldFileError(Exception):
    """A world file cannot be used; the text has the line and the reason."""


BUNDLED = ("default", "shared-subnet", "two-classes", "dual-stack", "kind")


def bundled(name: str) -> str:
    """Return the text of a bundled world file."""
    return (files("fakeoci.world") / f"{name}.toml").read_text()


def default_text() -> str:
    """Return the text of the default world file."""
    return bundled("default")


def parse(text: str, *, name: str = "world") -> World:
    """Return the world that a file describes.

    Raises:
        WorldFileError: the file cannot be used.
    """
    try:
        parsed = msgspec.convert(_tables(text), WorldFile)
    except tomllib.TOMLDecodeError as error:
        raise WorldFileError(f"{name}: {error}") from error
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$")
        unknown = re.search(r"unknown field `(\w+)`", reason)
        path = path.rstrip("`") + (f".{unknown[1]}" if unknown else "")
        raise WorldFileError(f"{name}, line {_line(text, path)}: {reason}") from error
    builder = _Builder(parsed)
    try:
        return builder.build()
    except (ServiceError, KeyError, ValueError) as error:
        reason = (
            error.message if isinstance(error, ServiceError) else str(error.args[0])
        )
        line = _line(text, builder.at)
        raise WorldFileError(f"{name}, line {line}: {reason}") from error


@lru_cache(maxsize=16)
def _tables(text: str) -> dict[str, Any]:
    """Return the tables of a file; each test of a suite may parse the same one."""
    return tomllib.loads(text)


def _line(text: str, path: str) -> int:
    """Return the line of a path like ``.vcns[0].subnets[1].cidrs``, or its table's."""
    steps = re.findall(r"\.(\w+)|\[(\d+)\]", path)
    table, best, position = "", 1, 0
    lines = text.splitlines()
    for step, index in steps:
        if step:
            table = f"{table}.{step}" if table else step
            header = re.compile(rf"\s*\[\[?{re.escape(table)}\]\]?\s*(#|$)")
            key = re.compile(rf"\s*{re.escape(step)}\s*=")
            for number in range(position, len(lines)):
                if header.match(lines[number]) or key.match(lines[number]):
                    best, position = number + 1, number
                    break
        else:
            header = re.compile(rf"\s*\[\[{re.escape(table)}\]\]")
            left = int(index)
            for number in range(position, len(lines)):
                if header.match(lines[number]):
                    best, position = number + 1, number + 1
                    if left == 0:
                        break
                    left -= 1
    return best


def _ports(ports: list[int] | None) -> PortRange | None:
    return PortRange(min=ports[0], max=ports[-1]) if ports else None


class _Builder:
    """Builds the world; ``at`` is the current place in the file."""

    def __init__(self, parsed: WorldFile) -> None:
        self._file = parsed
        self._world = World(
            settings=Settings(
                timing=parsed.timing, limits=parsed.limits, behaviour=parsed.behaviour
            ),
            seed=parsed.world.seed,
            region=parsed.world.region,
            region_key=parsed.world.region_key,
        )
        self.at = ""

    def build(self) -> World:
        for number, compartment in enumerate(self._file.compartments):
            self.at = f".compartments[{number}]"
            name, parent = compartment.name, compartment.parent
            self._world.compartments.add(name, parent=parent)
        self._policies()
        for onprem in self._file.onprem:
            self._world.onprem[onprem.name] = OnPrem(**msgspec.structs.asdict(onprem))
        for number, table in enumerate(self._file.vcns):
            self.at = f".vcns[{number}]"
            self._vcn(table)
        for number, table in enumerate(self._file.vcns):
            for sub, gateway in enumerate(table.gateways):
                self.at = f".vcns[{number}].gateways[{sub}]"
                if gateway.peer:
                    mine = self._world.named(Gateway, gateway.name)
                    mine.peer_id = self._world.named(Gateway, gateway.peer).id
        for number, instance in enumerate(self._file.instances):
            self.at = f".instances[{number}]"
            self._instances(instance)
        return self._world

    def _policies(self) -> None:
        policies = self._world.policies
        for number, text in enumerate(self._file.policies):
            self.at = f".policies[{number}]"
            policies.statements.append(statement(text))
        for number, group in enumerate(self._file.dynamic_groups):
            self.at = f".dynamic_groups[{number}]"
            policies.groups[group.name] = conditions(group.rule)

    def _common(self, kind: str, name: str, inside: str) -> dict[str, Any]:
        """Return the common fields of a new object in a compartment."""
        return {
            "id": self._world.names.ocid(kind),
            "compartment_id": inside,
            "display_name": name,
        }

    def _compartment(self, name: str) -> str:
        return self._world.compartments.named(name).id

    def _vcn(self, table: VcnTable) -> None:
        world, at = self._world, self.at
        vcn = create_vcn(
            world,
            compartment_id=self._compartment(table.compartment),
            cidr_blocks=table.cidrs,
            display_name=table.name,
            dns_label=table.dns_label,
            freeform_tags={},
            with_ipv6=table.ipv6,
            now=0.0,
        )
        inside = vcn.compartment_id
        for number, gateway in enumerate(table.gateways):
            self.at = f"{at}.gateways[{number}]"
            if gateway.kind not in GATEWAY_KINDS:
                raise ValueError(f"a gateway is one of {', '.join(GATEWAY_KINDS)}")
            if gateway.network and gateway.network not in world.onprem:
                raise KeyError(f"no on-premises network named {gateway.network!r}")
            made = world.add(
                Gateway(
                    **self._common(GATEWAY_KINDS[gateway.kind], gateway.name, inside),
                    kind=gateway.kind,
                    vcn_id=vcn.id,
                    network=gateway.network,
                )
            )
            if gateway.kind == "drg":
                world.add(
                    DrgAttachment(
                        **self._common("drgattachment", gateway.name, inside),
                        drg_id=made.id,
                        vcn_id=vcn.id,
                    )
                )
        for number, nsg in enumerate(table.nsgs):
            self.at = f"{at}.nsgs[{number}]"
            named = self._compartment(nsg.compartment) if nsg.compartment else inside
            common = self._common("networksecuritygroup", nsg.name, named)
            world.add(Nsg(**common, vcn_id=vcn.id))
        for number, nsg in enumerate(table.nsgs):
            self.at = f"{at}.nsgs[{number}]"
            rules = [self._rule(r) for r in nsg.rules]
            for order, rule in enumerate(rules, 1):
                rule.number = order
            world.named(Nsg, nsg.name).rules = {r.id: r for r in rules}
        for number, subnet in enumerate(table.subnets):
            self.at = f"{at}.subnets[{number}]"
            self._subnet(vcn, subnet, number)

    def _subnet(self, vcn: Vcn, table: SubnetTable, number: int) -> None:
        world, prefixes = self._world, []
        if table.ipv6:
            if not vcn.ipv6_cidr_blocks:
                raise ValueError("ipv6 = true needs a VCN with ipv6 = true")
            block = IPv6Network(vcn.ipv6_cidr_blocks[0])
            prefixes = [str(list(block.subnets(new_prefix=64))[number])]
        rules = [
            RouteRule(
                destination=str(ip_network(r.to)),
                network_entity_id=world.named(Gateway, r.by).id,
            )
            for r in table.routes
        ]
        for rule in rules:
            check_route(world, rule, vcn.id)
        routes = world.add(
            RouteTable(
                **self._common("routetable", table.name, vcn.compartment_id),
                vcn_id=vcn.id,
                rules=rules,
            )
        )
        security = world.add(
            SecurityList(
                **self._common("securitylist", table.name, vcn.compartment_id),
                vcn_id=vcn.id,
                rules=[self._rule(r) for r in table.rules],
            )
        )
        named = table.compartment
        create_subnet(
            world,
            NewSubnet(
                vcn_id=vcn.id,
                cidr_blocks=table.cidrs,
                ipv6_cidr_blocks=prefixes,
                route_table_id=routes.id,
                security_list_ids=[security.id],
                prohibit_public_ip=not table.public,
                display_name=table.name,
                dns_label=table.dns_label,
            ),
            compartment_id=self._compartment(named) if named else vcn.compartment_id,
            now=0.0,
        )

    def _rule(self, table: RuleTable) -> SecurityRule:
        if table.direction not in ("ingress", "egress"):
            raise ValueError("direction is ingress or egress")
        if table.protocol not in PROTOCOLS:
            raise ValueError(f"protocol is one of {', '.join(PROTOCOLS)}")
        if table.peer.startswith("nsg:"):
            peer = self._world.named(Nsg, table.peer[4:]).id
            peer_type = "NETWORK_SECURITY_GROUP"
        else:
            peer, peer_type = str(ip_network(table.peer)), "CIDR_BLOCK"
        return SecurityRule(
            id=self._world.names.segment()[:6],
            direction=table.direction.upper(),
            protocol=PROTOCOLS[table.protocol],
            peer=peer,
            peer_type=peer_type,
            ports=_ports(table.ports),
            source_ports=_ports(table.source_ports),
            is_stateless=table.stateless,
            description=table.description,
        )

    def _instances(self, table: InstanceTable) -> None:
        world = self._world
        try:
            most = max_vnics(table.shape, table.ocpus)
        except KeyError:
            raise KeyError(f"unknown shape {table.shape!r}") from None
        inside = self._compartment(table.compartment)
        numbers = range(1, table.count + 1) if table.count else [0]
        for number in numbers:
            name = f"{table.name}{number}" if number else table.name
            instance = Instance(
                **self._common("instance", name, inside),
                shape=table.shape,
                ocpus=table.ocpus,
                max_vnic_attachments=most,
                metadata=dict(table.metadata),
                netns=table.netns or name,
                private_ips_per_vnic=table.private_ips_per_vnic,
            )
            subnet = world.named(Subnet, table.subnet)
            new = NewVnic(
                subnet_id=subnet.id,
                nsg_ids=[world.named(Nsg, n).id for n in table.nsgs],
                private_ip=table.private_ip,
                # Hosts of a dual-stack subnet get an IPv6, as OCI's images request it.
                ipv6s=[(None, None)] if subnet.ipv6_cidr_blocks else [],
                display_name=name,
            )
            launch(world, instance, new, now=0.0)
