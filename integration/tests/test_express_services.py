"""Services, node ports and host ports beside direct connections of the same ports."""

import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

import pytest

from integration.lab import express, frames, others, streams
from integration.lab.bare import OUTSIDE, OUTSIDE_ADDRESSES, BareNode, BareStage
from integration.lab.streams import Address, Stream
from integration.tests.express import FAMILIES, two

SERVICES = ("10.96.0.10", "2001:db8:96::10")
SERVICE_PORT, NODE_PORT = 80, 30080
UNREACHABLE = 3
MINE, THEIRS = express.PORTS
OTHER_PORTS = (MINE + 1, THEIRS)


def translated(
    node: BareNode, address: str, port: int, backend: str
) -> AbstractContextManager[None]:
    """Lead an address and port to a pod, as kube-proxy and the portmap plugin do."""
    family, to = ("ip6", f"[{backend}]") if ":" in address else ("ip", backend)
    rule = f"{family} daddr {address} meta l4proto {{ tcp, udp }}"
    rule += f" th dport {port} dnat {family} to {to}:{THEIRS}"
    hook = "nat hook prerouting priority dstnat"
    return others.table(node.name, "inet lab", others.chain(hook, rule))


@contextmanager
def both(
    client: str, own: Address, listener: socket.socket, led: Address, *, direct: bool
) -> Iterator[tuple[Stream, Stream]]:
    """Yield two connections from one port: a direct one, and one that is translated.

    Args:
        client: the client's namespace.
        own: the client's address.
        listener: accepts both.
        led: the address that is translated to that of the listener.
        direct: whether the direct one is the first.
    """
    with ExitStack() as opened:
        found = {
            to: opened.enter_context(streams.connect(client, own, listener, to=to))
            for to in ((None, led) if direct else (led, None))
        }
        yield found[None], found[led]


ORDERS = pytest.mark.parametrize(
    "first", [True, False], ids=["direct first", "direct second"]
)
"""The second of the two gets another port, so it is translated too."""


@FAMILIES
@ORDERS
def test_a_service_beside_a_direct_connection(
    stage: BareStage, *, first: bool, six: bool
) -> None:
    a, b = two(stage)
    service = (SERVICES[six], SERVICE_PORT)
    own, theirs = (a.address(six=six), MINE), b.address(six=six)
    with (
        translated(a.node, *service, theirs),
        streams.listen(b.name, (theirs, THEIRS)) as listener,
        both(a.name, own, listener, service, direct=first) as (direct, led),
    ):
        assert not express.rides(a.node, led.exchange)
        assert express.rides(a.node, direct.exchange) is first
        assert express.rides(b.node, direct.exchange)
        assert not express.rides(a.node, led.exchange)


@FAMILIES
@ORDERS
@pytest.mark.parametrize("port", ["node port", "host port"])
def test_a_port_of_the_node_beside_a_direct_connection(
    stage: BareStage, port: str, *, first: bool, six: bool
) -> None:
    a, _ = two(stage)
    vnic = a.node.vnics[0 if port == "node port" else 1]
    on_node = (vnic["ipv6" if six else "address"], NODE_PORT)
    own, theirs = (OUTSIDE_ADDRESSES[six], MINE), a.address(six=six)
    with (
        translated(a.node, *on_node, theirs),
        streams.listen(a.name, (theirs, THEIRS)) as listener,
        both(OUTSIDE, own, listener, on_node, direct=first) as (direct, led),
    ):
        assert not express.rides(a.node, led.exchange)
        assert express.rides(a.node, direct.exchange) is first
        assert not express.rides(a.node, led.exchange)


def test_a_service_takes_over_the_ports_of_a_lost_connection(
    stage: BareStage,
) -> None:
    """Its client vanished without a word, and connection tracking has forgotten it."""
    a, b = two(stage)
    service = (SERVICES[0], SERVICE_PORT)
    lost = express.tcp(a, b)
    assert express.rides(a.node, lost.exchange)
    lost.vanish()
    express.forget(a.node, a.address())
    with (
        translated(a.node, *service, b.address()),
        express.tcp(a, b, to=service) as stream,
    ):
        assert not express.rides(a.node, stream.exchange)


def test_a_removed_backend_is_left(stage: BareStage) -> None:
    a, b = two(stage)
    c = stage.pod(2)
    service = (SERVICES[0], SERVICE_PORT)
    with (
        express.udp(a, b) as direct,
        translated(a.node, *service, b.address()),
        express.udp(a, b, ports=OTHER_PORTS, to=service) as first,
    ):
        assert express.rides(a.node, direct.exchange)
        first.exchange()
        stage.unplug(b)
        with express.watch(a) as pod:
            assert not direct.arrives()
            # As on the ordinary path, the pod is told.
            answers = {frames.icmp_type(p) for p in pod.packets(b"")}
        assert UNREACHABLE in answers
    express.forget(a.node, SERVICES[0])  # as kube-proxy does for UDP
    with (
        translated(a.node, *service, c.address()),
        express.udp(a, c, ports=OTHER_PORTS, to=service) as second,
    ):
        assert not express.rides(a.node, second.exchange)
