"""Policy statements, read as OCI's Identity reads them, for the fake's operations.

    Allow dynamic-group NAME to VERB RESOURCES in compartment NAME [where CONDITIONS]
    Allow any-user to {PERMISSION, …} in tenancy where all {name = 'value', …}

Verbs and resource types: OCI's policy reference for the core services
(docs/oci.md#permissions).  Users with an API key are administrators here.
"""

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass, field

VERBS = ("inspect", "read", "use", "manage")

RESOURCES: dict[str, tuple[tuple[str, ...], ...]] = {
    # The permissions that inspect, read, use and manage add, by resource type.
    "instances": (
        ("INSTANCE_INSPECT",),
        ("INSTANCE_READ",),
        ("INSTANCE_UPDATE", "INSTANCE_POWER_ACTIONS"),
        (
            "INSTANCE_CREATE",
            "INSTANCE_DELETE",
            "INSTANCE_ATTACH_SECONDARY_VNIC",
            "INSTANCE_DETACH_SECONDARY_VNIC",
            "INSTANCE_MOVE",
        ),
    ),
    "vnic-attachments": (("VNIC_ATTACHMENT_READ",), (), (), ()),
    "vnics": (
        ("VNIC_READ",),
        (),
        (
            "VNIC_ATTACH",
            "VNIC_DETACH",
            "VNIC_CREATE",
            "VNIC_DELETE",
            "VNIC_UPDATE",
            "VNIC_ASSIGN",
            "VNIC_UNASSIGN",
            "VNIC_ASSOCIATE_NETWORK_SECURITY_GROUP",
            "VNIC_DISASSOCIATE_NETWORK_SECURITY_GROUP",
        ),
        (),
    ),
    "private-ips": (
        ("PRIVATE_IP_READ",),
        (),
        (
            "PRIVATE_IP_CREATE",
            "PRIVATE_IP_DELETE",
            "PRIVATE_IP_UPDATE",
            "PRIVATE_IP_ASSIGN",
            "PRIVATE_IP_UNASSIGN",
        ),
        (),
    ),
    "ipv6s": (
        ("IPV6_READ",),
        (),
        ("IPV6_UPDATE",),
        ("IPV6_CREATE", "IPV6_DELETE"),
    ),
    "subnets": (
        ("SUBNET_READ",),
        (),
        ("SUBNET_ATTACH", "SUBNET_DETACH"),
        ("SUBNET_MOVE",),
    ),
    "network-security-groups": (
        ("NETWORK_SECURITY_GROUP_INSPECT",),
        ("NETWORK_SECURITY_GROUP_READ",),
        (
            "NETWORK_SECURITY_GROUP_LIST_SECURITY_RULES",
            "NETWORK_SECURITY_GROUP_LIST_MEMBERS",
            "NETWORK_SECURITY_GROUP_UPDATE_MEMBERS",
        ),
        ("NETWORK_SECURITY_GROUP_MOVE",),
    ),
    "vcns": (("VCN_READ",), (), (), ("VCN_ATTACH", "VCN_DETACH", "VCN_MOVE")),
    "ipam": (("IPAM_READ",), (), (), ()),
    "capture-filters": (
        ("CAPTURE_FILTER_LIST",),
        ("CAPTURE_FILTER_READ",),
        ("CAPTURE_FILTER_UPDATE", "CAPTURE_FILTER_ATTACH", "CAPTURE_FILTER_DETACH"),
        ("CAPTURE_FILTER_CREATE", "CAPTURE_FILTER_DELETE", "CAPTURE_FILTER_MOVE"),
    ),
    "vtaps": (
        ("VTAP_LIST",),
        ("VTAP_READ",),
        ("VTAP_UPDATE",),
        ("VTAP_CREATE", "VTAP_DELETE", "VTAP_MOVE"),
    ),
    "drgs": ((), (), (), ("DRG_MOVE",)),
    "route-tables": (("ROUTE_TABLE_READ",), (), (), ("ROUTE_TABLE_MOVE",)),
    "security-lists": (("SECURITY_LIST_READ",), (), (), ("SECURITY_LIST_MOVE",)),
    "dhcp-options": ((), (), (), ("DHCP_MOVE",)),
    "internet-gateways": ((), (), (), ("INTERNET_GATEWAY_MOVE",)),
    "nat-gateways": ((), (), (), ("NAT_GATEWAY_MOVE",)),
    "service-gateways": ((), (), (), ("SERVICE_GATEWAY_MOVE",)),
    "local-peering-gateways": ((), (), (), ("LOCAL_PEERING_GATEWAY_MOVE",)),
}
FAMILIES = {
    "instance-family": ("instances",),
    "virtual-network-family": tuple(r for r in RESOURCES if r != "instances"),
    "all-resources": tuple(RESOURCES),
}

