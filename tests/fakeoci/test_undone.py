"""A request that fails late, after its first steps, leaves nothing behind."""

from typing import Any

import pytest

from tests.fakeoci.accepted import MadeCloud
from tests.fakeoci.refusals import filled
from tests.fakeoci.test_refusals import snapshot

NO_PREFIX = {
    "ipv6AddressIpv6SubnetCidrPairDetails": [{"ipv6SubnetCidr": "fd00:9::/64"}]
}
TAKEN = {"ipv6AddressIpv6SubnetCidrPairDetails": [{"ipv6Address": "fd00:1::1"}] * 2}
LATE: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a VCN with a prefix that Oracle gives it too": (
        "POST",
        "/vcns",
        {
            "compartmentId": "{compartment}",
            "cidrBlocks": ["10.40.0.0/16"],
            "isIpv6Enabled": True,
            "ipv6PrivateCidrBlocks": ["2603:c020::/29"],
        },
    ),
    "a subnet whose last prefix is of no VCN": (
        "POST",
        "/subnets",
        {
            "compartmentId": "{compartment}",
            "vcnId": "{six}",
            "ipv4CidrBlocks": ["10.20.30.0/24"],
            "ipv6CidrBlocks": ["fd00:1:0:9::/64", "fd00:9::/64"],
        },
    ),
    **{
        f"a VNIC with a reserved address and {what}": (
            "POST",
            "/vnicAttachments",
            {
                "instanceId": "{node1}",
                "createVnicDetails": {
                    "subnetId": "{six-subnet}",
                    "privateIpId": "{unassigned}",
                    "hostnameLabel": "late",
                    **pairs,
                },
            },
        )
        for what, pairs in (("no such prefix", NO_PREFIX), ("one address twice", TAKEN))
    },
    "an instance with a reserved address and no such prefix": (
        "POST",
        "/instances",
        {
            "compartmentId": "{compartment}",
            "availabilityDomain": "{domain}",
            "shape": "VM.Standard.E5.Flex",
            "shapeConfig": {"ocpus": 1},
            "imageId": "{image}",
            "createVnicDetails": {
                "subnetId": "{six-subnet}",
                "privateIpId": "{unassigned}",
                **NO_PREFIX,
            },
        },
    ),
    "a prefix replaced by what is in no VCN": (
        "PATCH",
        "/subnets/{six-subnet}",
        {
            "patchSubnetInstructions": [
                {
                    "operation": "REPLACE",
                    "selection": "ipv6CidrBlocks",
                    "value": ["fd00:1::/64", "fd00:1:0:8::/64", "fd00:9::/64"],
                }
            ]
        },
    ),
    "prefixes of which one is in use": (
        "PATCH",
        "/vcns/{six}",
        {
            "patchVcnInstructions": [
                {
                    "operation": "REPLACE",
                    "selection": "ipv6PrivateCidrBlocks",
                    "value": ["fd00:5::/56"],
                }
            ]
        },
    ),
}


@pytest.mark.matrix(fast=2)
@pytest.mark.parametrize("what", LATE)
async def test_a_late_failure_leaves_nothing(what: str, cloud: MadeCloud) -> None:
    reserved = {"subnetId": cloud.ids["six-subnet"], "lifetime": "RESERVED"}
    made = await cloud.ask("POST", "/privateIps", reserved)
    ids = cloud.ids | {"unassigned": made.json()["id"]}
    before = snapshot(cloud.service.world)
    method, target, body = LATE[what]
    headers = {"if-match": "*"} if method == "PATCH" else {}
    answer = await cloud.ask(method, filled(target, ids), filled(body, ids), headers)
    assert answer.is_client_error
    assert snapshot(cloud.service.world) == before
