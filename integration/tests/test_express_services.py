"""Services, node ports and host ports beside direct connections of the same ports."""

from contextlib import AbstractContextManager, ExitStack

import pytest

from integration.lab import express, frames, others, streams
from integration.lab.bare import OUTSIDE, OUTSIDE_ADDRESSES, BareNode, BareStage
from integration.lab.streams import Datagrams
from integration.tests.express import FAMILIES, two

SERVICES = ("10.96.0.10", "2001:db8:96::10")
SERVICE_PORT, NODE_PORT = 80, 30080
UNREACHABLE = 3
MINE, THEIRS = express.PORTS


def translated(
    node: BareNode, address: str, port: int, backend: str
) -> AbstractContextManager[None]:
    """Lead an address and port to a pod, as kube-proxy and the portmap plugin do."""
    family, to = ("ip6", f"[{backend}]") if ":" in address else ("ip", backend)
    rule = f"{family} daddr {address} meta l4proto {{ tcp, udp }}"
    rule += f" th dport {port} dnat {family} to {to}:{THEIRS}"
    hook = "nat hook prerouting priority dstnat"
    return others.table(node.name, "inet lab", others.chain(hook, rule))


ORDERS = pytest.mark.parametrize("order", ["direct first", "direct second"])


@FAMILIES
@ORDERS
def test_a_service_beside_a_direct_connection(
    stage: BareStage, order: str, *, six: bool
) -> None:
    a, b = two(stage)
    service = (SERVICES[six], SERVICE_PORT)
    mine, theirs = (a.address(six=six), MINE), b.address(six=six)
    targets = [None, service] if order == "direct first" else [service, None]
    with (
        translated(a.node, *service, theirs),
        streams.listen(b.name, theirs, THEIRS) as listener,
        ExitStack() as both,
    ):
        opened = {}
        for to in targets:
            stream = streams.connect(a.name, mine, listener, to=to)
            opened[to] = both.enter_context(stream)
        assert not express.rides(a.node, opened[service].exchange)
        # The second of the two has got another port, so it is translated too.
        expected = order == "direct first"
        assert express.rides(a.node, opened[None].exchange) is expected
        assert express.rides(b.node, opened[None].exchange)
        assert not express.rides(a.node, opened[service].exchange)


@FAMILIES
@ORDERS
@pytest.mark.parametrize("port", ["node port", "host port"])
def test_a_port_of_the_node_beside_a_direct_connection(
    stage: BareStage, order: str, port: str, *, six: bool
) -> None:
    a, _ = two(stage)
    vnic = a.node.vnics[0 if port == "node port" else 1]
    on_node = (vnic["ipv6" if six else "address"], NODE_PORT)
    theirs = a.address(six=six)
    client = (OUTSIDE_ADDRESSES[six], MINE)
    targets = [None, on_node] if order == "direct first" else [on_node, None]
    with (
        translated(a.node, *on_node, theirs),
        streams.listen(a.name, theirs, THEIRS) as listener,
        ExitStack() as both,
    ):
        opened = {}
        for to in targets:
            stream = streams.connect(OUTSIDE, client, listener, to=to)
            opened[to] = both.enter_context(stream)
        assert not express.rides(a.node, opened[on_node].exchange)
        expected = order == "direct first"
        assert express.rides(a.node, opened[None].exchange) is expected
        assert not express.rides(a.node, opened[on_node].exchange)


def test_a_service_takes_over_the_ports_of_a_lost_connection(
    stage: BareStage,
) -> None:
    """Its client vanished without a word, and connection tracking has forgotten it."""
    a, b = two(stage)
    service = (SERVICES[0], SERVICE_PORT)
    mine, theirs = (a.address(), MINE), b.address()
    with streams.listen(b.name, theirs, THEIRS) as listener:
        lost = streams.connect(a.name, mine, listener)
        assert express.rides(a.node, lost.exchange)
        for end in (lost.client, lost.server):
            streams.vanish(end)
        express.forget(a.node, a.address())
        with (
            translated(a.node, *service, theirs),
            streams.connect(a.name, mine, listener, to=service) as stream,
        ):
            assert not express.rides(a.node, stream.exchange)


def test_a_removed_backend_is_left(stage: BareStage) -> None:
    a, b = two(stage)
    c = stage.pod(2)
    service = (SERVICES[0], SERVICE_PORT)
    with (
        express.udp(a, b) as direct,
        translated(a.node, *service, b.address()),
        _through(a.name, a.address(), service, b.name, b.address()) as first,
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
        _through(a.name, a.address(), service, c.name, c.address()) as second,
    ):
        assert not express.rides(a.node, second.exchange)


def _through(
    client: str, mine: str, service: tuple[str, int], server: str, theirs: str
) -> Datagrams:
    return streams.talk((client, mine, MINE + 1), (server, theirs, THEIRS), to=service)
