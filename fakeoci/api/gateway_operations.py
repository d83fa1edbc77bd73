"""Operations on gateways: the ways out of a VCN.

A dynamic routing gateway comes from the world file alone, with the on-premises
network behind it; it is listed and got.
"""

from collections.abc import Callable

from fakeoci.api import details
from fakeoci.api import network_details as said_of
from fakeoci.api.bodies import body
from fakeoci.api.listing import (
    changing,
    deleter,
    listed,
    matching,
    names,
    need,
    one,
    rename,
)
from fakeoci.api.service import Call, Operation, Result
from fakeoci.world.errors import invalid, limit_exceeded, not_found
from fakeoci.world.networks import conflict
from fakeoci.world.nouns import Gateway, RouteTable, Vcn
from fakeoci.world.world import World

SINGULAR = ("internet", "nat")
"""A VCN has at most one of each of these here; OCI's own limits are 1 and more."""


def _lister(kind: str) -> Callable[[Call], Result]:
    def run(call: Call) -> Result:
        need(call, "compartmentId")
        mine = [g for g in call.world.all(Gateway) if g.kind == kind]
        found = matching(
            call,
            mine,
            compartmentId="compartment_id",
            vcnId="vcn_id",
            displayName="display_name",
            lifecycleState="lifecycle_state",
        )
        return listed(call, found)

    return run


def _getter(kind: str) -> Callable[[Call], Result]:
    def run(call: Call) -> Result:
        return one(call, _of_kind(call.world.get(Gateway, call.path["id"]), kind))

    return run


def _of_kind(gateway: Gateway, kind: str) -> Gateway:
    if gateway.kind != kind:
        raise not_found()
    return gateway


def _create_internet(call: Call) -> Result:
    said = details.decode(call.body, said_of.CreateInternetGatewayDetails)
    return _create(
        call, "internet", "internetgateway", said, said.vcn_id, enabled=said.is_enabled
    )


def _create_nat(call: Call) -> Result:
    said = details.decode(call.body, said_of.CreateNatGatewayDetails)
    if said.public_ip_id is not None:
        raise invalid("publicIpId: this fake has no reserved public IPs")
    return _create(
        call, "nat", "natgateway", said, said.vcn_id, enabled=not said.block_traffic
    )


def _create_peering(call: Call) -> Result:
    said = details.decode(call.body, said_of.CreateLocalPeeringGatewayDetails)
    return _create(
        call, "peering", "localpeeringgateway", said, said.vcn_id, enabled=True
    )


def _create(
    call: Call,
    kind: str,
    ocid: str,
    said: said_of.Created,
    vcn_id: str,
    *,
    enabled: bool,
) -> Result:
    vcn = call.world.get(Vcn, vcn_id)
    same = [g for g in call.world.all(Gateway) if (g.vcn_id, g.kind) == (vcn.id, kind)]
    if same and kind in SINGULAR:
        raise limit_exceeded(f"the VCN has an {kind} gateway already")
    gateway = Gateway(
        kind=kind,
        vcn_id=vcn.id,
        is_enabled=enabled,
        compartment_id=said.compartment_id,
        **names(call, ocid, said),
    )
    return one(call, call.world.add(gateway))


def _connect(call: Call) -> Result:
    said = details.decode(call.body, said_of.ConnectLocalPeeringGatewaysDetails)
    mine = _of_kind(call.world.get(Gateway, call.path["id"]), "peering")
    other = _of_kind(call.world.get(Gateway, said.peer_id), "peering")
    if mine.vcn_id == other.vcn_id:
        raise invalid("a VCN is not peered with itself")
    if mine.peer_id or other.peer_id:
        raise conflict("the local peering gateway")
    mine.peer_id, other.peer_id = other.id, mine.id
    call.world.touch(mine)
    call.world.touch(other)
    return Result(status=204)


def _rename(call: Call) -> Result:
    gateway = changing(call, Gateway)
    rename(gateway, details.decode(call.body, details.Named))
    call.world.touch(gateway)
    return one(call, gateway)


def _delete(world: World, gateway: Gateway) -> None:
    used = any(
        r.network_entity_id == gateway.id
        for t in world.all(RouteTable)
        for r in t.rules
    )
    if used:
        raise conflict(f"gateway {gateway.id}, by a route")
    for peer in world.all(Gateway):
        if peer.peer_id == gateway.id:
            peer.peer_id = ""
            world.touch(peer)
    world.drop(gateway)


def _drg_attachments(call: Call) -> Result:
    need(call, "compartmentId")
    rows = [
        {
            **body(call.world, g),
            "id": g.id.replace(".drg.", ".drgattachment."),
            "drgId": g.id,
            "lifecycleState": "ATTACHED",
        }
        for g in call.world.all(Gateway)
        if g.kind == "drg"
    ]
    wanted = call.query.get("vcnId")
    return Result(body=[r for r in rows if wanted in (None, r["vcnId"])])


def _operations(
    kind: str, noun: str, path: str, create: Callable[[Call], Result]
) -> tuple[Operation, ...]:
    at = f"{path}/{{id}}"
    return (
        Operation(f"List{noun}s", "GET", path, _lister(kind)),
        Operation(f"Create{noun}", "POST", path, create),
        Operation(f"Get{noun}", "GET", at, _getter(kind)),
        Operation(f"Update{noun}", "PUT", at, _rename),
        Operation(f"Delete{noun}", "DELETE", at, deleter(Gateway, _delete)),
    )


_PEERING = "/localPeeringGateways"
OPERATIONS: tuple[Operation, ...] = (
    *_operations("internet", "InternetGateway", "/internetGateways", _create_internet),
    *_operations("nat", "NatGateway", "/natGateways", _create_nat),
    *_operations("peering", "LocalPeeringGateway", _PEERING, _create_peering),
    Operation(
        "ConnectLocalPeeringGateways",
        "POST",
        f"{_PEERING}/{{id}}/actions/connect",
        _connect,
    ),
    Operation("ListDrgs", "GET", "/drgs", _lister("drg")),
    Operation("GetDrg", "GET", "/drgs/{id}", _getter("drg")),
    Operation("ListDrgAttachments", "GET", "/drgAttachments", _drg_attachments),
)
