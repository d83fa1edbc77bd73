"""VNICs, addresses, rules and routes: wrong names, and objects in use."""

from typing import Any

from tests.fakeoci.refusals import (
    DNS,
    ERRORS,
    LIMITS,
    SDK,
    Row,
    accepted,
    refused,
    unknown,
)

INFERRED = f"{ERRORS}; which code is inferred"
INVALID_VNIC = "terraform-provider-oci issue 460: Invalid VNIC creation parameters"
IN_USE = f"{ERRORS}; {SDK}: only what nothing uses is deleted"

OTHER_GATEWAYS = {
    "/natGateways": ("drg", "lpg"),
    "/internetGateways": ("nat", "drg"),
    "/localPeeringGateways": ("nat", "drg"),
    "/serviceGateways": ("nat", "lpg"),
    "/drgs": ("nat", "lpg"),
}
"""Path → gateways of other kinds."""


def attach(**fields: Any) -> dict[str, Any]:
    return {
        "instanceId": "{node1}",
        "createVnicDetails": {"subnetId": "{pods}"} | fields,
    }


def table(**rule: Any) -> dict[str, Any]:
    return {"routeRules": [rule]}


def rule(**fields: Any) -> dict[str, Any]:
    rule = {"direction": "INGRESS", "protocol": "6", "source": "10.0.0.0/8"}
    return {"securityRules": [rule | fields]}


def conflict(what: str, ask: str) -> Row:
    return Row(what=what, ask=ask, answer=(409, "Conflict"), source=IN_USE)


ATTACH = "POST /vnicAttachments"
RULES = "POST /networkSecurityGroups/{nsg}/actions/addSecurityRules"
ROUTES = "PUT /routeTables/{routes}"
PORTS = {"destinationPortRange": {"min": 80, "max": 80}}

