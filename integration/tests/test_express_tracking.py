"""Connection tracking, which sees only samples of a flow in the express lane."""

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest

from fakeoci.fabric import netns
from integration.lab import express, others, streams
from integration.lab.bare import BareNode, BarePod, BareStage
from integration.lab.streams import Stream, push
from integration.tests.express import BRIEF, FAMILIES, LASTS, two

BULK = 24 << 20
"""More than any window."""
SHORT_CONNECTIONS = 1000
DAY = 24 * 3600
CLOSERS = pytest.mark.parametrize("back", [False, True], ids=["client", "server"])
"""Who closes the connection first."""


@contextmanager
def invalid_dropped(*nodes: BareNode) -> Iterator[None]:
    """Drop what is out of its connection's window, as kube-proxy and firewalls do."""
    hook = "filter hook forward priority filter - 5"
    with ExitStack() as tables:
        for node in nodes:
            drops = others.chain(hook, "ct state invalid counter drop")
            tables.enter_context(others.table(node.name, "inet lab", drops))
        yield


@contextmanager
def timeouts(node: BareNode, **seconds: int) -> Iterator[None]:
    """Shorten timeouts of connection tracking; their names as in nf_conntrack_*."""
    paths = {f"netfilter/nf_conntrack_{name}": name for name in seconds}
    before = netns.inside(
        node.name, lambda: {p: int(Path("/proc/sys/net", p).read_text()) for p in paths}
    )
    netns.sysctl(node.name, {p: seconds[name] for p, name in paths.items()})
    try:
        yield
    finally:
        netns.sysctl(node.name, before)


def entries(stage: BareStage) -> list[str]:
    """Return the entries of the usual ports on both nodes."""
    return [x for node in stage.nodes for x in express.connections(node, "dport=8080")]


def tracked(node: BareNode) -> tuple[str, int]:
    """Return the state of the one TCP connection that is tracked, and its timeout."""
    (line,) = express.connections(node, "tcp", "dport=8080")
    words = line.split()
    return words[5], int(words[4])


@contextmanager
def moved_on(stage: BareStage, *, six: bool = False) -> Iterator[Stream]:
    """Yield a connection that has sent much, both ways, by the lane."""
    a, b = two(stage)
    with invalid_dropped(*stage.nodes), express.tcp(a, b, six=six) as stream:
        stream.exchange(4)
        assert express.share(a.node, partial(stream.exchange, 1, BULK)).mostly_express
        yield stream


@FAMILIES
@CLOSERS
def test_fin_arrives_out_of_the_window(
    stage: BareStage, *, back: bool, six: bool
) -> None:
    with moved_on(stage, six=six) as stream:
        first, second = stream.in_order(back=back)
        first.close()
        assert second.recv(1) == b""
        second.close()
        for node in stage.nodes:
            assert tracked(node)[0] in {"TIME_WAIT", "LAST_ACK"}


@FAMILIES
@CLOSERS
def test_rst_arrives_out_of_the_window(
    stage: BareStage, *, back: bool, six: bool
) -> None:
    with moved_on(stage, six=six) as stream:
        first, second = stream.in_order(back=back)
        reset(first)
        with pytest.raises(ConnectionResetError):
            second.recv(1)
        for node in stage.nodes:
            assert tracked(node)[1] < DAY / 24


@FAMILIES
def test_sequence_numbers_begin_again(stage: BareStage, *, six: bool) -> None:
    a, b = two(stage)
    with (
        invalid_dropped(*stage.nodes),
        streams.listen(b.name, (b.address(six=six), 8080)) as listener,
        beginning_late(a, listener, six=six) as stream,
    ):
        stream.exchange(4)
        assert express.share(a.node, partial(stream.exchange, 1, BULK)).mostly_express
        assert streams.next_sequence(stream.client) < BULK
        stream.client.close()
        assert stream.server.recv(1) == b""
        stream.server.close()


def beginning_late(a: BarePod, listener: socket.socket, *, six: bool) -> Stream:
    """Return a connection whose client has few sequence numbers left."""
    for port in range(10_000, 30_000):
        stream = streams.connect(a.name, (a.address(six=six), port), listener)
        if streams.next_sequence(stream.client) > (1 << 32) - BULK / 2:
            return stream
        stream.vanish()
    raise AssertionError("no port's sequence numbers begin late")


def reset(end: socket.socket) -> None:
    """Close an end by RST."""
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("=ii", 1, 0))
    end.close()


@FAMILIES
def test_half_of_a_closed_connection_goes_on(stage: BareStage, *, six: bool) -> None:
    with moved_on(stage, six=six) as stream:
        stream.client.shutdown(socket.SHUT_WR)
        assert stream.server.recv(1) == b""
        push(stream.server, stream.client, BULK)
        stream.server.close()
        assert stream.client.recv(1) == b""
        stream.client.close()
        for node in stage.nodes:
            assert tracked(node)[0] in {"TIME_WAIT", "LAST_ACK", "CLOSE_WAIT"}


