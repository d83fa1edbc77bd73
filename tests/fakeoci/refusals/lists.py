"""Queries of lists."""

from tests.fakeoci.refusals import (
    ERRORS,
    REFERENCE,
    SDK,
    Row,
    accepted,
    refused,
    unknown,
)

IN = "compartmentId={compartment}"
BY_COMPARTMENT = (
    *("vcns", "subnets", "routeTables", "securityLists", "dhcps"),
    *("networkSecurityGroups", "internetGateways", "natGateways", "serviceGateways"),
    *("localPeeringGateways", "drgs", "drgAttachments", "instances", "shapes"),
    *("vnicAttachments", "workRequests", "availabilityDomains", "compartments"),
)
SORTED = (
    *("vcns", "subnets", "routeTables", "securityLists", "dhcps"),
    *("networkSecurityGroups", "internetGateways", "natGateways", "instances"),
)
OF_A_VCN = (
    *("subnets", "routeTables", "securityLists", "dhcps", "networkSecurityGroups"),
    *("internetGateways", "natGateways", "localPeeringGateways", "drgAttachments"),
)
NOTHING = "ocid1.nothing.oc1.iad.nothing"
DOUBTED_STATUS = f"{REFERENCE}; that it is 400 is inferred"

ROWS: tuple[Row, ...] = (
    *(
        unknown(f"{path} of an unknown compartment", f"GET /{path}?compartmentId=x")
        for path in BY_COMPARTMENT
    ),
    *(
        refused(
            f"{path} of no compartment",
            f"GET /{path}",
            source=REFERENCE,
            code="MissingParameter",
        )
        for path in BY_COMPARTMENT
    ),
    *(
        refused(f"{path} sorted {query}", f"GET /{path}?{IN}&{query}", source=SDK)
        for path in SORTED
        for query in ("sortBy=SIZE", "sortOrder=UP", "sortBy=DISPLAYNAME&sortOrder=x")
    ),
    *(
        refused(
            f"{path} in no state", f"GET /{path}?{IN}&lifecycleState=ASLEEP", source=SDK
        )
        for path in (*SORTED, "drgAttachments")
    ),
    *(
        unknown(f"{path} of an unknown VCN", f"GET /{path}?{IN}&vcnId={NOTHING}")
        for path in OF_A_VCN
    ),
    unknown("subnets of what is no VCN", f"GET /subnets?{IN}&vcnId={{pods}}"),
    *(
        refused(
            f"limit {limit}",
            f"GET /{path}?{IN}&limit={limit}",
            source=f"{REFERENCE}: limit is 1 to 1000",
        )
        for limit in ("0", "-1", "1001", "many", "1.5", "", "1_0", "%D9%A3")
        for path in ("vcns", "shapes", "services")
    ),
    *(
        refused(f"page {page!r}", f"GET /vcns?{IN}&page={page}", source=REFERENCE)
        for page in ("5", "%%%", "bm90aGluZw==", "W10=")
    ),
    accepted("the largest limit", f"GET /vcns?{IN}&limit=1000", source=REFERENCE),
    accepted(
        "a state in small letters",
        f"GET /vcns?{IN}&lifecycleState=available",
        source=f"{SDK}: the state value is case-insensitive",
    ),
    accepted("what the root holds", "GET /vcns?compartmentId={tenancy}", source=SDK),
    unknown(
        "attachments of an unknown instance",
        f"GET /vnicAttachments?{IN}&instanceId={NOTHING}",
    ),
    unknown(
        "attachments of an unknown VNIC", f"GET /vnicAttachments?{IN}&vnicId={NOTHING}"
    ),
    unknown("attachments of a DRG that is none", f"GET /drgAttachments?{IN}&drgId=x"),
    *(
        refused(
            f"{path} of an unknown availability domain",
            f"GET /{path}?{IN}&availabilityDomain=AD-9",
            source=DOUBTED_STATUS,
        )
        for path in ("instances", "vnicAttachments", "shapes", "faultDomains")
    ),
    *(
        row
        for path in ("privateIps", "ipv6")
        for row in (
            unknown(f"{path} of an unknown VNIC", f"GET /{path}?vnicId={NOTHING}"),
            unknown(f"{path} of an unknown subnet", f"GET /{path}?subnetId=x"),
            unknown(f"{path} of no VNIC", f"GET /{path}?vnicId={{pods}}"),
            refused(
                f"{path} of an address alone",
                f"GET /{path}?ipAddress=10.0.0.2",
                source=f"{SDK}: both private IP address and subnet OCID",
                code="MissingParameter",
            ),
            refused(
                f"{path} of an address that is none",
                f"GET /{path}?subnetId={{pods}}&ipAddress=10.0.0.300",
                source=ERRORS,
            ),
            refused(
                f"{path} of a lifetime that is none",
                f"GET /{path}?vnicId={{vnic}}&lifetime=LONG",
                source=SDK,
            ),
            refused(
                f"{path} of an address state that is none",
                f"GET /{path}?vnicId={{vnic}}&ipState=BUSY",
                source=SDK,
            ),
        )
    ),
    refused(
        "rules of a direction that is none",
        "GET /networkSecurityGroups/{nsg}/securityRules?direction=UP",
        source=SDK,
    ),
    refused(
        "rules sorted by name",
        "GET /networkSecurityGroups/{nsg}/securityRules?sortBy=DISPLAYNAME",
        source=SDK,
    ),
    refused(
        "members sorted by name",
        "GET /networkSecurityGroups/{nsg}/vnics?sortBy=DISPLAYNAME",
        source=SDK,
    ),
    refused(
        "a topology of an access level that is none",
        f"GET /vcnTopology?{IN}&vcnId={{main}}&accessLevel=ALL",
        source=SDK,
    ),
    unknown(
        "a topology of an unknown compartment",
        "GET /vcnTopology?compartmentId=x&vcnId={main}&accessLevel=ANY",
    ),
)
