"""Policies by compartment: the instances are in one, the network in others."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from fakeoci.api.authorization import authorize
from fakeoci.api.service import Call
from fakeoci.world.errors import ServiceError
from fakeoci.world.policies import conditions, statement
from fakeoci.world.resources import (
    CaptureFilter,
    Instance,
    Nsg,
    Subnet,
    Vcn,
    VnicAttachment,
    Vtap,
)
from fakeoci.world.world import World
from fakeoci.world.worldfile import default_text, parse

TEXT = default_text()
for old, new in (
    ('subnet = "nodes"', 'subnet = "nodes"\ncompartment = "nodes"'),
    ('name = "pods"\nrules', 'name = "pods"\ncompartment = "rules"\nrules'),
    ('name = "pods"\ncidrs', 'name = "pods"\ncompartment = "pods"\ncidrs'),
):
    TEXT = TEXT.replace(old, new)
TEXT += """
[[compartments]]
name = "nodes"

[[compartments]]
name = "rules"

[[compartments]]
name = "pods"
parent = "network"
"""
NODES = "manage instances in compartment nodes"
ATTACHMENTS = "inspect vnic-attachments in compartment nodes"
SUBNETS = "use subnets in compartment network:pods"
VNICS = "use vnics in compartment network:pods"
ADDRESSES = "use private-ips in compartment network:pods"
NSGS = "use network-security-groups in compartment rules"


@pytest.fixture
def world() -> World:
    made = parse(TEXT)
    node = made.named(Instance, "node1").id
    made.policies.groups["g"] = conditions(f"instance.id = '{node}'")
    vcn = made.named(Vcn, "main")
    inside = vcn.compartment_id
    made.add(CaptureFilter(id="filter", display_name="a", compartment_id=inside))
    made.add(
        Vtap(
            id="vtap",
            display_name="a",
            compartment_id=inside,
            vcn_id=vcn.id,
            source_id=made.named(Subnet, "pods").id,
            capture_filter_id="filter",
            vxlan_network_identifier=1,
        )
    )
    return made


def ids(world: World) -> dict[str, str]:
    node = world.named(Instance, "node1").id
    return {
        "node": node,
        "vnic": world.vnics_of(node)[0].id,
        "attachment": next(
            a.id for a in world.all(VnicAttachment) if a.instance_id == node
        ),
        "pods": world.named(Subnet, "pods").id,
        "nsg": world.named(Nsg, "pods").id,
        "vcn": world.named(Vcn, "main").id,
        **{f"in {c.name}": c.id for c in world.compartments.all()},
    }


def is_allowed(
    world: World,
    operation: str,
    *texts: str,
    path: str = "",
    query: Mapping[str, str] | None = None,
    body: Any = None,
) -> bool:
    """Return True if statements let the node call an operation.

    A text that is a name in ``ids`` stands for that OCID.
    """

    def named(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: named(v) for k, v in value.items()}
        if isinstance(value, list):
            return [named(v) for v in value]
        return known.get(value, value)

    known = ids(world)
    world.policies.statements = [
        statement(f"Allow dynamic-group g to {text}") for text in texts
    ]
    call = Call(
        world=world,
        now=0.0,
        operation=operation,
        principal=known["node"],
        path={"id": named(path)} if path else {},
        query=named(dict(query or {})),
        body=json.dumps(named(body)).encode(),
        if_match=None,
    )
    try:
        authorize(call)
    except ServiceError as error:
        assert error.status == 404
        return False
    return True


ATTACH = {
    "instanceId": "node",
    "createVnicDetails": {"subnetId": "pods", "nsgIds": ["nsg"]},
}
MOVES = ("{INSTANCE_MOVE} in compartment nodes", "{INSTANCE_MOVE} in compartment rules")


@pytest.mark.parametrize(
    ("operation", "asked", "texts"),
    [
        ("AttachVnic", {"body": ATTACH}, (NODES, SUBNETS, VNICS, NSGS)),
        (
            "CreatePrivateIp",
            {"body": {"subnetId": "pods"}},
            (ADDRESSES, SUBNETS, VNICS),
        ),
        (
            "ListVnicAttachments",
            {"query": {"compartmentId": "in nodes", "instanceId": "node"}},
            (NODES, ATTACHMENTS),
        ),
        ("GetVnicAttachment", {"path": "attachment"}, (ATTACHMENTS,)),
        ("GetVnic", {"path": "vnic"}, ("inspect vnics in compartment network",)),
        (
            "TerminateInstance",
            {"path": "node"},
            (
                NODES,
                "use vnics in compartment network",
                "use subnets in compartment network",
            ),
        ),
        (
            "LaunchInstance",
            {
                "body": {
                    "compartmentId": "in nodes",
                    "subnetId": "pods",
                    "freeformTags": {"from": "vcn"},
                }
            },
            (NODES, SUBNETS, VNICS),
        ),
        (
            "GetSubnetCidrUtilization",
            {"path": "pods"},
            ("inspect ipam in compartment network:pods",),
        ),
        (
            "CreateVtap",
            {
                "body": {
                    "compartmentId": "in network",
                    "vcnId": "vcn",
                    "captureFilterId": "filter",
                    "sourceId": "pods",
                    "targetId": "vnic",
                }
            },
            (
                "manage vtaps in compartment network",
                "use capture-filters in compartment network",
                "{VCN_ATTACH} in compartment network",
                "{SUBNET_ATTACH} in compartment network",
                "{VNIC_ATTACH} in compartment network",
            ),
        ),
        (
            "UpdateVtap",
            {"path": "vtap", "body": {"sourceId": "vnic"}},
            (
                "use vtaps in compartment network",
                "use vnics in compartment network",
            ),
        ),
        (
            "ChangeInstanceCompartment",
            {"path": "node", "body": {"compartmentId": "in rules"}},
            MOVES,
        ),
        (
            "ChangeVcnCompartment",
            {"path": "vcn", "body": {"compartmentId": "in pods"}},
            ("manage vcns in compartment network",),
        ),
    ],
)
def test_each_statement_is_needed_and_all_are_enough(
    world: World, operation: str, asked: dict[str, Any], texts: tuple[str, ...]
) -> None:
    assert is_allowed(world, operation, *texts, **asked)
    for left_out in texts:
        rest = [t for t in texts if t != left_out] or ["use ipv6s in tenancy"]
        assert not is_allowed(world, operation, *rest, **asked), left_out


def test_children_inherit_statements_and_parents_do_not(world: World) -> None:
    asked = {"subnetId": "pods"}
    for where, allowed in (
        ("tenancy", True),
        ("compartment network", True),
        ("compartment network:pods", True),
        (f"compartment id {world.compartment_id}", True),
        ("compartment pods", False),
        ("compartment nodes", False),
    ):
        text = f"inspect private-ips in {where}"
        assert is_allowed(world, "ListPrivateIps", text, query=asked) is allowed, where
    above = "inspect vnics in compartment network:pods"
    assert not is_allowed(world, "GetVnic", above, path="vnic")


def test_a_move_to_nowhere_is_refused(world: World) -> None:
    body = {"compartmentId": "ocid1.compartment.oc1..none"}
    assert not is_allowed(
        world, "ChangeInstanceCompartment", *MOVES, path="node", body=body
    )


@pytest.mark.parametrize("body", [None, [], "text", {"nsgIds": 5}])
def test_a_body_of_another_form_is_for_the_operation_to_refuse(
    world: World, body: Any
) -> None:
    texts = ("use vnics in tenancy", "use network-security-groups in tenancy")
    assert is_allowed(world, "UpdateVnic", *texts, path="vnic", body=body)