ROWS: tuple[Row, ...] = (
    *(
        refused(f"{ask}: hostname {name!r}", ask, body, source=DNS)
        for name in ("", "-a", "a-", "a.b", "a_b", "a" * 64, "a b")
        for ask, body in (
            (ATTACH, attach(subnetId="{labelled-subnet}", hostnameLabel=name)),
            ("POST /privateIps", {"vnicId": "{vnic}", "hostnameLabel": name}),
            ("PUT /vnics/{vnic}", {"hostnameLabel": name}),
        )
    ),
    accepted(
        "a hostname of 63",
        ATTACH,
        attach(subnetId="{labelled-subnet}", hostnameLabel="a" * 63),
        source=DNS,
    ),
    refused(
        "a hostname where the subnet has no label",
        ATTACH,
        attach(hostnameLabel="host"),
        source=INVALID_VNIC,
    ),
    refused(
        "a hostname without a DNS record",
        ATTACH,
        attach(
            subnetId="{labelled-subnet}",
            hostnameLabel="host",
            assignPrivateDnsRecord=False,
        ),
        source=SDK,
    ),
    *(
        refused(
            f"a VNIC with the address {text}",
            ATTACH,
            attach(privateIp=text),
            source=SDK,
        )
        for text in ("10.1.1.0/24", "10.0.0.77", "10.1.0.0", "fd00::1", "x")
    ),
    refused(
        "a VNIC with an address and a block",
        ATTACH,
        attach(privateIp="10.1.0.9", subnetCidr="10.1.0.0/20"),
        source=SDK,
    ),
    refused("NIC 1 of a VM", ATTACH, attach() | {"nicIndex": 1}, source=SDK),
    unknown("a VNIC for an unknown instance", ATTACH, attach() | {"instanceId": "x"}),
    unknown("a VNIC in an unknown subnet", ATTACH, attach(subnetId="x")),
    unknown("a VNIC in an unknown NSG", ATTACH, attach(nsgIds=["x"])),
    unknown("an address on an unknown VNIC", "POST /privateIps", {"vnicId": "x"}),
    unknown("an address on what is no VNIC", "POST /privateIps", {"vnicId": "{pods}"}),
    refused(
        "an address outside the block named with it",
        "POST /privateIps",
        {
            "vnicId": "{vnic}",
            "ipAddress": "10.0.0.99",
            "ipv4SubnetCidrAtCreation": "10.1.0.0/20",
        },
        source=SDK,
    ),
    *(
        refused(f"{ask}: route table of another VCN", ask, body, source=INFERRED)
        for ask, body in (
            ("POST /privateIps", {"vnicId": "{vnic}", "routeTableId": "{peer-routes}"}),
            ("PUT /vnics/{vnic}", {"routeTableId": "{peer-routes}"}),
            (
                "POST /natGateways",
                {
                    "compartmentId": "{compartment}",
                    "vcnId": "{labelled}",
                    "routeTableId": "{peer-routes}",
                },
            ),
        )
    ),
    *(
        refused(f"a rule with {fields}", RULES, rule(**fields), source=SDK)
        for fields in (
            {"protocol": "256"},
            {"protocol": "9" * 5000},
            {"protocol": "tcp"},
            {"direction": "UP"},
            {"sourceType": "HOST"},
            {"source": "10.0.0.1/8"},
            {"protocol": "17", "tcpOptions": PORTS},
            {"udpOptions": PORTS},
            {"icmpOptions": {"type": 3}},
            {"protocol": "1", "icmpOptions": {"type": 256}},
            {"tcpOptions": {"sourcePortRange": {"min": 2, "max": 1}}},
            {"source": "oci-nowhere", "sourceType": "SERVICE_CIDR_BLOCK"},
            {"description": "d" * 256},
        )
    ),
    unknown(
        "a rule about an unknown NSG",
        RULES,
        rule(source="x", sourceType="NETWORK_SECURITY_GROUP"),
    ),
    refused(
        "a security list's rule about an NSG",
        "PUT /securityLists/{list}",
        {
            "ingressSecurityRules": [
                {
                    "protocol": "all",
                    "source": "{nsg}",
                    "sourceType": "NETWORK_SECURITY_GROUP",
                }
            ]
        },
        source=SDK,
    ),
    *(
        refused(f"a route {fields}", ROUTES, table(**fields), source=SDK)
        for fields in (
            {"destination": "0.0.0.0/0", "networkEntityId": "{peer-lpg}"},
            {"destination": "0.0.0.0/0", "networkEntityId": "{node1}"},
            {"destination": "::/0", "networkEntityId": "{nat}"},
            {"cidrBlock": "::/0", "networkEntityId": "{drg}"},
            {"destination": "0.0.0.1/0", "networkEntityId": "{nat}"},
            {
                "destination": "0.0.0.0/0",
                "cidrBlock": "0.0.0.0/0",
                "networkEntityId": "{nat}",
            },
            {
                "destination": "0.0.0.0/0",
                "destinationType": "HOST",
                "networkEntityId": "{nat}",
            },
        )
    ),
    unknown(
        "a route to nothing",
        ROUTES,
        table(destination="0.0.0.0/0", networkEntityId="x"),
    ),
    refused(
        "201 routes",
        ROUTES,
        {
            "routeRules": [{"destination": "0.0.0.0/0", "networkEntityId": "{nat}"}]
            * 201
        },
        source=LIMITS,
        code="LimitExceeded",
    ),
    *(
        refused(
            f"DHCP option {option}",
            "PUT /dhcps/{dhcp}",
            {"options": [option]},
            source=SDK,
        )
        for option in (
            {"type": "NTP"},
            {"type": "DomainNameServer", "serverType": "Mine"},
            {"type": "DomainNameServer", "serverType": "CustomDnsServer"},
            {"type": "SearchDomain", "searchDomainNames": []},
        )
    ),
    conflict("a route table in use", "DELETE /routeTables/{routes}"),
    conflict("a security list in use", "DELETE /securityLists/{list}"),
    conflict("a gateway with routes", "DELETE /natGateways/{nat}"),
    conflict("a VCN with subnets", "DELETE /vcns/{main}"),
    conflict("a subnet with addresses", "DELETE /subnets/{nodes}"),
    *(
        refused(f"the default at {path}", f"DELETE {path}", source=INFERRED)
        for path in ("/routeTables/{default-routes}", "/securityLists/{default-list}")
    ),
    *(
        unknown(f"{name} at {path}", f"{method} {path}/{{{name}}}", body, source=SDK)
        for path, names in OTHER_GATEWAYS.items()
        for name in names
        for method, body in (("GET", None), ("PUT", {}), ("DELETE", None))
    ),
)
