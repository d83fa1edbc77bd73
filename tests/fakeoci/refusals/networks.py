"""VCNs and subnets: names, labels, tags, sizes, parts of another VCN."""

from typing import Any

from tests.fakeoci.refusals import (
    DNS,
    ERRORS,
    LIMITS,
    NETWORKING,
    REFERENCE,
    SDK,
    TAGGING,
    Row,
    accepted,
    refused,
    unknown,
)

DUPLICATE = "terraform-oci-oke issue 589: 400-InvalidParameter, DNS Label … duplicate"
HOST_BITS = "oci-arch-adw-oac issue 20: 400-InvalidParameter, CIDR IP does not match"
INFERRED = f"{ERRORS}; which code is inferred"
TEN_TAGS = {f"key{n}": "value" for n in range(10)}


def vcn(**fields: Any) -> dict[str, Any]:
    return {"compartmentId": "{compartment}", "cidrBlocks": ["10.20.0.0/16"], **fields}


def subnet(**fields: Any) -> dict[str, Any]:
    place = {"compartmentId": "{compartment}", "vcnId": "{main}"}
    return {**place, "cidrBlock": "10.0.9.0/24", **fields}


NAMES: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("an empty display name", {"displayName": ""}, REFERENCE),
    ("a display name of 256", {"displayName": "n" * 256}, REFERENCE),
    ("a display name that is a number", {"displayName": 5}, REFERENCE),
    ("eleven tags", {"freeformTags": {**TEN_TAGS, "more": ""}}, TAGGING),
    ("a tag key of 101", {"freeformTags": {"k" * 101: ""}}, TAGGING),
    ("an empty tag key", {"freeformTags": {"": "value"}}, TAGGING),
    ("a tag key with a period", {"freeformTags": {"a.b": ""}}, TAGGING),
    ("a tag key with a space", {"freeformTags": {"a b": ""}}, TAGGING),
    ("a tag value of 257", {"freeformTags": {"key": "v" * 257}}, TAGGING),
    ("a tag value that is a number", {"freeformTags": {"key": 1}}, SDK),
    (
        "65 defined tags",
        {"definedTags": {"space": {f"k{n}": "" for n in range(65)}}},
        TAGGING,
    ),
    ("a defined tag of 257", {"definedTags": {"space": {"k": "v" * 257}}}, TAGGING),
    ("a defined tag that is a list", {"definedTags": {"space": {"k": []}}}, SDK),
    ("defined tags without a namespace", {"definedTags": {"key": "value"}}, SDK),
)
NAMED: dict[str, dict[str, Any]] = {
    "POST /vcns": vcn(),
    "POST /subnets": subnet(),
    "PUT /vcns/{main}": {},
    "PUT /subnets/{pods}": {},
    "PUT /networkSecurityGroups/{nsg}": {},
    "PUT /natGateways/{nat}": {},
    "PUT /vnics/{vnic}": {},
    "PUT /instances/{node1}": {},
    "POST /networkSecurityGroups": {
        "compartmentId": "{compartment}",
        "vcnId": "{main}",
    },
    "POST /privateIps": {"vnicId": "{vnic}"},
    "POST /drgs": {"compartmentId": "{compartment}"},
}
IN_A_COMPARTMENT: dict[str, dict[str, Any]] = {
    "vcns": {"cidrBlocks": ["10.20.0.0/16"]},
    "subnets": {"vcnId": "{main}", "cidrBlock": "10.0.9.0/24"},
    "networkSecurityGroups": {"vcnId": "{main}"},
    "routeTables": {"vcnId": "{main}", "routeRules": []},
    "securityLists": {
        "vcnId": "{main}",
        "egressSecurityRules": [],
        "ingressSecurityRules": [],
    },
    "dhcps": {"vcnId": "{main}", "options": []},
    "internetGateways": {"vcnId": "{main}", "isEnabled": True},
    "natGateways": {"vcnId": "{peer}"},
    "localPeeringGateways": {"vcnId": "{main}"},
    "serviceGateways": {"vcnId": "{main}", "services": []},
    "drgs": {},
}
OF_A_VCN = {
    path: body | {"compartmentId": "{compartment}"}
    for path, body in IN_A_COMPARTMENT.items()
    if "vcnId" in body
}
NOT_CIDRS = (
    *("10.20.0.0", "10.20.0.0/255.255.0.0", "10.20.0.0/016", "10.20.0.300/24"),
    *("10.20.0.0/33", "nothing", "", "2001:db8::/56", "10.20.0.0/-1"),
)
RESERVED = (
    *("169.254.0.0/16", "169.254.128.0/24", "127.0.0.0/16", "224.0.0.0/16"),
    *("239.255.0.0/16", "240.0.0.0/16", "255.255.0.0/24", "0.0.0.0/16"),
)

