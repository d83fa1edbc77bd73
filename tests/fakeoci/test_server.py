"""Faults and broken requests over real sockets."""

import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

import pytest
import trio

from fakeoci.api.app import build
from fakeoci.api.service import Fault, Service
from fakeoci.server import Door, listen, serve_doors
from fakeoci.world import worldfile

REQUEST = b"GET /20160918/vcns?compartmentId=%s HTTP/1.1\r\nhost: x\r\n\r\n"
PATIENCE_SECONDS = 30.0


@pytest.fixture
def service() -> Service:
    made = Service(worldfile.parse(worldfile.default_text()), time.time)
    made.world.settings.behaviour.verify_signatures = False
    made.world.settings.timing.latency_seconds = 0.0
    return made


@contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    with closing(socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS)) as to:
        yield to


def listed(to: socket.socket, compartment: str) -> bytes:
    """Send a request; return the first bytes of the answer."""
    to.sendall(REQUEST % compartment.encode())
    return to.recv(65536)


async def lists(service: Service, kinds: list[str]) -> list[bytes | type[OSError]]:
    """List VCNs on a connection for each kind of fault; return each outcome."""
    seen: list[bytes | type[OSError]] = []

    def ask(port: int) -> bytes | type[OSError]:
        with connected(port) as to:
            try:
                return listed(to, service.world.compartment_id)[:12]
            except OSError as error:
                return type(error)

    async with trio.open_nursery() as nursery:
        listening = listen("127.0.0.1", 0)
        port = listening.getsockname()[1]
        await serve_doors(build(service), [Door(socket=listening)], nursery)
        for kind in kinds:
            if kind:
                service.faults.append(Fault(operation="ListVcns", kind=kind))
            seen.append(await trio.to_thread.run_sync(ask, port))
        nursery.cancel_scope.cancel()
    return seen


@pytest.mark.slow
async def test_server_survives_a_connection_reset(service: Service) -> None:
    seen = await lists(service, ["", "reset", "cut", "reset", ""])
    ok = b"HTTP/1.1 200"
    assert seen == [ok, ConnectionResetError, ok, ConnectionResetError, ok]
    assert [r.status for r in service.records] == [200, 0, 0, 0, 200]


HEAD = b" HTTP/1.1\r\nhost: x\r\n"
BROKEN: dict[str, tuple[bytes, bytes]] = {
    "bytes that are no path": (b"GET /20160918/vcns/\xff" + HEAD + b"\r\n", b"400"),
    "bad escapes": (b"GET /20160918/vcns/%zz%ff%00" + HEAD + b"\r\n", b"404"),
    "a query too long": (
        b"GET /20160918/vcns?page=" + b"x" * 9000 + HEAD + b"\r\n",
        b"431",
    ),
    "a head without end": (
        b"GET /20160918/vcns?" + b"x" * 70_000 + HEAD + b"\r\n",
        b"431",
    ),
    "a proxy's target": (b"GET http://x/20160918/vcns" + HEAD + b"\r\n", b"501"),
    "a star": (b"OPTIONS *" + HEAD + b"\r\n", b"501"),
    "an unknown method": (b"BREW /20160918/vcns" + HEAD + b"\r\n", b"501"),
    "TLS": (b"\x16\x03\x01\x02\x00\r\n\r\n", b"400"),
    "chunks that are none": (
        b"POST /20160918/vcns" + HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
        b"400",
    ),
}
"""Broken requests, each with the status of its answer."""


async def answers(service: Service, requests: Sequence[bytes]) -> list[bytes]:
    """Send each request on its own connection; return each answer's first bytes."""
    seen: list[bytes] = []

    def ask(port: int, request: bytes) -> bytes:
        with connected(port) as to:
            to.sendall(request)
            return to.recv(65536)

    async with trio.open_nursery() as nursery:
        listening = listen("127.0.0.1", 0)
        port = listening.getsockname()[1]
        await serve_doors(build(service), [Door(socket=listening)], nursery)
        seen += [await trio.to_thread.run_sync(ask, port, r) for r in requests]
        nursery.cancel_scope.cancel()
    return seen


@pytest.mark.matrix(fast=3)
@pytest.mark.parametrize("what", BROKEN)
async def test_broken_requests_are_refused_and_the_server_goes_on(
    service: Service, what: str, capfd: pytest.CaptureFixture[str]
) -> None:
    request, status = BROKEN[what]
    good = REQUEST % service.world.compartment_id.encode()
    refusal, answer = await answers(service, [request, good])
    assert refusal.startswith(b"HTTP/1.1 " + status)
    assert answer.startswith(b"HTTP/1.1 200")
    assert "Traceback" not in "".join(capfd.readouterr())
