"""Common parts of the bodies of accepted requests."""

from typing import Any

from fakeoci.world.services import SERVICES

Asked = tuple[str, dict[str, Any] | None]
"""A target and a body."""
HERE = {"compartmentId": "{compartment}"}
IN_SIX = HERE | {"vcnId": "{six}"}
SERVICE_ID = next(iter(SERVICES))
RULE = {
    "direction": "INGRESS",
    "protocol": "6",
    "source": "10.0.0.0/8",
    "sourceType": "CIDR_BLOCK",
    "tcpOptions": {"destinationPortRange": {"min": 1, "max": 2}},
    "description": "a rule",
}
INGRESS = {k: v for k, v in RULE.items() if k != "direction"}
ROUTE = {
    "destination": "10.99.0.0/16",
    "destinationType": "CIDR_BLOCK",
    "networkEntityId": "{peering}",
    "description": "a route",
}
FILTER: dict[str, Any] = {
    "filterType": "VTAP",
    "vtapCaptureFilterRules": [
        {
            "trafficDirection": "INGRESS",
            "ruleAction": "EXCLUDE",
            "sourceCidr": "10.0.0.0/8",
            "destinationCidr": "10.20.0.0/16",
            "protocol": "6",
            "tcpOptions": {"sourcePortRange": {"min": 1, "max": 2}},
        },
        {"trafficDirection": "EGRESS"},
    ],
}
DNS = {"type": "DomainNameServer", "serverType": "VcnLocalPlusInternet"}
NAMED: dict[str, Any] = {
    "displayName": "renamed",
    "freeformTags": {"key": "value"},
    "definedTags": {"space": {"key": "value"}},
}


def patch(of: str, selection: str, blocks: list[str]) -> dict[str, Any]:
    value = {"operation": "REPLACE", "selection": selection, "value": blocks}
    return {f"patch{of}Instructions": [value]}


def lists(path: str, more: str = "") -> tuple[str, None]:
    return f"{path}?compartmentId={{compartment}}{more}", None


def moved(at: str) -> Asked:
    return f"{at}/actions/changeCompartment", {"compartmentId": "{tenancy}"}


def shared(
    resource: str, plural: str, path: str, name: str, spare: str
) -> dict[str, Asked]:
    return {
        f"List{plural}": lists(path, "&displayName=x&limit=5&sortBy=DISPLAYNAME"),
        f"Get{resource}": (f"{path}/{{{name}}}", None),
        f"Update{resource}": (f"{path}/{{{name}}}", NAMED),
        f"Delete{resource}": (f"{path}/{{{spare}}}", None),
    }
