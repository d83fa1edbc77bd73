"""What a VCN does with a pod's new connection: rules, route, and the answer's rules."""

from ipaddress import ip_address, ip_network

from vcnd.core.vcn_rules import EVERY_PORT, Judgement, Packet, judge
from vcnd.model.family import Family, family_of
from vcnd.model.vcn_rules import (
    Connection,
    Direction,
    End,
    PortSpan,
    RouteRule,
    RouteTable,
    Ruling,
    Stage,
    Transport,
    VcnStep,
    VcnView,
)

EPHEMERAL = PortSpan(32768, 60999)
"""The ports that Linux connects from:
https://docs.kernel.org/networking/ip-sysctl.html (ip_local_port_range)."""
WITH_PORTS = (Transport.TCP, Transport.UDP, Transport.SCTP)
GATEWAYS = {
    "internetgateway": "the internet gateway",
    "natgateway": "the NAT gateway",
    "servicegateway": "the service gateway",
    "localpeeringgateway": "the local peering gateway",
    "drg": "the DRG",
    "privateip": "the private IP",
    "ipv6": "the IPv6 address",
}
"""What a route leads to, by the kind of its OCID."""
INTERNET = "internetgateway"


def steps(view: VcnView, connection: Connection) -> tuple[VcnStep, ...]:
    """Return the VCN's decisions about a connection, in the order of its packets."""
    found, answers = list[VcnStep](), list[VcnStep]()
    sender, receiver = view.sender, view.receiver
    to = Packet(
        direction=Direction.EGRESS,
        peer=connection.destination,
        peer_nsgs=_nsgs(receiver, known=view.receiver_is_known),
        transport=connection.transport,
        ports=_port(connection),
        source_ports=_ephemeral(connection),
    )
    back = Packet(
        direction=Direction.EGRESS,
        peer=connection.source,
        peer_nsgs=_nsgs(sender, known=False),
        transport=connection.transport,
        ports=to.source_ports,
        source_ports=to.ports,
    )
    if sender is not None:
        judged = judge(sender, to)
        found.append(_step(Stage.EGRESS, sender, judged))
        answers += _answer(Stage.ANSWER_INGRESS, sender, judged, _inward(back, to))
    if view.table is not None:
        found.append(_route(view, view.table, connection))
    if receiver is not None:
        judged = judge(receiver, _inward(to, back))
        found.append(_step(Stage.INGRESS, receiver, judged))
        answers[:0] = _answer(Stage.ANSWER_EGRESS, receiver, judged, back)
    return (*found, *answers)


def ruling(found: tuple[VcnStep, ...]) -> Ruling:
    """Return what the decisions come to: the worst of them."""
    for worst in (Ruling.DENIED, Ruling.UNKNOWN):
        if any(step.ruling is worst for step in found):
            return worst
    return Ruling.ALLOWED


def _inward(packet: Packet, opposite: Packet) -> Packet:
    """Return a packet as the VNIC that gets it sees it.

    Args:
        packet: as it leaves.
        opposite: what goes the other way; its peer has sent this one.
    """
    return Packet(
        direction=Direction.INGRESS,
        peer=opposite.peer,
        peer_nsgs=opposite.peer_nsgs,
        transport=packet.transport,
        ports=packet.ports,
        source_ports=packet.source_ports,
    )


def _nsgs(end: End | None, *, known: bool) -> frozenset[str] | None:
    if end is not None:
        return frozenset(end.nsg_ids)
    return frozenset() if known else None


def _port(connection: Connection) -> PortSpan:
    port = connection.port
    return EVERY_PORT if port is None else PortSpan(port, port)


def _ephemeral(connection: Connection) -> PortSpan:
    return EPHEMERAL if connection.transport in WITH_PORTS else EVERY_PORT


def _step(stage: Stage, end: End, judged: Judgement) -> VcnStep:
    return VcnStep(stage=stage, ruling=judged.ruling, at=end.vnic_id, why=judged.why)


def _answer(
    stage: Stage, end: End, asked: Judgement, answer: Packet
) -> tuple[VcnStep, ...]:
    """Return the decision about the answer at a VNIC, if it needs one."""
    if asked.ruling is not Ruling.ALLOWED or asked.stateless is Ruling.DENIED:
        return ()
    judged = judge(end, answer)
    if asked.stateless is Ruling.UNKNOWN and judged.ruling is not Ruling.ALLOWED:
        why = f"if a stateless rule allows the packet: {judged.why}"
        judged = Judgement(ruling=Ruling.UNKNOWN, why=why)
    return (_step(stage, end, judged),)


def _route(view: VcnView, table: RouteTable, connection: Connection) -> VcnStep:
    target = ip_address(connection.destination)
    inside = [c for c in map(ip_network, view.cidrs) if target in c]
    routes = [
        rule
        for rule in table.rules
        if not rule.is_service and target in ip_network(rule.destination)
    ]
    best = max(routes, key=_length, default=None)
    length = -1 if best is None else _length(best)
    is_local = bool(inside) and length < max(c.prefixlen for c in inside)
    if is_local or (not view.cidrs and view.receiver is not None):
        decided, why = _local(view, connection)
    elif not view.cidrs:
        way = "no route has it" if best is None else _by(view, best, connection)[1]
        why = f"{way}, unless it is inside the VCN, which could not be read"
        decided = Ruling.UNKNOWN
    elif best is not None:
        decided, why = _by(view, best, connection)
    elif any(rule.is_service for rule in table.rules) and target.is_global:
        decided, why = Ruling.UNKNOWN, "only routes of Oracle's services may have it"
    else:
        decided, why = Ruling.DENIED, f"no route has {connection.destination}"
    return VcnStep(stage=Stage.ROUTE, ruling=decided, at=table.id, why=why)


def _length(rule: RouteRule) -> int:
    return int(ip_network(rule.destination).prefixlen)


def _local(view: VcnView, connection: Connection) -> tuple[Ruling, str]:
    if view.receiver is not None:
        return Ruling.ALLOWED, f"inside the VCN, to VNIC {view.receiver.vnic_id}"
    if not view.receiver_is_known:
        return Ruling.UNKNOWN, "inside the VCN; the VNIC could not be read"
    return Ruling.DENIED, f"no VNIC of the VCN has {connection.destination}"


def _by(view: VcnView, rule: RouteRule, connection: Connection) -> tuple[Ruling, str]:
    kind = rule.target.removeprefix("ocid1.").partition(".")[0]
    way = f"{rule.destination} by {GATEWAYS.get(kind, 'the target')} {rule.target}"
    if kind != INTERNET or view.has_internet:
        return Ruling.ALLOWED, way
    if family_of(connection.source) is Family.IPV6:
        return Ruling.DENIED, f"{way}, which serves no private subnet"
    return Ruling.DENIED, f"{way}, which drops packets of private addresses"
