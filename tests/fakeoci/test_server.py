"""Faults over real sockets: what the kernel tells a client."""

import socket
import time
from collections.abc import Iterator
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
    """Send a request and return what comes back first."""
    to.sendall(REQUEST % compartment.encode())
    return to.recv(65536)


async def lists(service: Service, kinds: list[str]) -> list[bytes | type[OSError]]:
    """List VCNs on a connection for each kind of fault; return how that ended."""
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


async def test_a_reset_is_one_and_the_server_goes_on(service: Service) -> None:
    seen = await lists(service, ["", "reset", "cut", "reset", ""])
    ok = b"HTTP/1.1 200"
    assert seen == [ok, ConnectionResetError, ok, ConnectionResetError, ok]
    assert [r.status for r in service.records] == [200, 0, 0, 0, 200]