STATEMENT = re.compile(
    r"allow\s+(?P<who>any-user|dynamic-group\s+\S+)\s+to\s+"
    r"(?:(?P<verb>\w+)\s+(?P<what>[\w-]+)|\{(?P<permissions>[^}]+)\})"
    r"\s+in\s+(?P<where>tenancy|compartment\s+(?:id\s+)?\S+)"
    r"(?:\s+where\s+(?P<conditions>.+))?",
    re.IGNORECASE,
)
CONDITIONS = re.compile(r"(?:(all|any)\s*)?\{(.*)\}|(.*)", re.IGNORECASE)
CONDITION = re.compile(r"\s*([\w.]+)\s*(!?=)\s*'([^']*)'\s*")


class PolicyError(ValueError):
    """A statement or matching rule cannot be read."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """Conditions, of which all or any must hold."""

    every: bool
    terms: tuple[tuple[str, bool, str], ...]
    """(variable, equal or not, value)."""

    def hold(self, known: Mapping[str, str]) -> bool:
        """Return True if they hold; an unknown variable equals no value."""
        met = [(known.get(n) == v) is equal for n, equal, v in self.terms]
        return all(met) if self.every else any(met)


ALWAYS = Conditions(every=True, terms=())


def conditions(text: str) -> Conditions:
    """Read ``all {a = 'b', …}``, ``any {…}`` or a single condition."""
    match = CONDITIONS.fullmatch(text.strip())
    if match is None:
        raise PolicyError(f"conditions {text!r} cannot be read")
    how, inside, single = match.groups()
    terms = []
    for part in (single if inside is None else inside).split(","):
        term = CONDITION.fullmatch(part)
        if term is None:
            raise PolicyError(f"condition {part.strip()!r} cannot be read")
        terms.append((term[1], term[2] == "=", term[3]))
    return Conditions((how or "all").lower() == "all", tuple(terms))


@dataclass(frozen=True, slots=True)
class Statement:
    """A parsed statement."""

    group: str | None
    """The dynamic group; None: any user."""
    permissions: frozenset[str]
    compartment: str | None
    """Its name or OCID; None: the tenancy."""
    where: Conditions


def statement(text: str) -> Statement:
    """Read a statement.

    Raises:
        PolicyError: the fake does not know it; the text says why.
    """
    match = STATEMENT.fullmatch(text.strip())
    if match is None:
        raise PolicyError(f"statement {text!r} cannot be read")
    if match["permissions"] is not None:
        granted = {p.strip() for p in match["permissions"].split(",")}
        unknown = granted - _granted("manage", "all-resources")
        if unknown:
            raise PolicyError(f"unknown permissions: {', '.join(sorted(unknown))}")
    else:
        granted = _granted(match["verb"].lower(), match["what"].lower())
    who = match["who"].split()
    where = match["where"].split()
    return Statement(
        group=who[1] if len(who) > 1 else None,
        permissions=frozenset(granted),
        compartment=where[-1] if len(where) > 1 else None,
        where=conditions(match["conditions"]) if match["conditions"] else ALWAYS,
    )


def _granted(verb: str, what: str) -> set[str]:
    if verb not in VERBS:
        raise PolicyError(f"a verb is one of {', '.join(VERBS)}, not {verb!r}")
    types = FAMILIES.get(what, (what,))
    if not set(types) <= RESOURCES.keys():
        raise PolicyError(f"unknown resource type {what!r}")
    upto = VERBS.index(verb) + 1
    return {p for t in types for added in RESOURCES[t][:upto] for p in added}


@dataclass
class Policies:
    """A tenancy's statements.  A tenancy without statements allows everything."""

    statements: list[Statement] = field(default_factory=list)
    groups: dict[str, Conditions] = field(default_factory=dict)
    """The matching rules of dynamic groups, by name."""

    def grant(
        self, permission: str, principal: Mapping[str, str], *, compartments: Set[str]
    ) -> bool:
        """Return True if a principal has a permission.

        Args:
            permission: its name in OCI's policy reference.
            principal: the caller's variables.
            compartments: names and OCIDs by which a statement covers the compartment
                (``Compartments.covering``).
        """
        return any(
            permission in one.permissions
            and (one.compartment is None or one.compartment in compartments)
            and self._is_for(one, principal)
            and one.where.hold(principal)
            for one in self.statements
        )

    def _is_for(self, one: Statement, principal: Mapping[str, str]) -> bool:
        if one.group is None:
            return True
        rule = self.groups.get(one.group)
        return rule is not None and rule.hold(principal)
