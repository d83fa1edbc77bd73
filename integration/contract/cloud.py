"""A fake cloud over real sockets, in a thread of its own because the SDK blocks."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fakeoci import tls
from fakeoci.api.service import Service
from fakeoci.cloud import served
from fakeoci.server import Door, listen
from fakeoci.world import worldfile

INSTANCE_ADDRESS = "10.0.0.2"
"""IMDS takes a caller at the second door for the instance with this address."""


class Clock:
    """Real time plus the time that was slept; sleeping returns at once."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        """Return the cloud's time."""
        return time.time() + self.ahead

    def sleep(self, seconds: float) -> None:
        """Advance the cloud's time and return at once."""
        self.ahead += seconds

    time = __call__


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """The running fake; tests change it directly between calls."""

    service: Service
    clock: Clock
    url: str
    instance_url: str
    workload_port: int

    @property
    def tls_url(self) -> str:
        """Return the URL at which the cloud is served by TLS."""
        return f"https://127.0.0.1:{self.workload_port}"


@contextmanager
def running() -> Iterator[Cloud]:
    """Serve a default world until the end of the block."""
    clock = Clock()
    service = Service(worldfile.parse(worldfile.default_text()), clock)
    service.world.settings.timing.latency_seconds = 0.0
    # Slow enough that nothing is done before the next call.
    service.world.settings.timing.attach_seconds = 20.0
    service.world.settings.timing.detach_seconds = 10.0
    service.world.settings.timing.bulk_seconds = 5.0
    sockets = [listen("127.0.0.1", 0) for _ in range(3)]
    ports = [s.getsockname()[1] for s in sockets]
    urls = [f"http://127.0.0.1:{port}" for port in ports]
    doors = [
        Door(socket=sockets[0], admin=True),
        Door(socket=sockets[1], client_address=INSTANCE_ADDRESS),
        Door(socket=sockets[2], tls=tls.context(service.identities.authority)),
    ]
    with served(service, doors):
        yield Cloud(
            service=service,
            clock=clock,
            url=urls[0],
            instance_url=urls[1],
            workload_port=ports[2],
        )