ROWS: tuple[Row, ...] = (
    *(
        refused(f"{ask}: {what}", ask, body | wrong, source=source)
        for ask, body in NAMED.items()
        for what, wrong, source in NAMES
    ),
    accepted(
        "names and tags as long as they may be",
        "POST /vcns",
        vcn(
            displayName="n" * 255,
            freeformTags=TEN_TAGS | {"key0": "v" * 256},
            definedTags={"space": {f"k{n}": "v" for n in range(64)}},
        ),
        source=TAGGING,
    ),
    *(
        unknown(
            f"{path} in an unknown compartment",
            f"POST /{path}",
            body | {"compartmentId": "ocid1.compartment.oc1..nothing"},
        )
        for path, body in IN_A_COMPARTMENT.items()
    ),
    *(
        unknown(
            f"{path} in {where}",
            f"POST /{path}",
            body | {"vcnId": vcn_id},
            source=source,
        )
        for path, body in OF_A_VCN.items()
        for where, vcn_id, source in (
            ("an unknown VCN", "ocid1.vcn.oc1.iad.nothing", ERRORS),
            ("what is no VCN", "{pods}", ERRORS),
        )
    ),
    # VCNs
    *(
        refused(f"a VCN of {cidr!r}", "POST /vcns", vcn(cidrBlocks=[cidr]), source=SDK)
        for cidr in NOT_CIDRS
    ),
    *(
        refused(
            f"a VCN of {cidr}", "POST /vcns", vcn(cidrBlocks=[cidr]), source=NETWORKING
        )
        for cidr in (*RESERVED, "10.0.0.0/8", "10.20.0.0/15", "10.20.0.0/31")
    ),
    refused(
        "a VCN with host bits",
        "POST /vcns",
        vcn(cidrBlocks=["10.20.0.1/16"]),
        source=HOST_BITS,
    ),
    accepted(
        "the smallest VCN",
        "POST /vcns",
        vcn(cidrBlocks=["10.20.0.0/30"]),
        source=NETWORKING,
    ),
    refused(
        "six blocks",
        "POST /vcns",
        vcn(cidrBlocks=[f"10.2{n}.0.0/16" for n in range(6)]),
        source=LIMITS,
        code="LimitExceeded",
    ),
    accepted(
        "five blocks",
        "POST /vcns",
        vcn(cidrBlocks=[f"10.2{n}.0.0/16" for n in range(5)]),
        source=LIMITS,
    ),
    refused(
        "blocks that overlap",
        "POST /vcns",
        vcn(cidrBlocks=["10.20.0.0/16", "10.20.1.0/24"]),
        source=SDK,
    ),
    refused(
        "no blocks",
        "POST /vcns",
        vcn(cidrBlocks=[]),
        source=SDK,
        code="MissingParameter",
    ),
    *(
        refused(
            f"a VCN of the prefix {prefix}",
            "POST /vcns",
            vcn(isIpv6Enabled=True, ipv6PrivateCidrBlocks=["fd00:1::/64", prefix]),
            source=NETWORKING,
        )
        for prefix in (
            "fd00::/65",
            "fe80::/64",
            "ff00::/64",
            "fd00:1::/64",
            "fd00::1/64",
        )
    ),
    refused(
        "six prefixes",
        "POST /vcns",
        vcn(
            isIpv6Enabled=True,
            ipv6PrivateCidrBlocks=[f"fd00:{n}::/64" for n in range(5)],
        ),
        source=LIMITS,
        code="LimitExceeded",
    ),
    *(
        refused(f"{ask}: label {label!r}", ask, body | {"dnsLabel": label}, source=DNS)
        for ask, body in (
            ("POST /vcns", vcn()),
            ("POST /subnets", subnet(vcnId="{labelled}", cidrBlock="10.9.9.0/24")),
        )
        for label in ("", "1vcn", "a-b", "a_b", "a.b", "a" * 16, "ä", "a\n")
    ),
    accepted("a label of 15", "POST /vcns", vcn(dnsLabel="a" * 15), source=DNS),
    *(
        refused(
            f"a subnet with the label {label}",
            "POST /subnets",
            subnet(vcnId="{labelled}", cidrBlock="10.9.9.0/24", dnsLabel=label),
            source=DUPLICATE,
        )
        for label in ("named", "NAMED")
    ),
    refused(
        "a labelled subnet in a VCN without label",
        "POST /subnets",
        subnet(dnsLabel="pods"),
        source=SDK,
    ),
    *(
        refused(
            f"one more block {cidr}",
            "POST /vcns/{main}/actions/addCidr",
            {"cidrBlock": cidr},
            source=f"{NETWORKING}; {SDK}",
        )
        for cidr in ("169.254.0.0/16", "10.0.0.0/24", "10.7.0.0/8", "192.168.0.0/24")
    ),
    refused(
        "a larger block that is none of the VCN's",
        "POST /vcns/{main}/actions/modifyCidr",
        {"originalCidrBlock": "10.0.0.0/16", "newCidrBlock": "169.254.0.0/16"},
        source=NETWORKING,
    ),
    # Subnets
    *(
        refused(
            f"a subnet of {cidr}",
            "POST /subnets",
            subnet(cidrBlock=cidr),
            source=source,
        )
        for cidr, source in (
            ("10.0.9.0/31", NETWORKING),
            ("10.0.9.0/32", NETWORKING),
            ("10.0.9.1/24", HOST_BITS),
            ("10.0.0.128/25", NETWORKING),
            ("10.5.0.0/24", SDK),
            ("10.0.9.0", SDK),
        )
    ),
    refused(
        "a subnet of no block",
        "POST /subnets",
        {"compartmentId": "{compartment}", "vcnId": "{main}"},
        source=SDK,
        code="MissingParameter",
    ),
    refused(
        "a subnet in an unknown availability domain",
        "POST /subnets",
        subnet(availabilityDomain="Uocm:PHX-AD-1"),
        source=INFERRED,
    ),
    accepted(
        "a subnet in an availability domain",
        "POST /subnets",
        subnet(availabilityDomain="{domain}"),
        source=SDK,
    ),
    *(
        refused(f"{ask}: {what} of another VCN", ask, body | wrong, source=INFERRED)
        for ask, body in (("POST /subnets", subnet()), ("PUT /subnets/{pods}", {}))
        for what, wrong in (
            ("route table", {"routeTableId": "{peer-routes}"}),
            ("security list", {"securityListIds": ["{peer-list}"]}),
            ("DHCP options", {"dhcpOptionsId": "{peer-dhcp}"}),
        )
    ),
    *(
        unknown(f"{ask}: {what} that does not exist", ask, body | wrong)
        for ask, body in (("POST /subnets", subnet()), ("PUT /subnets/{pods}", {}))
        for what, wrong in (
            ("route table", {"routeTableId": "ocid1.routetable.oc1.iad.nothing"}),
            ("route table of another type", {"routeTableId": "{dhcp}"}),
            ("security list", {"securityListIds": ["{list}", "x"]}),
            ("DHCP options", {"routeTableId": "{routes}", "dhcpOptionsId": "x"}),
        )
    ),
    refused(
        "six security lists",
        "PUT /subnets/{pods}",
        {"securityListIds": ["{list}"] * 6},
        source=LIMITS,
        code="LimitExceeded",
    ),
)
