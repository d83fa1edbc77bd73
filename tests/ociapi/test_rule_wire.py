"""OCI's JSON of rules and routes: what is read, and what makes no sense."""

import msgspec
import pytest

from vcnd.model.vcn_rules import PeerKind, PortSpan
from vcnd.ociapi.rule_wire import Route, Rule

TCP = b"""{"protocol": "6", "source": "10.0.0.0/8", "isStateless": null,
 "tcpOptions": {"destinationPortRange": {"min": 80, "max": 81}}}"""


def test_rule_is_read() -> None:
    rule = msgspec.json.decode(TCP, type=Rule)
    assert (rule.peer, rule.peer_kind) == ("10.0.0.0/8", PeerKind.CIDR)
    assert rule.options.destination_port_range is not None
    assert rule.options.destination_port_range.span == PortSpan(80, 81)
    assert rule.options.source_port_range is None


def test_peer_has_the_kind_that_is_told() -> None:
    body = b'{"protocol": "all", "destination": "ocid1.n", "destinationType": "%s"}'
    for kind in (PeerKind.NSG, PeerKind.SERVICE):
        rule = msgspec.json.decode(body % kind.encode(), type=Rule)
        assert (rule.peer, rule.peer_kind) == ("ocid1.n", kind)


@pytest.mark.parametrize(
    "body",
    [
        b'{"protocol": "6"}',
        b'{"protocol": "6", "source": "10.0.0.0/8", "destination": "10.0.0.0/8"}',
        b'{"protocol": "6", "source": "10.0.0.1/8"}',
        b'{"protocol": "6", "source": "any"}',
        TCP.replace(b"80", b"70000"),
    ],
)
def test_rule_that_makes_no_sense_is_refused(body: bytes) -> None:
    with pytest.raises((msgspec.MsgspecError, ValueError)):
        msgspec.json.decode(body, type=Rule)


def test_route_is_read() -> None:
    body = b'{"destination": "%s", "networkEntityId": "ocid1.d", "destinationType": %s}'
    route = msgspec.json.decode(body % (b"0.0.0.0/0", b"null"), type=Route)
    assert not route.is_service
    label = body % (b"all-iad", b'"SERVICE_CIDR_BLOCK"')
    assert msgspec.json.decode(label, type=Route).is_service
    with pytest.raises((msgspec.MsgspecError, ValueError)):
        msgspec.json.decode(body % (b"all-iad", b"null"), type=Route)
