"""Capture filters and VTAPs: wrong rules, ends and identifiers."""

from typing import Any

from tests.fakeoci.refusals import SDK, Row, refused, unknown

FILTERS = "Oracle's page on capture filters"
"""https://docs.oracle.com/en-us/iaas/Content/Network/Concepts/capture-filters.htm"""
VTAPS = "Oracle's page on VTAPs"
"""https://docs.oracle.com/en-us/iaas/Content/Network/Tasks/vtap.htm"""
RULE = {"trafficDirection": "INGRESS"}


def held(*rules: dict[str, Any], **fields: Any) -> dict[str, Any]:
    body = {"compartmentId": "{compartment}", "filterType": "VTAP"}
    return body | {"vtapCaptureFilterRules": list(rules)} | fields


WRONG: tuple[tuple[dict[str, Any], str], ...] = (
    ({"sourceId": "{labelled-subnet}"}, VTAPS),
    ({"targetId": "{peer-vnic}"}, VTAPS),
    ({"sourceId": "{vnic}"}, VTAPS),
    ({"targetIp": "10.0.0.2"}, SDK),
    ({"targetId": None, "targetIp": "192.168.1.2"}, VTAPS),
    ({"vxlanNetworkIdentifier": 1 << 24}, "RFC 7348"),
    ({"sourceType": "VNIC"}, SDK),
    ({"targetType": "IP_ADDRESS"}, SDK),
    ({"targetType": "NETWORK_LOAD_BALANCER"}, "the fake has none"),
    ({"encapsulationProtocol": "GRE"}, SDK),
)


def tap(**fields: Any) -> dict[str, Any]:
    body = {
        "compartmentId": "{compartment}",
        "vcnId": "{main}",
        "sourceId": "{nodes}",
        "targetId": "{vnic}",
        "captureFilterId": "{filter}",
    }
    return {k: v for k, v in (body | fields).items() if v is not None}


BAD_RULES: tuple[dict[str, Any], ...] = (
    {"protocol": "47"},
    {"sourceCidr": "10.0.0.1/8"},
    {"sourceCidr": "10.0.0.0/8", "destinationCidr": "::/0"},
    {"protocol": "17", "tcpOptions": {}},
    {"udpOptions": {}},
    {"trafficDirection": "UP"},
    {"ruleAction": "DROP"},
)
FILTER, VTAP = "POST /captureFilters", "POST /vtaps"
ROWS: tuple[Row, ...] = (
    refused("a capture filter without rules", FILTER, held(), source=FILTERS),
    refused("eleven rules", FILTER, held(*[RULE] * 11), source=FILTERS),
    *(
        refused(
            f"a capture rule with {fields}", FILTER, held(RULE | fields), source=SDK
        )
        for fields in BAD_RULES
    ),
    refused(
        "a capture filter of flow logs",
        FILTER,
        held(RULE, filterType="FLOWLOG"),
        source="the fake has none",
    ),
    *(
        refused(f"a VTAP with {fields}", VTAP, tap(**fields), source=source)
        for fields, source in WRONG
    ),
    refused(
        "a VTAP without a target",
        VTAP,
        tap(targetId=None),
        source=SDK,
        code="MissingParameter",
    ),
    *(
        unknown(f"a VTAP with an unknown {name}", VTAP, tap(**{name: "x"}))
        for name in ("vcnId", "sourceId", "targetId", "captureFilterId")
    ),
)