@BRIEF
@FAMILIES
@pytest.mark.parametrize("size", [100, 200_000], ids=["requests", "bulk"])
def test_a_connection_that_rests_is_not_forgotten(
    stage: BareStage, size: int, *, six: bool
) -> None:
    """As on the ordinary path: hours later a firewall still knows it."""
    a, b = two(stage)
    with express.tcp(a, b, six=six) as stream:
        end = time.monotonic() + 2 * LASTS
        while time.monotonic() < end:
            stream.exchange(3, size)
        for node in stage.nodes:
            assert tracked(node)[1] > DAY


@FAMILIES
def test_the_same_ports_are_used_again_at_once(stage: BareStage, *, six: bool) -> None:
    a, b = two(stage)
    with invalid_dropped(*stage.nodes):
        for _ in range(5):
            with express.tcp(a, b, six=six) as stream:
                seen = express.share(a.node, partial(stream.exchange, 10))
                assert seen.express
                # Client and server close in turn: the client's port is free at once.
                reset(stream.client)


@FAMILIES
def test_a_new_connection_starts_the_ordinary_way(
    stage: BareStage, *, six: bool
) -> None:
    """What its ports' last connection had in the lane does not count for it."""
    a, b = two(stage)
    with express.tcp(a, b, six=six) as lost:
        assert express.rides(a.node, lost.exchange)
        lost.vanish()
    before = [express.state(node)["express_packets"] for node in stage.nodes]
    with express.tcp(a, b, six=six) as stream:
        # Not one packet of the handshake, and so no answer to it either.
        after = [express.state(node)["express_packets"] for node in stage.nodes]
        assert after == before
        assert express.rides(a.node, stream.exchange)


@FAMILIES
def test_simultaneous_open(stage: BareStage, *, six: bool) -> None:
    a, b = two(stage)
    mine, theirs = ((x.address(six=six), n) for x, n in ((a, 4000), (b, 8080)))
    socks = []
    with ExitStack() as both, invalid_dropped(*stage.nodes):
        with express.held_back(*stage.nodes, six=six) as release:
            for name, own, other in ((a.name, mine, theirs), (b.name, theirs, mine)):
                sock = streams.bound(name, socket.SOCK_STREAM, own)
                both.callback(sock.close)
                sock.settimeout(0)
                with pytest.raises(BlockingIOError):
                    sock.connect(other)
                socks.append(sock)
            release()
        for sock in socks:
            sock.settimeout(streams.ANSWER_SECONDS)
        stream = Stream(client=socks[0], server=socks[1])
        assert express.rides(a.node, stream.exchange)
        stream.close()
        assert tracked(a.node)[0] == "TIME_WAIT"


def test_short_connections_leave_no_entry(stage: BareStage) -> None:
    a, b = two(stage)
    short = {
        f"tcp_timeout_{name}": 1
        for name in ("time_wait", "close", "close_wait", "fin_wait", "last_ack")
    }
    with ExitStack() as changed, invalid_dropped(*stage.nodes):
        for node in stage.nodes:
            changed.enter_context(timeouts(node, **short))
        express.forget(a.node, a.address())
        express.forget(b.node, a.address())
        with streams.listen(b.name, (b.address(), 8080)) as listener:
            for n in range(SHORT_CONNECTIONS):
                with streams.connect(a.name, (a.address(), 10_000 + n), listener) as s:
                    s.exchange(3)
                    if n % 3 == 1:
                        reset(s.server)
                    elif n % 3 == 2:
                        s.server.close()
        express.until(lambda: entries(stage) == [], "the entries are gone")


@BRIEF
@FAMILIES
@pytest.mark.parametrize("back", [False, True], ids=["there", "back"])
def test_udp_outlives_the_timeouts_of_its_connection(
    stage: BareStage, *, back: bool, six: bool
) -> None:
    """One direction talks on, for longer than an entry lives that nobody renews."""
    a, b = two(stage)
    with (
        ExitStack() as changed,
        express.udp(a, b, six=six) as flow,
    ):
        for node in stage.nodes:
            # Of this the lane leaves all but half a second: a busy machine may rest.
            short = {"udp_timeout": 2, "udp_timeout_stream": 2}
            changed.enter_context(timeouts(node, **short))
        flow.exchange(express.EXCHANGES)
        for _ in range(3):
            lost = express.count_lost(flow, back=back, seconds=1.0)
            assert lost == 0
            for node in stage.nodes:
                assert len(express.connections(node, "udp", "dport=8080")) == 1
        seen = express.share(
            a.node, lambda: [flow.arrives(back=back) for _ in range(100)]
        )
        assert seen.express > 90
